#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=60
# With kernel.ftrace_enabled=0 private text cannot follow the kernel's patching. So calls that need
# private text are refused with this reason, and change nothing. Other calls work.
set -u
enabled=/proc/sys/kernel/ftrace_enabled
extra=/lib/modules/$(uname -r)/extra
why="kernel.ftrace_enabled is 0"
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

state() {
	shadowctl list --json | grep -v '"memory"'
	for what in probe patch raw; do
		shadowctl $what list p --json
	done
	grep -c . /proc/modules
}

shadowctl create p
shadowctl create from
shadowctl patch add from __x64_sys_getpriority --return 77 --name p
echo 0 2>/dev/null >$enabled && fail "ftrace_enabled can be set to 0 while a shadow has private text"
shadowctl destroy from
for try in $(seq 50); do # until its private text is freed
	echo 0 2>/dev/null >$enabled && break
	sleep 0.1
done
if [ "$(cat $enabled)" != 0 ]; then
	echo "ftrace_enabled is not 0 after $try tries"
	exit 1
fi

before=$(state)
mkdir /sys/fs/cgroup/c
refused "$why" patch add p __x64_sys_getpriority --return 77 --name p
refused "$why" patch add p "$extra/patch_cmdline.ko"
refused "$why" patch add p --livepatch "$extra/shk_livepatch.ko"
refused "$why" probe add p vfs_read
refused "$why" probe add p vfs_read --return
refused "$why" probe add p vfs_read --kind latency
refused "$why" raw add p __x64_sys_getppid+5 90
refused "$why" raw privatise p --all
refused "$why" attach p --pid $$
refused "$why" attach p --cgroup /sys/fs/cgroup/c
refused "$why" run p -- true
refused "$why" create q --profile trusted
is "state" "$(state)" "$before"
shadowctl create q || fail "no shadow can be created"
shadowctl destroy q

echo 1 >$enabled
shadowctl probe add p vfs_read >/dev/null || fail "a probe is refused with ftrace on again"
shadowctl run p -- cat /proc/cmdline >/dev/null || fail "run fails with ftrace on again"
shadowctl probe list p | grep -q vfs_read || fail "the probe is not in the list"
shadowctl destroy p
[ $failures = 0 ]
