#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=60
# `shadowctl run` executes its command in its own process, inside the shadow, so its status is the
# command's.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

inside() {
	shadowctl show "$1" --json | python3 -c 'import json, sys
print(*(p["pid"] for p in json.load(sys.stdin)["processes"]))'
}

shadowctl run web --create -- true
is "status of true" $? 0
is "the shadow that --create made stays" "$(shadowctl show web --json >/dev/null && echo yes)" yes
shadowctl run web --create -- false
is "run --create of an existing shadow" $? 1
shadowctl run web -- sh -c 'exit 42'
is "status 42" $? 42
shadowctl run web -- sh -c 'kill -9 $$'
is "status of a signal" $? 137
shadowctl run web -- /no/such/command 2>err
is "no such command" $? 127
is "lines about it" "$(wc -l <err)" 1
shadowctl run web -- no_such_command 2>err
is "not in PATH" $? 127
shadowctl run web -- /etc/passwd 2>err
is "not executable" $? 126
is "lines about it" "$(wc -l <err)" 1
shadowctl run fresh --create -- no_such_command 2>err
is "no command for a new shadow" $? 127
is "the new shadow was destroyed" "$(shadowctl show fresh 2>&1 | grep -c 'no shadow named')" 1
is "arguments" "$(shadowctl run web -- printf '%s,' -- --json 'a b' '')" "--,--json,a b,,"
is "standard input" "$(echo hello | shadowctl run web -- cat)" hello
is "the shell" "$(echo 'echo $0 $$' | SHELL=/bin/sh shadowctl run web | cut -d' ' -f1)" /bin/sh
is "no shell" "$(echo 'echo $0' | env -u SHELL shadowctl run web)" /bin/sh
is "the shell after --" "$(echo 'echo $0' | SHELL=/bin/bash shadowctl run web --)" /bin/bash
is "handles that leak" "$(shadowctl run web -- sh -c 'ls -l /proc/$$/fd' | grep -c shadowk)" 0

shadowctl run web -- sleep 1000 &
pid=$!
while [ "$(cat /proc/$pid/comm)" != sleep ]; do sleep 0.1; done
is "the pid inside" "$(inside web)" $pid
kill $pid
wait $pid 2>/dev/null
is "processes inside after its end" "$(inside web)" ""

sleep 1000 &
pid=$!
shadowctl attach web --pid $pid
is "attached" "$(inside web)" $pid
shadowctl attach web --pid $pid
is "attached twice" "$(inside web)" $pid
shadowctl run other --create -- true
shadowctl attach other --pid $pid
is "moved" "$(inside web)/$(inside other)" "/$pid"
shadowctl detach --pid $pid
is "detached" "$(inside other)" ""
shadowctl attach web --pid 1
is "init attached" "$(inside web)" 1
shadowctl detach --pid 1
is "init detached" "$(inside web)" ""
kill $pid

shadowctl destroy web && shadowctl destroy other
is "list at the end" "$(shadowctl list --json | tr -d '[:space:]')" "[]"
[ $failures = 0 ]
