#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=120
# `shadowctl own --device` gives the interrupts of a network card and of a disk to their owners, on
# all lines. Each interrupt is a hit in its own owner, although one function handles all of them.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
# shellcheck source=tests/guest/lib/virtio.sh
. "${0%/*}/lib/virtio.sh"
handler=vring_interrupt
virtio_begin

owned_lines() {
	shadowctl show "$1" | awk '$1 == "owns" && $2 == "irq" { print $3 }' | sort -n | xargs
}

# counted WHAT COMMAND...	interrupts of a device must be hits in its owner only
counted() {
	local what=$1 device
	local -A before_hits before
	shift
	for device in "$card" "$disk"; do
		before_hits[$device]=$(hits "$device" $handler)
		before[$device]=$(interrupts "$device")
	done
	"$@" >/dev/null
	for device in "$card" "$disk"; do
		is "$what: hits of $device's interrupts" \
			$(($(hits "$device" $handler) - before_hits[$device])) \
			$(($(interrupts "$device") - before[$device]))
		got[$device]=$(($(interrupts "$device") - before[$device]))
	done
}

declare -A got
for name in "$card" "$disk" neither; do
	shadowctl create "$name" --async owner
	shadowctl probe add "$name" $handler >/dev/null
done
shadowctl probe add "$disk" virtblk_done >/dev/null
shadowctl own neither --device ttyS0
read_disk 5
ping_far 5 >/dev/null
is "hits of devices without an owner" "$(hits "$card" $handler) $(hits "$disk" $handler)" "0 0"

shadowctl own "$card" --device "$card" || exit 1
shadowctl own "$disk" --device "$disk" || exit 1
for device in "$card" "$disk"; do
	is "lines of $device" "$(owned_lines "$device")" "$(lines "$device" | sort -n | xargs)"
done
[ "$(lines "$card" | wc -l)" -ge 3 ] || is "lines of $card" "$(lines "$card" | xargs)" "3 or more"

counted "reading" read_disk 20
is "interrupts of 20 reads" "${got[$disk]}" 20
is "reads that complete inside" "$(hits "$disk" virtblk_done)" 20
is "interrupts of another device" "${got[$card]}" 0
counted "packets" ping_far 20
[ "${got[$card]}" -ge 20 ] || is "interrupts of 20 packets" "${got[$card]}" "20 or more"
is "interrupts of the disk" "${got[$disk]}" 0
is "hits in the owner of neither" "$(hits neither $handler)" 0

shadowctl disown "$disk" --device "$disk" || exit 1
shadowctl disown "$card" --device "$card" || exit 1
is "lines owned after disown" "$(owned_lines "$card")$(owned_lines "$disk")" ""
last="$(hits "$card" $handler) $(hits "$disk" $handler)"
read_disk 20
ping_far 20 >/dev/null
is "hits after disown" "$(hits "$card" $handler) $(hits "$disk" $handler)" "$last"
for name in "$card" "$disk" neither; do
	shadowctl destroy "$name"
done
virtio_end
[ $failures = 0 ]
