# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For tests of container runtimes: a root of busybox, and the shadow canary that counts kill().
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

need() {
	command -v "$1" >/dev/null || { echo "this guest has no $1"; exit 77; }
}

[ -e /sys/fs/cgroup/cgroup.procs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1
top=/tmp/containers
root=$top/root

containers_begin() {
	# Another test may have left files by which it spoke to its containers.
	rm -rf --one-file-system $top
	mkdir -p $root/{bin,proc,sys,dev,tmp,etc,run,usr}
	cp "$(command -v busybox)" $root/bin/busybox
	for name in sh sleep; do ln -sf busybox $root/bin/$name; done
	echo "root:x:0:0::/:/bin/sh" >$root/etc/passwd
	shadowctl create canary || exit 1
	shadowctl probe add canary __x64_sys_kill --name kills >/dev/null || exit 1
}

containers_end() {
	is "destroy" "$(shadowctl destroy canary 2>&1)" ""
	[ $failures = 0 ]
}

hits() {
	shadowctl probe list canary --json | python3 -c 'import json, sys
print(*(p["hits"] for p in json.load(sys.stdin)))'
}

# hits_become WHAT NUMBER	waits up to ten seconds
hits_become() {
	for _ in {1..100}; do
		[ "$(hits)" -ge "$2" ] && break
		sleep 0.1
	done
	is "$1" "$(hits)" "$2"
}

# Prints the cgroups of the shadow.
cgroups() {
	shadowctl show canary --json | python3 -c 'import json, sys
print(*json.load(sys.stdin)["cgroups"])'
}

# Prints a command for sh that calls kill() COUNT times.
calls() {
	echo "i=0; while [ \$i -lt $1 ]; do kill -0 \$\$; i=\$((i + 1)); done"
}

# quietly COMMAND...	is a failure, with its output, if the command fails
quietly() {
	# Output goes to a file, since a container in the background would keep a pipe open.
	"$@" </dev/null >$top/said 2>&1 || fail "$*: $(cat $top/said)"
}
