#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=60
# `shadowctl own --device` finds the interrupt lines of a disk. Each of its interrupts, and no
# other, is a hit in the owner.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
disk=nvme0n1
[ -e /sys/class/block/$disk ] && grep -qw nvme_irq /proc/kallsyms || {
	echo "this guest has no disk $disk"
	exit 77
}
need_owners

interrupts() {
	awk '/ nvme0q/ { for (i = 2; i <= 1 + cpus; i++) sum += $i } END { print sum + 0 }' \
		cpus="$(nproc)" /proc/interrupts
}

# hits NAME	prints async hits and hits of all probes
hits() {
	shadowctl probe list "$1" --json | python3 -c 'import json, sys
p = json.load(sys.stdin); p = p if isinstance(p, list) else p["probes"]
print(sum(x["async_hits"] for x in p), sum(x["hits"] for x in p))'
}

for name in disk port; do
	shadowctl create $name --async owner
	shadowctl probe add $name nvme_irq >/dev/null
done
shadowctl own port --device ttyS0
shadowctl own disk --device $disk || exit 1
sync
for _ in 1 2 3 4 5; do
	before=$(interrupts)
	first=$(hits disk)
	dd if=/dev/$disk of=/dev/null bs=64k count=20 iflag=direct 2>/dev/null
	last=$(hits disk)
	after=$(interrupts)
	# Another process may read the disk between the measurements.
	[ $((${last% *} - ${first% *})) = $((after - before)) ] && break
done
is "hits of the disk's interrupts" $((${last% *} - ${first% *})) $((after - before))
[ $((after - before)) -ge 20 ] || is "interrupts" $((after - before)) "20 or more"
is "hits outside of interrupts" "${last#* }" 0
is "hits in the owner of another device" "$(hits port)" "0 0"
shadowctl disown disk --device $disk || exit 1
last=$(hits disk)
dd if=/dev/$disk of=/dev/null bs=64k count=20 iflag=direct 2>/dev/null
is "hits after it was disowned" "$(hits disk)" "$last"
shadowctl destroy disk
shadowctl destroy port
[ $failures = 0 ]
