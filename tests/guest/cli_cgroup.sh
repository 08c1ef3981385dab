#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=60
# attach, detach and show take cgroups, by folder or by the path that /proc shows.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
root=/sys/fs/cgroup
[ -e $root/cgroup.procs ] || mount -t cgroup2 cgroup2 $root || exit 1
mkdir $root/web $root/web/below || exit 1
shadowctl create web
shadowctl probe add web __x64_sys_getppid --name ppid >/dev/null

where() {
	shadowctl list --json >/dev/null
	shadowctl show web --json | python3 -c 'import json, sys
s = json.load(sys.stdin); print(*s["cgroups"], len(s["processes"]))'
}

bash -c "echo 0 >$root/web/below/cgroup.procs; exec sleep 1000" &
sleeper=$!
until grep -q $sleeper $root/web/below/cgroup.procs; do sleep 0.1; done
is "before attach" "$(where)" 0
is "attach" "$(shadowctl attach web --cgroup $root/web 2>&1)" ""
is "after attach" "$(where)" "/web 1"
is "show" "$(shadowctl show web | grep cgroup)" "  cgroup     /web"
is "attach the cgroup below" "$(shadowctl attach web --cgroup /web/below --json | tr -d ' \n')" \
	'{"shadow":"web","cgroup":"/web/below","attached":[]}'
is "both cgroups attached" "$(where | tr ' ' '\n' | sort | tr '\n' ' ')" "/web /web/below 1 "
is "attach a second time" "$(shadowctl attach web --cgroup $root/web 2>&1)" ""
shadowctl create other
refused "is attached to another shadow" attach other --cgroup $root/web
shadowctl destroy other
refused "no cgroup '/nobody'" attach web --cgroup /nobody
refused "no cgroup of the unified hierarchy" attach web --cgroup /proc
refused "processes are inside shadow 'web', or cgroups are attached" destroy web
refused "is in a shadow by its cgroup" detach --pid $sleeper
refused "one of --pid, --cgroup, --unit and --container" attach web --pid 1 --cgroup /web
refused "--pid PID, --cgroup PATH, --unit NAME or --container ID is missing" attach web
is "detach" "$(shadowctl detach --cgroup /web 2>&1)" ""
is "the cgroup above detached" "$(where)" "/web/below 1"
is "detach the cgroup below" "$(shadowctl detach --cgroup $root/web/below --json | tr -d ' \n')" \
	"{\"cgroup\":\"$root/web/below\",\"detached\":[]}"
is "after detach" "$(where)" 0
refused "is not attached to a shadow" detach --cgroup $root/web
kill $sleeper
wait $sleeper 2>/dev/null
until rmdir $root/web/below $root/web 2>/dev/null; do sleep 0.1; done
is "destroy" "$(shadowctl destroy web 2>&1)" ""
[ $failures = 0 ]
