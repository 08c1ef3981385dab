#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=200
# Where a kprobe cannot be captured, its tool gets an error, and nothing is armed in the base: the
# target was destroyed, or a jump of the target is at the instruction. A helper keeps its patch while
# a tool is in it, and the module stays while a kprobe is captured.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
# shellcheck source=tests/guest/lib/capture.sh
. "${0%/*}/lib/capture.sh"

event=$tracefs/events/probe/shk_write/enable
echo 'p:probe/shk_write vfs_write' >$tracefs/kprobe_events || fail "kprobe_events"

# A tool that enables the event when the FIFO tells it to, and says whether that succeeded.
mkfifo ask
tool_begin() {
	capture target -- bash -c "while read -r value; do
		echo \$value 2>/dev/null >$event && echo yes || echo no; done <ask"
	exec 3>ask
	for _ in $(seq 100); do [ "$(shadowctl list | wc -l)" -ge 3 ] && break; sleep 0.1; done
}

tool_begin
is "enable" "$(tool_says 1)" yes
is "captured" "$(captured vfs_write)" 1
helper=$(shadowctl list | awk '$1 == "(none)" { print $2 }')

# The tool is inside, so its helper stays as it is.
shadowctl patch list "#$helper" | grep -q enable_kprobe || fail "$(shadowctl patch list "#$helper")"
shadowctl patch remove "#$helper" divert 2>/dev/null && fail "the patch was removed"
shadowctl destroy "#$helper" 2>/dev/null && fail "the helper was destroyed"
rmmod shadowk 2>/dev/null && fail "the module was unloaded"

is "disable" "$(tool_says 0)" yes
settled

# A target that is gone.
shadowctl destroy target || fail "destroy"
is "enable without a target" "$(tool_says 1)" no
is "the event" "$(cat $event)" 0
is "enabled_functions" "$(traced vfs_write)" ""
exec 3>&-
wait "$tool"
echo >$tracefs/kprobe_events || fail "events are in use"

# A target that is destroyed while a kprobe is captured.
shadowctl create target
echo 'p:probe/shk_write vfs_write' >$tracefs/kprobe_events || fail "kprobe_events"
tool_begin
is "enable" "$(tool_says 1)" yes
shadowctl destroy target || fail "destroy"
writes_out 10
is "disable" "$(tool_says 0)" yes
exec 3>&-
wait "$tool"
nothing=$(kprobe vfs_write)
is "kprobes/list" "$nothing" "k vfs_write DISABLED"
echo >$tracefs/kprobe_events || fail "events are in use"

# A captured kprobe outlives its tool, and holds the module.
shadowctl create target
echo 'p:probe/shk_write vfs_write' >$tracefs/kprobe_events || fail "kprobe_events"
tool_begin
is "enable" "$(tool_says 1)" yes
exec 3>&-
wait "$tool"
is "captured" "$(captured vfs_write)" 1
writes_out 10
writes_in 10
is "hits" "$(captured_hits)" 10
rmmod shadowk 2>/dev/null && fail "the module was unloaded"
echo 0 >$event
echo >$tracefs/kprobe_events || fail "events are in use"
nothing_left vfs_write

# Bad use.
refused "put it behind --" capture target
refused "no shadow named 'none'" capture none -- true
shadowctl create other --async inherit
is "exit status" "$(shadowctl capture target -- bash -c 'exit 3' 2>/dev/null; echo $?)" 3
shadowctl destroy other
shadowctl destroy target
module_settled
[ $failures = 0 ]
