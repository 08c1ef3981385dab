#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=300
# A captured kprobe and one of the whole machine are at the same function. Each sees its own calls
# exactly, whichever comes and goes first.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
# shellcheck source=tests/guest/lib/capture.sh
. "${0%/*}/lib/capture.sh"
[ -n "$bpftrace" ] || { echo "no bpftrace, or no BTF for it"; exit 77; }
program='kprobe:vfs_write /comm == "dd_in" || comm == "dd_out"/ { @[comm] = count(); }'

# global_begin	starts bpftrace for the whole machine
global_begin() {
	bpftrace -e "$program" >global 2>&1 &
	global=$!
	for _ in $(seq 600); do
		[ -n "$(traced vfs_write)" ] && return
		sleep 0.1
	done
	fail "the kprobe of the base was not armed: $(cat global)"
}
global_end() {
	interrupt $global
}

calls() {
	writes_in "$1"
	writes_out "$2"
}

for first in captured global; do
	if [ $first = captured ]; then
		capture target -- bpftrace -e "$program"
		armed vfs_write 1
		calls 10 20
		global_begin
	else
		global_begin
		calls 10 20
		capture target -- bpftrace -e "$program"
		armed vfs_write 1
	fi
	calls 100 200
	if [ $first = captured ]; then
		interrupt "$tool"
		calls 1000 2000
		global_end
		want_captured="@[dd_in]: 110"
		want_global="@[dd_in]: 1100 @[dd_out]: 2200"
	else
		global_end
		calls 1000 2000
		interrupt "$tool"
		want_captured="@[dd_in]: 1100"
		want_global="@[dd_in]: 110 @[dd_out]: 220"
	fi
	is "$first first, captured" "$(grep '^@' out | sort | xargs)" "$want_captured"
	is "$first first, global" "$(grep '^@' global | sort | xargs)" "$want_global"
	nothing_left vfs_write
done

shadowctl destroy target || fail "destroy"
module_settled
[ $failures = 0 ]
