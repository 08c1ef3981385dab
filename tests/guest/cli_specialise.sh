#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=240
# `shadowctl specialise` compares a module on a running process. It keeps a module that is better,
# and takes one back that is not. However it is killed, the process executes the kernel's functions
# afterwards, and neither a shadow nor a module is left.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
extra=/lib/modules/$(uname -r)/extra
export HOME=$PWD

cat >work <<'P'
import os
while True:
    assert len(os.getrandom(20000)) == 20000
    os.getppid()
P
python3 work &
pid=$!

column() {
	shadowctl list | awk -v name="$1" -v column="$2" '$1 == name { print $column }'
}

loaded() {
	[ -e "/sys/module/$1" ]
}

unloaded() {
	! loaded "$1"
}

# wait_until COMMAND...	waits up to 20 seconds until the command succeeds
wait_until() {
	for _ in {1..400}; do
		"$@" && return
		sleep 0.05
	done
	fail "waited in vain until $*"
}

# nothing_left WHAT MODULE
nothing_left() {
	shadows_end "shadows after $1"
	wait_until unloaded "$2"
	kill -0 $pid || fail "the process has ended after $1"
}

# One that is better
shadowctl specialise fast --pid $pid --duration 4 --json "$extra/shk_faster.ko" >out 2>err
is "status" $? 0
python3 - <<'P' || fail "$(cat out err)"
import json
out = json.load(open("out"))
assert out["shadow"] == "fast" and out["kept"] and out["module"].endswith("/shk_faster.ko")
assert out["unit"] in ("ns", "instructions")
assert 0 < out["after"] < out["before"] / 2
assert 8 <= out["lower"] <= out["comparisons"] <= 10
P
grep -q "kept: the processes are in shadow fast with .*/shk_faster.ko" err || fail "$(cat err)"
is "processes and probes" "$(column fast 3) $(column fast 4)" "1 0"
is "patches" "$(shadowctl patch list fast | awk 'NR > 1 { print $1, $2 }')" \
	"shk_faster __x64_sys_getrandom"

# A name that is taken, and a process that is in a shadow
refused "there is a shadow fast already" specialise fast --pid $pid "$extra/shk_slower.ko"
refused "is in shadow" specialise slow --pid $pid "$extra/shk_slower.ko"
is "shadow of the process" "$(column fast 3) $(shadowctl list | wc -l)" "1 2"
shadowctl detach --pid $pid
shadowctl patch remove fast shk_faster
shadowctl destroy fast
nothing_left "the better one" shk_faster

# One that is worse
shadowctl specialise slow --pid $pid --duration 4 "$extra/shk_slower.ko" >out 2>err
is "status of the slower one" $? 1
grep -Eq '^(ns|instructions) per system call: [0-9.]+ before, [0-9.]+ after \(\+[0-9.]+ %\), lower in [0-4] of' out ||
	fail "$(cat out)"
grep -q "removed: the new functions are not better" err || fail "$(cat err)"
nothing_left "the slower one" shk_slower

has_patch() {
	shadowctl patch list killed 2>/dev/null | grep -q shk_faster
}

has_shadow() {
	[ -n "$(column killed 1)" ]
}

is_inside() {
	[ "$(column killed 3)" = 1 ]
}

# killed SIGNAL COMMAND...	kills the verb when the command has succeeded
killed() {
	local signal=$1 verb
	shift
	env --default-signal=INT shadowctl specialise killed --pid $pid --duration 200 \
		"$extra/shk_faster.ko" >out 2>err &
	verb=$!
	wait_until "$@"
	kill -"$signal" $verb
	{ wait $verb; } 2>/dev/null && fail "it succeeds after SIG$signal"
	nothing_left "SIG$signal when $*" shk_faster
}

killed KILL has_shadow
killed KILL loaded shk_faster
killed KILL is_inside
killed KILL has_patch
killed INT has_patch
grep -q "interrupted" err || fail "after SIGINT: $(cat err)"

# A process that makes no system calls
kill $pid
python3 -c 'while True: pass' &
pid=$!
refused "too few system calls" specialise idle --pid $pid --duration 2 "$extra/shk_faster.ko"
nothing_left "a process without calls" shk_faster
kill $pid

refused "a module is compared alone" specialise x --pid 1 --level 3 "$extra/shk_faster.ko"
refused "'4' is not a level" specialise x --pid 1 --level 4 fs/pipe.c
refused "--profile needs the files" specialise x --pid 1 --profile .
refused "say which processes" specialise x fs/pipe.c
[ $failures = 0 ]
