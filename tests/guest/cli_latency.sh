#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=600
# `shadowctl latency` measures each call of its target once, and its numbers agree with each other.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

# told EXPRESSION <JSON	prints the expression, in which f is the first function
told() {
	python3 -c "import json, sys
s = json.load(sys.stdin); f = s['functions'][0]; print($1)"
}

write=(dd if=/dev/zero of=/dev/null bs=1 count=1000 status=none)
"${write[@]}" &
shadowctl latency vfs_write --json -- "${write[@]}" >out
is "status" $? 0
wait
is "calls" "$(told 'f["function"], f["count"], f["missed"], f["unreturned"]' <out)" \
	"vfs_write 1000 0 0"
is "calls in the histogram" "$(told 'sum(h["count"] for h in f["histogram"])' <out)" 1000
is "the mean" "$(told 'f["sum"] // 1000 == f["mean"]' <out)" True
is "the bounds" "$(told 'f["p50_below"] <= f["p99_below"] <= f["max_below"] == f["histogram"][-1]["hi"]' <out)" True
is "half of the calls" "$(told 'sum(h["count"] for h in f["histogram"] if h["hi"] <= f["p50_below"]) >= 500' <out)" True
is "less than half of the calls" \
	"$(told 'sum(h["count"] for h in f["histogram"] if h["hi"] < f["p50_below"]) < 500' <out)" True

# A sleep of 100 ms is in a known slot.
clock=__x64_sys_clock_nanosleep
shadowctl latency $clock --json -- sleep 0.1 >out
is "a sleep" "$(told 'f["count"], f["max_below"] == 1 << 27' <out)" "1 True"
shadowctl latency $clock -- sleep 0.1 >out
is "its line" "$(awk -v f=$clock '$1 == f { print $2, $4 $5 }' out)" "1 <134217728"
is "its histogram" "$(grep -c '^\[64M, 128M) *1 |@*|$' out)" 1

# Three calls at a time, of which one is measured.
three=(sh -c 'sleep 0.5 & sleep 0.5 & sleep 0.5 & wait')
shadowctl latency $clock --json -- "${three[@]}" >out 2>err
is "three calls" "$(told 'f["count"], f["missed"]' <out) $(wc -l <err)" "3 0 0"
shadowctl latency $clock --json --calls 1 -- "${three[@]}" >out 2>err
is "three calls with --calls 1" "$(told 'f["count"] + f["missed"], f["count"] < 3' <out)" "3 True"
is "the note about it" "$(grep -c 'calls were not measured.*--calls' err)" 1

# A call in progress at the end.
sleep 1000 &
sleeper=$!
bash -c 'exec sleep 1000' &
late=$!
shadowctl latency --pid $late,$sleeper --duration 0.3 $clock --json >out
is "calls that began before" "$(python3 -c 'import json, sys
print(len(json.load(sys.stdin)["functions"]))' <out)" 0
shadowctl latency --duration 0.3 $clock --json -- sleep 1 >out
is "a call that has not returned" "$(told 'f["count"], f["unreturned"], "p50_below" in f' <out)" "0 1 False"
kill $sleeper $late
wait 2>/dev/null

refused "at most 65536" latency $clock --calls 65537 -- true
refused "not a number above 0" latency $clock --calls 0 -- true
refused "PATTERN is missing" latency -- true
refused "no function 'no_such' that can be probed" latency no_such -- true
is "list at the end" "$(shadowctl list --json | tr -d '[:space:]')" "[]"
[ $failures = 0 ]
