#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=240
# perf, bpftrace and trace-cmd see shadowk:shadowk_probe like any other tracepoint.
command -v perf >/dev/null && command -v bpftrace >/dev/null || { echo "no perf, or no bpftrace"; exit 77; }
failures=0
work=$(mktemp -d)
cd "$work" || exit 1
trap 'rm -rf "$work"; shadowctl destroy tools >/dev/null 2>&1' EXIT

# Opens 25 files by their names for reading. bash itself opens few.
cat >workload <<'EOF'
for i in {1..25}; do : </proc/version; done
EOF
shadowctl create tools >/dev/null || exit 1
shadowctl probe add tools do_sys_openat2 --kind event --name opened >/dev/null || exit 1

# Prints how many hits the probe has had.
hits() { shadowctl probe list tools --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["hits"])'; }

expect() {
	if [ "$1" != "$2" ]; then
		echo "FAIL: $3: $1, expected $2"
		failures=$((failures + 1))
	fi
}

before=$(hits)
perf stat -x, -e shadowk:shadowk_probe -o stat -- shadowctl run tools -- bash workload || exit 1
seen=$(grep shadowk_probe stat | cut -d, -f1)
now=$(hits)
[ "$((now - before))" -ge 25 ] || { echo "FAIL: $((now - before)) hits, expected 25 at least"; exit 1; }
expect "$seen" $((now - before)) "events of perf stat"

before=$now
perf record -q -e shadowk:shadowk_probe -o data -- shadowctl run tools -- bash workload || exit 1
perf script -i data >script 2>/dev/null
now=$(hits)
expect "$(grep -c 'shadow=tools probe=opened ip=' script)" $((now - before)) "events of perf record"

# bpftrace needs BTF of the kernel, which the debug kernel lacks.
if [ ! -e /sys/kernel/btf/vmlinux ]; then
	[ $failures = 0 ]
	exit
fi
before=$now
# bpftrace exits when this shell calls umask(2). bpftrace 0.17 would lose a signal that comes
# between two polls.
bpftrace -e 'BEGIN { printf("ready\n"); }
	tracepoint:syscalls:sys_enter_umask /pid == '$$'/ { exit(); }
	tracepoint:shadowk:shadowk_probe /str(args->shadow) == "tools"/ {
		@[str(args->probe), comm] = count(); @paths[str(uptr(args->arg2))] = count(); }' >bpf 2>err &
bpftrace=$!
until grep -q ready bpf; do
	kill -0 $bpftrace || { cat err; exit 1; }
	sleep 0.2
done
shadowctl run tools -- bash workload || exit 1
umask 022
wait $bpftrace
now=$(hits)
total=$(grep '^@\[opened, ' bpf | sed 's/.*: //' | paste -sd+ | bc)
expect "$total" $((now - before)) "events of bpftrace"
expect "$(grep -c '^@paths\[/proc/version\]: 25$' bpf)" 1 "paths that bpftrace read from an argument"
[ $failures = 0 ] || cat bpf err

before=$now
if command -v trace-cmd >/dev/null; then
	trace-cmd record -q -e shadowk:shadowk_probe -o trace.dat shadowctl run tools -- bash workload >/dev/null 2>err || { cat err; exit 1; }
	now=$(hits)
	expect "$(trace-cmd report -i trace.dat 2>/dev/null | grep -c 'shadow=tools probe=opened')" $((now - before)) "events of trace-cmd"
fi
exit $((failures > 0))
