# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For tests of `shadowctl capture`, behind lib/check.sh. Makes the shadow target, a folder to work
# in, and the programs dd_in and dd_out, whose vfs_write() calls the tests count.
tracefs=/sys/kernel/tracing
[ -e $tracefs/kprobe_events ] || mount -t tracefs tracefs $tracefs || exit 1
[ -e /sys/kernel/debug/kprobes ] || mount -t debugfs debugfs /sys/kernel/debug || exit 1
[ -e $tracefs/kprobe_events ] || { echo "this kernel has no kprobe events"; exit 77; }
bpftrace=$(command -v bpftrace)
[ -e /sys/kernel/btf/vmlinux ] || bpftrace=
work=$(mktemp -d)
cd "$work" || exit 1
trap 'cd /; rm -rf "$work"' EXIT
cp "$(command -v dd)" dd_in && cp dd_in dd_out || exit 1
shadowctl create target || exit 1

writes_in() {
	shadowctl run target -- ./dd_in if=/dev/zero of=/dev/null bs=1 status=none count="$1"
}

writes_out() {
	./dd_out if=/dev/zero of=/dev/null bs=1 status=none count="$1"
}

# capture ARGUMENT...	starts `shadowctl capture` in the background, sets $tool, writes out and err
capture() {
	shadowctl capture "$@" >out 2>err &
	tool=$!
}

# tool_says LINE	writes LINE to the tool's FIFO, at descriptor 3, and prints what the tool answers in out
tool_says() {
	local before
	before=$(wc -l <out)
	echo "$1" >&3
	for _ in $(seq 100); do
		[ "$(wc -l <out)" -gt "$before" ] && break
		sleep 0.1
	done
	tail -n 1 out
}

# captured FUNCTION	prints how many kprobes are captured in it
captured() {
	shadowctl capture --list | awk -v f="$1" '{ sub(/\+0x[0-9a-f]+$/, "") } $5 == f { nr++ } END { print nr + 0 }'
}

# captured_hits	prints the hits of all captured kprobes
captured_hits() {
	shadowctl capture --list | awk 'NR > 1 { sum += $3 } END { print sum + 0 }'
}

# armed FUNCTION NR	waits until NR kprobes are captured there
armed() {
	for _ in $(seq 600); do
		[ "$(captured "$1")" -ge "$2" ] && return
		kill -0 "$tool" 2>/dev/null || [ "$2" -le "$(captured "$1")" ] || break
		sleep 0.1
	done
	fail "$1: not $2 kprobes are captured: $(shadowctl capture --list) $(cat out err)"
}

# interrupt PID	ends a bpftrace, or the shadowctl that passes signals on to it. bpftrace 0.17 loses a
# signal that comes between two polls (BPFtrace::poll_perf_events()), so one may not be enough.
interrupt() {
	for _ in $(seq 100); do
		kill -INT "$1" 2>/dev/null || break
		for _ in $(seq 20); do
			kill -0 "$1" 2>/dev/null || break 2
			sleep 0.1
		done
	done
	wait "$1" 2>/dev/null
}

# module_settled	waits until the module has no user: helpers hold it for a grace period
module_settled() {
	for _ in $(seq 300); do
		[ "$(awk '$1 == "shadowk" { print $3 }' /proc/modules)" = 0 ] && return
		sleep 0.1
	done
	fail "the module stays in use"
}

# settled	waits until nothing is captured
settled() {
	for _ in $(seq 300); do
		[ "$(shadowctl capture --list | wc -l)" = 1 ] && return
		sleep 0.1
	done
	fail "captured kprobes are left: $(shadowctl capture --list)"
}

# kprobe FUNCTION	prints the kprobes at its entry, without those of shadowk itself
kprobe() {
	awk -v f="$1" '{ sub(/\+0x[04]$/, "", $3) }
		$3 == f { print $2, $3, /DISABLED/ ? "DISABLED" : "armed" }' \
		/sys/kernel/debug/kprobes/list | sort
}

# traced FUNCTION	prints it if ftrace is on there, as for a kprobe that is armed in the base
traced() {
	grep -w "^$1" $tracefs/enabled_functions
}

# nothing_left FUNCTION	checks that no kprobe is captured or registered there
nothing_left() {
	settled
	is "kprobes/list behind" "$(kprobe "$1")" ""
	is "enabled_functions behind" "$(traced "$1")" ""
}
