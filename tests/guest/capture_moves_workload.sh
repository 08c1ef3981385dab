#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=300
# A program that a captured tool traces runs in the target, and its kprobes count it exactly: perf
# forks it before it arms, bpftrace arms first, and Python starts it by vfork. Programs that start a
# tool stay in the helper with it. A workload cannot arm anything, neither in the base nor for the
# target. Other processes of the target can, as without capture.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
# shellcheck source=tests/guest/lib/capture.sh
. "${0%/*}/lib/capture.sh"

events=$tracefs/events/probe
write=(./dd_in if=/dev/zero of=/dev/null bs=1 status=none)
echo 'p:probe/shk_write vfs_write' >$tracefs/kprobe_events || fail "kprobe_events"
echo 'p:probe/shk_open do_sys_openat2' >>$tracefs/kprobe_events || fail "kprobe_events"

# perf_counts OPTION...	prints the hits of the workload of perf, under capture with these options
perf_counts() {
	shadowctl capture target "$@" -- perf stat -x, -o stat -e probe:shk_write -- "${write[@]}" count=300 ||
		fail "perf stat"
	awk -F, '/probe:shk_write/ { print $1 }' stat
}
if command -v perf >/dev/null; then
	is "perf stat" "$(perf_counts)" 300
	is "perf stat, --children helper" "$(perf_counts --children helper)" 0
	settled
fi

if [ -n "$bpftrace" ]; then
	shadowctl capture target -- bpftrace -e 'kprobe:vfs_write { @[comm] = count(); }' \
		-c "${write[*]} count=200" >out 2>err || fail "bpftrace -c: $(cat err)"
	is "bpftrace -c" "$(grep '^@' out)" "@[dd_in]: 200"

	# These start the tool, and are no tools.
	capture target -- bash -c 'timeout -s INT 1000 bpftrace -e "kprobe:vfs_write { @[comm] = count(); }"; true'
	armed vfs_write 1
	is "kprobes/list" "$(kprobe vfs_write)" "$(printf 'k vfs_write DISABLED\n%.0s' 1 2)"
	writes_in 50
	interrupt "$(pgrep -x bpftrace)"
	wait "$tool"
	is "behind two programs" "$(grep '^@' out)" "@[dd_in]: 50"
fi

if command -v python3 >/dev/null; then
	capture target -- python3 -c "
import subprocess
open('$events/shk_write/enable', 'w').write('1')
subprocess.run('${write[*]} count=70'.split(), check=True)"
	wait "$tool" || fail "python: $(cat err)"
	is "a vfork child" "$(captured_hits)" 70
	echo 0 >$events/shk_write/enable
	settled
fi

# A workload that arms, and one of its children. The shell itself is no workload.
cat >arm.sh <<END
echo 1 2>/dev/null >$events/shk_open/enable && echo a kprobe
echo 1 2>/dev/null >$tracefs/events/signal/signal_generate/enable && echo a tracepoint
echo function 2>/dev/null >$tracefs/current_tracer && echo a tracer
perf stat -x, -a -e probe:shk_open true 2>&1 | grep -q "^[0-9]" && echo a perf event
END
capture target -- bash -c "echo 1 >$events/shk_write/enable
	bash arm.sh
	bash -c 'bash arm.sh; true'
	true"
wait "$tool" || fail "shell: $(cat err)"
is "refused" "$(cat out)" ""
is "the tool's own kprobe" "$(captured vfs_write)" 1
is "kprobe" "$(cat $events/shk_open/enable)" 0
is "tracepoint" "$(cat $tracefs/events/signal/signal_generate/enable)" 0
is "tracer" "$(cat $tracefs/current_tracer)" nop
is "enabled_functions" "$(traced do_sys_openat2)" ""
echo 0 >$events/shk_write/enable
settled

# With all of its children in the helper, the shell's child is a tool.
capture target --children helper -- bash -c "echo 1 >$events/shk_write/enable
	bash -c 'echo 1 >$events/shk_open/enable'"
wait "$tool" || fail "shell: $(cat err)"
is "a child in the helper" "$(captured do_sys_openat2)" 1
is "enabled_functions" "$(traced do_sys_openat2)" ""
echo 0 >$events/shk_write/enable
echo 0 >$events/shk_open/enable
settled

# The target's own processes.
shadowctl run target -- bash -c "echo 1 >$events/shk_open/enable" || fail "a process of the target"
[ -n "$(traced do_sys_openat2)" ] || fail "a process of the target has armed nothing"
echo 0 >$events/shk_open/enable

is "probes of the target" "$(shadowctl probe list target | wc -l)" 1
echo >$tracefs/kprobe_events || fail "events are in use"
refused "'target' or 'helper'" capture target --children base -- true
shadowctl destroy target || fail "destroy"
module_settled
[ $failures = 0 ]
