#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test: icount timeout=240
# A process outside executes not one instruction more with the module loaded and with
# shadows that have probes and processes than without the module. The null system call
# costs the same each time; bench/guest/outside.py has operations that need many rounds.
set -eu

count=/usr/lib/shadowk/bench/count
if [ "${SHADOWK_VM:-}" != icount ]; then
	echo "only --icount counts instructions"
	exit 77
fi

least() {
	"$@" "$count" null 1000 7 | tr ' ' '\n' | sort -n | head -n 1
}

compare() {
	local now
	now=$(least env)
	echo "1,000 calls $1: $now instructions, without the module $absent"
	[ "$now" -eq "$absent" ] || failed=1
}

failed=0
rmmod shadowk
absent=$(least env)

modprobe shadowk
compare "with it loaded"
shadowctl create cost
for symbol in __x64_sys_getppid vfs_read vfs_write do_mmap __vm_munmap handle_mm_fault; do
	shadowctl probe add cost "$symbol" >/dev/null
done
shadowctl run cost -- sleep 1000 &
sleeper=$!
while [ "$(shadowctl show cost --json | python3 -c \
	'import json,sys; print(json.load(sys.stdin)["nr_processes"])')" != 1 ]; do :; done
compare "with a process inside"

# The same count sees a probe that does execute.
inside=$(least shadowctl run cost --)
echo "1,000 calls inside, with a probe: $inside instructions"
[ "$inside" -gt "$absent" ] || failed=1

kill $sleeper
wait $sleeper || true
shadowctl destroy cost
exit $failed
