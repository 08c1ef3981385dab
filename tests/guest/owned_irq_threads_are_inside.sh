#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: threadirqs timeout=120
# If interrupt handlers are threads, those of an owned device execute the owner, whether they are
# owned by the device or by their names. Handler threads of other devices do not.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
# shellcheck source=tests/guest/lib/virtio.sh
. "${0%/*}/lib/virtio.sh"
complete=virtblk_done
virtio_begin
pgrep "^irq/$(lines "$disk" | head -n 1)-" >/dev/null || {
	virtio_end
	echo "interrupt handlers are no threads; boot with threadirqs"
	exit 77
}

# completed WHAT HITS	20 reads must be HITS hits in the disk's owner
completed() {
	local before
	before=$(hits disk $complete)
	read_disk 20
	is "$1: reads that complete inside" $(($(hits disk $complete) - before)) "$2"
	is "$1: hits in the owner of the card" "$(hits card $complete)" 0
}

for name in disk card; do
	shadowctl create $name --async owner
	shadowctl probe add $name $complete >/dev/null
done
shadowctl own card --device "$card" || exit 1
completed "threads without an owner" 0
shadowctl own disk --device "$disk" || exit 1
completed "threads owned by the device" 20
shadowctl disown disk --device "$disk" || exit 1
completed "disowned threads" 0
shadowctl own disk --kthread "irq/*-$(virtio_name "$disk")*" || exit 1
completed "threads owned by their names" 20
shadowctl destroy disk
shadowctl destroy card
virtio_end
[ $failures = 0 ]
