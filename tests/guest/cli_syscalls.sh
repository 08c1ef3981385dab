#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=60
# run and attach take --syscalls, and name a system call that cannot be selected.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
shadowctl create web
shadowctl probe add web __x64_sys_getppid --name ppid >/dev/null
shadowctl probe add web __x64_sys_umask --name umask >/dev/null

counted() {
	shadowctl probe list web --json | python3 -c 'import json, sys
p = json.load(sys.stdin); p = p["probes"] if isinstance(p, dict) else p
print(*(q["hits"] for q in p))'
}

calls='import os
for i in range(10): os.getppid(); os.umask(18)'
shadowctl run web --syscalls umask -- python3 -c "$calls"
is "hits of getppid and umask, with umask selected" "$(counted)" "0 10"
shadowctl run web --syscalls 110,umask -- python3 -c "$calls"
is "hits of getppid and umask, with both selected" "$(counted)" "10 20"
refused "no system call 'wriet'" run web --syscalls read,wriet -- true
refused "no system call ''" run web --syscalls read, -- true
refused "system call 'execve' does not return" run web --syscalls read,execve -- true
refused "this kernel has no system call '500'" run web --syscalls 500 -- true
refused "option '--syscalls' needs a value" run web --syscalls
is "shadows that a refused run has made" "$(shadowctl run --create new --syscalls no -- true 2>/dev/null
	shadowctl list --json | grep -c '"new"')" 0

sleep 1000 &
shadowctl attach web --pid $! --syscalls clock_nanosleep
is "list" "$(shadowctl list | grep -c "^(calls of ")" 1
refused "processes are inside shadow 'web'" destroy web
kill $!
wait $! 2>/dev/null
is "destroy" "$(until shadowctl destroy web 2>/dev/null; do sleep 0.1; done)" ""
[ $failures = 0 ]
