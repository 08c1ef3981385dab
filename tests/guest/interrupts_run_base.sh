#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test: core timeout=90
# Interrupts and softirqs that land on a process inside execute the base, unless the shadow
# was made with --async inherit: then they execute its text and are counted apart.
set -eu

# What timers and their softirqs call, and nothing else does.
interrupt=hrtimer_interrupt
softirq=run_rebalance_domains
grep -q " $softirq\$" /proc/kallsyms && grep -q " $interrupt\$" /proc/kallsyms
grep -q " run_timer_softirq\$" /proc/kallsyms && softirq=run_timer_softirq

failed=0
for policy in base inherit; do
	shadowctl create "$policy" --async "$policy"
	shadowctl probe add "$policy" $interrupt --name interrupt
	shadowctl probe add "$policy" $softirq --name softirq
	shadowctl probe add "$policy" __x64_sys_getppid --name call
	shadowctl run "$policy" -- sh -c 'python3 -c "import os; [os.getppid() for i in range(100)]"
		timeout 3 sh -c "while :; do :; done"' || true
	shadowctl probe list "$policy" --json >list.json
	python3 - "$policy" <<'END' || failed=1
import json, sys
policy = sys.argv[1]
seen = {p["name"]: p for p in json.load(open("list.json"))}
for p in seen.values():
    print(f"{policy}: {p['symbol']}: hits {p['hits']}, async {p['async_hits']}")
ok = seen["call"]["hits"] >= 100
for name in "interrupt", "softirq":
    ok &= seen[name]["hits"] == 0
    ok &= (seen[name]["async_hits"] > 0) == (policy == "inherit")
sys.exit(not ok)
END
	shadowctl destroy "$policy"
done
exit $failed
