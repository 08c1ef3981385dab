#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: races once timeout=90
# The kernel of `make check-races` reports a data race in a module. This does not fail the test,
# since the race is not in shadowk.
set -u
if ! grep -q ' kcsan_' /proc/kallsyms; then
	echo "this kernel has no KCSAN"
	exit 77
fi
insmod "/lib/modules/$(uname -r)/extra/shk_race.ko" || exit 1
for try in $(seq 60); do
	if dmesg | grep 'KCSAN: data-race in write_number \[shk_race\]'; then
		rmmod shk_race
		exit 0
	fi
	sleep 1
done
echo "no race was reported in $try seconds"
exit 1
