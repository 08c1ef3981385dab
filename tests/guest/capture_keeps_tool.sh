#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=200
# A captured tool stays in its helper until it ends: neither an administrator nor the rule of a cgroup
# takes it out (SHK_REASON_CAPTURED_TOOL). So it never arms a kprobe for the whole machine.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
# shellcheck source=tests/guest/lib/capture.sh
. "${0%/*}/lib/capture.sh"
cgroup=/sys/fs/cgroup
[ -e $cgroup/cgroup.procs ] || mount -t cgroup2 cgroup2 $cgroup || exit 1
event=$tracefs/events/probe/shk_write/enable
echo 'p:probe/shk_write vfs_write' >$tracefs/kprobe_events || fail "kprobe_events"
shadowctl create other || exit 1
mkdir $cgroup/bound || exit 1

# A tool that starts a new shell for each line of the FIFO, which it writes to the event. The shell's
# pid is in the file pid.
mkfifo ask
tool_begin() {
	rm -f pid
	capture target --children helper -- bash -c "echo \$\$ >pid; while read -r value; do
		bash -c \"echo \$value 2>/dev/null >$event\" && echo yes || echo no; done <ask"
	exec 3>ask
	for _ in $(seq 100); do [ -s pid ] && break; sleep 0.1; done
	pid=$(cat pid)
}
# tool_arms WHAT	checks that the tool arms for the target only
tool_arms() {
	is "$1: enable" "$(tool_says 1)" yes
	is "$1: captured" "$(captured vfs_write)" 1
	is "$1: enabled_functions" "$(traced vfs_write)" ""
	is "$1: disable" "$(tool_says 0)" yes
	settled
}

tool_begin
helper=$(shadowctl list | awk '$1 == "(none)" { print $2 }')
refused "is captured" detach --pid "$pid"
refused "is captured" attach other --pid "$pid"
shadowctl attach "#$helper" --pid "$pid" || fail "attach to its helper"
tool_arms "an administrator"

# The tool moves into a cgroup that is bound, then its cgroup is bound.
shadowctl attach other --cgroup $cgroup/bound || fail "attach the cgroup"
echo "$pid" >$cgroup/bound/cgroup.procs || fail "cgroup.procs"
tool_arms "a move into a bound cgroup"
shadowctl detach --cgroup $cgroup/bound || fail "detach the cgroup"
tool_arms "its cgroup is released"
shadowctl attach other --cgroup $cgroup/bound || fail "attach the cgroup again"
tool_arms "its cgroup is bound"
refused "is a helper" attach "#$helper" --cgroup $cgroup
echo "$pid" >$cgroup/cgroup.procs || fail "cgroup.procs"
tool_arms "a move out of the cgroup"
exec 3>&-
wait "$tool" || fail "the tool: $(cat err)"

# A tool that is started in a bound cgroup.
bash -c "echo \$\$ >$cgroup/bound/cgroup.procs
	exec shadowctl capture target -- bash -c 'echo 1 >$event'" || fail "start in a bound cgroup"
is "in a bound cgroup: captured" "$(captured vfs_write)" 1
is "in a bound cgroup: enabled_functions" "$(traced vfs_write)" ""
echo 0 >$event
settled

for _ in $(seq 100); do rmdir $cgroup/bound 2>/dev/null && break; sleep 0.1; done
shadowctl destroy other || fail "destroy other"
shadowctl destroy target || fail "destroy target"
echo >$tracefs/kprobe_events || fail "events are in use"
module_settled
[ $failures = 0 ]
