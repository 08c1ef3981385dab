#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=900
# Root, inside a shadow in which all pages are private and frequent functions have probes, traces,
# probes, loads modules, switches static keys and CPUs. All of it works, while other processes
# inside run.
T=/sys/kernel/tracing
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

if [ "${1:-}" != inside ]; then
	shadowctl create inside || exit 1
	shadowctl raw privatise inside --all >/dev/null || exit 1
	for f in vfs_read __x64_sys_getppid kernel_clone schedule __fput; do
		shadowctl probe add inside $f >/dev/null || exit 1
	done
	shadowctl probe add inside vfs_write --kind event >/dev/null || exit 1
	shadowctl run inside -- "$0" inside || failures=1
	shadowctl probe list inside
	shadowctl probe list inside --json | grep -q '"hits":0,' && {
		echo "a probe has no hits"
		failures=1
	}
	shadowctl destroy inside || failures=1
	exit $failures
fi

# works WHAT COMMAND...	COMMAND must succeed
works() {
	local what=$1
	shift
	"$@" >out 2>&1 || {
		fail "$what: status $?"
		tail -5 out
	}
}

set_() { echo "$2" >"$T/$1"; }
# Stops tracing first, since a trace might grow faster than it is read.
lines() {
	set_ tracing_on 0
	grep -vc '^#' $T/trace
	set_ trace ""
	set_ tracing_on 1
}
# Other processes run on each CPU meanwhile.
others=()
for cpu in $(seq 0 $(($(nproc) - 1))); do
	taskset -c "$cpu" bash -c 'while sleep 0.02; do /bin/true; echo; done >/dev/null' &
	others+=($!)
done
trap 'kill "${others[@]}"' EXIT

modules=/lib/modules/$(uname -r)/extra
set_ buffer_size_kb 128
# Not all functions and events are traced: in an emulator each IPI takes milliseconds.
works "a filter" set_ set_ftrace_filter 'vfs_* tcp_* ext4_*'
works "function tracer" set_ current_tracer function
sleep 0.5
[ "$(lines)" -gt 100 ] || fail "the function tracer traced nothing"
works "no tracer" set_ current_tracer nop
works "graph tracer" set_ current_tracer function_graph
sleep 0.5
works "no graph tracer" set_ current_tracer nop
works "no filter" set_ set_ftrace_filter ''
for e in sched irq timer; do
	works "events of $e" set_ events/$e/enable 1
done
sleep 0.5
for e in sched irq timer; do
	works "no events of $e" set_ events/$e/enable 0
done
[ "$(lines)" -gt 100 ] || fail "the events have no lines in the trace"
echo >$T/trace
works "kprobe events" set_ kprobe_events "p:inside/k vfs_read+0
r:inside/r vfs_write"
works "kprobes on" set_ events/inside/enable 1
cat /proc/self/stat >/dev/null
works "kprobes off" set_ events/inside/enable 0
grep -q 'k: (vfs_read' $T/trace || fail "the kprobe was not hit"
grep -q 'r: (.*vfs_write' $T/trace || fail "the kretprobe was not hit"
works "no kprobe events" set_ kprobe_events ""
for key in kernel.bpf_stats_enabled kernel.sched_schedstats; do
	[ -e "/proc/sys/${key//.//}" ] || continue
	works "sysctl $key" sysctl -qw "$key=1"
	works "sysctl $key" sysctl -qw "$key=0"
done
works "insmod" insmod "$modules/shk_victim.ko"
works "rmmod" rmmod shk_victim
# text_follows_livepatch tests livepatches. After function_graph one takes minutes, outside as well.
if [ -w /sys/devices/system/cpu/cpu1/online ]; then
	works "a CPU off" bash -c 'echo 0 >/sys/devices/system/cpu/cpu1/online'
	works "a CPU on" bash -c 'echo 1 >/sys/devices/system/cpu/cpu1/online'
fi
works "perf stat" perf stat -a -e sched:sched_switch -e context-switches sleep 0.2
works "perf record" perf record -q -B -N --no-bpf-event -o perf.data -a -e cpu-clock sleep 0.2
# bpftrace needs BTF of the kernel, which the debug kernel lacks.
if [ -e /sys/kernel/btf/vmlinux ]; then
	works "bpftrace" timeout -s INT 60 bpftrace -e 'kprobe:vfs_read { @k = count(); }
		kfunc:vfs_write { @f = count(); } kretfunc:vfs_open { @r = count(); }
		tracepoint:sched:sched_switch { @t = count(); } interval:s:2 { exit(); }'
	grep -q '@k: [1-9]' out && grep -q '@f: [1-9]' out && grep -q '@t: [1-9]' out ||
		{ fail "bpftrace saw too little"; cat out; }
fi
exit $((failures > 0))
