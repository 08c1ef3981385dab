# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The virtio devices that a guest has for tests: a disk of zeros, and two network cards that are
# connected with each other. The test uses the second card. The first one is in another network
# namespace, "far".
virtio_modules=(virtio_net virtio_blk virtio_pci)

virtio_begin() {
	modprobe -a "${virtio_modules[@]}" 2>/dev/null
	disk=$(virtio_part block)
	card=$(virtio_part net | tail -n 1)
	if [ -z "$disk" ] || [ -z "$card" ]; then
		echo "this guest has no virtio devices for tests"
		exit 77
	fi
	# Without IPv6, only the test sends packets.
	sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1
	ip netns add far
	ip link set "$(virtio_part net | head -n 1)" netns far name away
	ip addr add 10.9.0.1/24 dev "$card"
	ip link set "$card" up
	ip -n far addr add 10.9.0.2/24 dev away
	ip -n far link set away up
	ping_far 1 >/dev/null
	ip neigh replace 10.9.0.2 dev "$card" nud permanent \
		lladdr "$(ip netns exec far cat /sys/class/net/away/address)"
	ip -n far neigh replace 10.9.0.1 dev away nud permanent \
		lladdr "$(cat "/sys/class/net/$card/address")"
}

virtio_end() {
	ip netns del far
	# A card returns from the namespace some time after the namespace is deleted.
	while grep -Eq '^virtio_(pci|net|blk) ' /proc/modules; do
		rmmod "${virtio_modules[@]}" 2>/dev/null || sleep 0.1
	done
}

# virtio_part CLASS	prints the names of the virtio devices of that class, in their order
virtio_part() {
	find /sys/bus/virtio/devices/*/"$1" -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null
}

# lines DEVICE	prints the numbers of its interrupt lines
lines() {
	awk '$NF ~ "^" name "-" { sub(":", ""); print $1 }' \
		name="$(virtio_name "$1")" /proc/interrupts
}

# interrupts DEVICE	prints the number of interrupts that it has had
interrupts() {
	awk '$NF ~ "^" name "-" { for (i = 2; i <= 1 + cpus; i++) sum += $i }
		END { print sum + 0 }' \
		name="$(virtio_name "$1")" cpus="$(nproc)" /proc/interrupts
}

virtio_name() {
	basename "$(readlink -f "/sys/class/net/$1/device" || readlink -f "/sys/class/block/$1/device")"
}

ping_far() {
	ping -q -c "$1" -i 0.002 -W 5 10.9.0.2
}

read_disk() {
	dd if="/dev/$disk" of=/dev/null bs=4k count="$1" iflag=direct 2>/dev/null
}

# hits NAME SYMBOL	prints the sum of hits and async hits of probes of SYMBOL in shadow NAME
hits() {
	shadowctl probe list "$1" --json | tr -d '", ' | awk -F: '$1 == "symbol" { its = $NF == symbol }
		its && $1 ~ /^(async_)?hits$/ { sum += $2 } END { print sum + 0 }' symbol="$2"
}
