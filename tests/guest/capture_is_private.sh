#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=300
# Kprobes that unmodified tools arm under `shadowctl capture` are hit by the processes of one shadow
# exactly, and by no other process. The base stays as it is. Each way in: bpftrace's kprobe and
# kretprobe, kprobe events of tracefs, and perf stat on such an event. Other tracers are refused.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
# shellcheck source=tests/guest/lib/capture.sh
. "${0%/*}/lib/capture.sh"

if [ -n "$bpftrace" ]; then
	capture target -- bpftrace -e '
		kprobe:vfs_write { @entry[comm] = count(); @func[func] = count(); @one[comm, arg2] = count(); }
		kretprobe:vfs_write { @exit[comm, retval] = count(); }'
	armed vfs_write 2
	is "kprobes/list" "$(kprobe vfs_write)" "k vfs_write DISABLED
r vfs_write DISABLED"
	is "enabled_functions" "$(traced vfs_write)" ""
	writes_out 500
	writes_in 700
	writes_out 500
	interrupt "$tool"
	is "kprobe" "$(grep '^@entry' out)" "@entry[dd_in]: 700"
	is "func" "$(grep '^@func' out)" "@func[vfs_write]: 700"
	is "arguments" "$(grep '^@one' out)" "@one[dd_in, 1]: 700"
	is "kretprobe" "$(grep '^@exit' out)" "@exit[dd_in, 1]: 700"
	nothing_left vfs_write
else
	echo "no bpftrace, or no BTF for it"
fi

echo 'p:probe/shk_write vfs_write' >"$tracefs/kprobe_events" || fail "kprobe_events"
echo 'r:probe/shk_ret vfs_write ret=$retval' >>"$tracefs/kprobe_events" || fail "kprobe_events"

# An event that a shell inside the helper enables. The event stays enabled after the shell.
capture target -- bash -c "echo 1 >$tracefs/events/probe/shk_write/enable &&
	echo 1 >$tracefs/events/probe/shk_ret/enable"
wait "$tool" || fail "enable: $(cat err)"
armed vfs_write 2
echo >"$tracefs/trace"
writes_out 50
writes_in 60
is "tracefs, inside" "$(grep -c 'dd_in-.*shk_write:' "$tracefs/trace")" 60
is "tracefs, returns" "$(grep -c 'dd_in-.*shk_ret:.*ret=\(0x\)\?1$' "$tracefs/trace")" 60
is "tracefs, others" "$(grep -v 'dd_in-' "$tracefs/trace" | grep -c 'shk_')" 0
is "tracefs, base" "$(traced vfs_write)" ""
# Outside, since captures belong to the kprobe.
echo 0 >"$tracefs/events/probe/shk_write/enable"
echo 0 >"$tracefs/events/probe/shk_ret/enable"
settled
is "disabled" "$(shadowctl capture --list | grep -c vfs_write)" 0

if command -v perf >/dev/null; then
	capture target -- perf stat -a -x, -e probe:shk_write -- sleep 1000
	armed vfs_write 1
	writes_out 50
	writes_in 70
	kill -INT "$(pgrep -x sleep)"
	wait "$tool"
	is "perf stat" "$(awk -F, '/probe:shk_write/ { print $1 }' err)" 70
fi
echo >"$tracefs/kprobe_events"
nothing_left vfs_write

# What is not captured is refused, and armed nowhere.
refused_in() {
	shadowctl capture target -- bash -c "$2" >out 2>err && fail "$1 was armed"
	grep -q "shadowctl: $1() was refused" err || fail "$1: $(cat err)"
}
refused_in tracepoint_probe_register "echo 1 >$tracefs/events/raw_syscalls/sys_enter/enable"
is "tracepoint" "$(cat "$tracefs/events/raw_syscalls/sys_enter/enable")" 0
if grep -qw function "$tracefs/available_tracers"; then
	refused_in function_trace_init "echo function >$tracefs/current_tracer"
	is "tracer" "$(cat "$tracefs/current_tracer")" nop
	refused_in register_ftrace_function_probe "echo vfs_write:traceoff >$tracefs/set_ftrace_filter"
fi
is "enabled_functions" "$(traced vfs_write)" ""

shadowctl destroy target || fail "destroy"
module_settled
[ $failures = 0 ]
