#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=900
# `shadowctl graph` shows the calls below a function of its target alone, with exact counts and with
# times that add up, and leaves nothing behind.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

zeros=(dd if=/dev/zero of=/dev/null bs=100 status=none)

# tree EXPRESSION	prints the expression about the JSON in the file out
#
#	t		the object
#	calls(PATH)	calls of a path of functions, 0 if it is not in the tree
#	nodes()		all nodes
tree() {
	python3 -c "import json
t = json.load(open('out'))
def calls(path):
    nodes, found = t['functions'], []
    for name in path.split(';'):
        found = [n for n in nodes if n['function'] == name]
        nodes = [c for n in found for c in n['children']]
    return sum(n['calls'] for n in found)
def nodes(of=None):
    for n in t['functions'] if of is None else of:
        yield n
        yield from nodes(n['children'])
def adds_up(n):
    return n['total_ns'] - sum(c['total_ns'] for c in n['children']) == n['self_ns'] >= 0
print($1)"
}

list_is_empty() {
	is "shadows $1" "$(shadowctl list --json | tr -d '[:space:]')" "[]"
}

# A process outside makes the same calls all the time.
while :; do "${zeros[@]}" count=50; sleep 0.1; done &
bystander=$!

# Each count is that of `shadowctl count`, except that the command may enter a read before it is
# inside. Functions that are not called below the root are not hit.
only=(--only vfs_read --only read_zero --only rw_verify_area --only vfs_write --only write_null)
shadowctl graph ksys_read "${only[@]}" --json -- "${zeros[@]}" count=1000 >out 2>err
is "status" $? 0
is "messages" "$(cat err)" ""
shadowctl count ksys_read read_zero write_null --json -- "${zeros[@]}" count=1000 >counts
hits='{f["function"]: f["hits"] for f in json.load(open("counts"))["functions"]}'
is "calls of the root" "$(tree "abs(calls('ksys_read') - ${hits}['ksys_read']) <= 1")" True
is "calls below it" "$(tree 'calls("ksys_read;vfs_read") == calls("ksys_read;vfs_read;rw_verify_area") == calls("ksys_read")')" True
is "calls of the last function" "$(tree "calls('ksys_read;vfs_read;read_zero'), ${hits}['read_zero']")" "1000 1000"
is "calls outside the root" "$(tree "${hits}['write_null']")" 1000
is "functions in the tree" "$(tree 'sorted(n["function"] for n in nodes())')" \
	"['ksys_read', 'read_zero', 'rw_verify_area', 'vfs_read']"
is "times" "$(tree 'all(adds_up(n) for n in nodes())')" True
is "calls beside the tree" "$(tree 't["lost"], t["missed"], t["unreturned"], t["unfinished"]')" "0 0 0 0"
is "probed functions" "$(tree 't["probed"]')" 6

# A root below a root is a node of its tree, and the other calls of it are a tree of their own.
shadowctl graph ksys_read vfs_read --only read_zero --json -- "${zeros[@]}" count=70 >out
is "a root below a root" "$(tree 'calls("ksys_read;vfs_read;read_zero"), calls("vfs_read;read_zero")')" "70 0"
is "reads by execve" "$(tree 'calls("vfs_read") > 0')" True

# Functions that are not probed are in the time of their caller, and their calls are below it.
shadowctl graph ksys_read --only read_zero --json -- "${zeros[@]}" count=70 >out
is "a child of a child" "$(tree 'calls("ksys_read;read_zero")')" 70

# The task changes its CPU in the root: its calls are in the buffers of two CPUs.
if [ "$(nproc)" -gt 1 ]; then
	shadowctl graph __x64_sys_sched_setaffinity --only sched_setaffinity --only __sched_setaffinity \
		--only cpuset_cpus_allowed --json -- python3 -c '
import os
for i in range(500): os.sched_setaffinity(0, {i % 2})' >out
	root=__x64_sys_sched_setaffinity
	is "calls of a task that migrates" \
		"$(tree "calls('$root'), calls('$root;sched_setaffinity'), t['lost'], t['unfinished']")" "500 500 0 0"
	is "depths of a task that migrates" "$(tree 'len(t["functions"]), all(adds_up(n) for n in nodes())')" "1 True"
	is "nodes of a task that migrates" "$(tree "sum(n['function'] == '[lost]' for n in nodes())")" 0
fi

# Two tasks at the same time.
shadowctl graph ksys_read "${only[@]}" --json -- sh -c "${zeros[*]} count=900 & ${zeros[*]} count=800; wait" >out
is "calls of two tasks" "$(tree 'calls("ksys_read;vfs_read;read_zero"), all(adds_up(n) for n in nodes())')" "1700 True"
kill $bystander
wait $bystander 2>/dev/null

# A task that ends in the root does not return from it.
shadowctl graph __x64_sys_exit_group --only exit_signals --json -- true >out 2>err
is "status of a root without a return" $? 0
is "a root without a return" "$(tree 't["functions"], t["unreturned"], t["unfinished"]')" "[] 1 1"
is "the notes about it" "$(grep -c 'note: 1 calls of the roots have not returned, and are left out$' err) \
$(grep -c 'note: 1 calls are left out, since the return of the root above them was not seen$' err)" "1 1"

# Folded stacks: nothing else is on standard output.
shadowctl graph ksys_read "${only[@]}" --folded -- "${zeros[@]}" count=100 >out
is "folded lines" "$(grep -cvE '^ksys_read(;[^ ;]+)* [1-9][0-9]*$' out)" 0
is "a folded path" "$(grep -cE '^ksys_read;vfs_read;read_zero [0-9]+$' out)" 1
shadowctl graph ksys_read "${only[@]}" --folded --depth 1 -- "${zeros[@]}" count=100 >out
is "folded paths with --depth 1" "$(cut -d' ' -f1 out | sort | tr '\n' ' ')" "ksys_read ksys_read;vfs_read "

# The table.
shadowctl graph ksys_read "${only[@]}" -- "${zeros[@]}" count=100 >out
is "the row of the root" "$(sed -n 2p out | grep -cE '^ +[0-9]+ +[0-9]+ +[0-9]+ +100\.0  ksys_read$')" 1
is "the row of the last function" "$(grep -cE '^ +100 +[0-9]+ +[0-9]+ +[0-9]+\.[0-9]      read_zero$' out)" 1
shadowctl graph ksys_read "${only[@]}" --min-percent 100 -- "${zeros[@]}" count=100 >out
is "rows with --min-percent" "$(grep -c ' ksys_read$' out) $(grep -c read_zero out)" "1 0"

# All functions. The commands are equal, but not each of their calls, such as those of locks.
shadowctl graph ksys_read --json -- "${zeros[@]}" count=400 >out 2>err
is "status with all functions" $? 0
is "all functions" "$(tree 't["probed"] > 30000, t["lost"], calls("ksys_read;vfs_read;read_zero")')" "True 0 400"
is "times of all functions" "$(tree 'all(adds_up(n) for n in nodes())')" True
is "functions below read_zero" "$(tree 'sum(n["function"] == "read_zero" for n in nodes())')" 1
mapfile -t called < <(tree '"\n".join(sorted({n["function"] for n in nodes() if n["calls"] >= 400}))')
[ ${#called[@]} -ge 5 ] || fail "only ${#called[@]} functions were called: ${called[*]}"
shadowctl count "${called[@]}" --json -- "${zeros[@]}" count=400 >counts 2>/dev/null
is "functions with more calls than hits" "$(tree '[(f["function"], f["hits"], c) for f in json.load(open("counts"))["functions"]
	for c in [sum(n["calls"] for n in nodes() if n["address"] == f["address"])] if c > f["hits"] + 1]')" "[]"
list_is_empty "after commands"

# Bad input is refused, and changes nothing.
refused "FUNCTION is missing" graph -- true
refused "say which processes" graph ksys_read
refused "give only one of --folded and --json" graph ksys_read --folded --json -- true
refused "'101' is not a percentage, from 0 to 100" graph ksys_read --min-percent 101 -- true
refused "'0' is not a number above 0" graph ksys_read --depth 0 -- true
refused "no function 'no_such' that can be probed" graph no_such -- true
refused "no function 'no_such' that can be probed" graph ksys_read --only no_such -- true
refused "cannot probe __schedule: the kernel forbids it" graph __schedule --only vfs_read -- true
list_is_empty "after bad input"

# Calls that had no room are told.
"${zeros[@]}" count=1000000000 &
reader=$!
shadowctl graph --pid $reader --buffer 4 ksys_read --only vfs_read >out 2>err &
graph=$!
until [ "$(shadowctl list --json | grep -c '"nr_processes": *1')" = 1 ]; do sleep 0.1; done
kill -STOP $graph
sleep 0.5
kill -CONT $graph
sleep 0.3
kill -INT $graph
wait $graph
is "status after SIGINT" $? 0
is "lost calls" "$(grep -cE '^shadowctl: [0-9]+ calls were lost, because the buffer was full, so the tree is not exact; add --buffer 32' err)" 1
is "the tree after SIGINT" "$(grep -c '  vfs_read$' out)" 1

# The process is detached when the time is over.
shadowctl graph --pid $reader --duration 0.3 ksys_read --only vfs_read --json >out 2>/dev/null
is "status after --duration" $? 0
[ "$(tree 'calls("ksys_read;vfs_read")')" -gt 10 ] || fail "no calls in 0.3 s"
list_is_empty "after --duration"

# SIGKILL leaves nothing: neither the process inside, nor a tracepoint that holds the module.
shadowctl graph --pid $reader ksys_read --only vfs_read >out 2>/dev/null &
graph=$!
until [ "$(shadowctl list --json | grep -c '"nr_processes": *1')" = 1 ]; do sleep 0.1; done
kill -9 $graph
wait $graph 2>/dev/null
shadows_end "shadows after SIGKILL"
kill $reader
wait $reader 2>/dev/null
rmmod shadowk || fail "the module cannot be unloaded"
modprobe shadowk || exit 1

[ $failures = 0 ]
