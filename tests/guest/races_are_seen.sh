#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: races once timeout=90
# The kernel of `make check-races` tells of a data race in a module. It is no complaint of this
# test's, since it is not in shadowk.
set -u
if ! grep -q ' kcsan_' /proc/kallsyms; then
	echo "this kernel does not look for races"
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
echo "no race was told in $try seconds"
exit 1
