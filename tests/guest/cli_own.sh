#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=60
# own, disown and show handle interrupt lines, kernel threads and devices.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
need_owners
shadowctl create web --async owner
shadowctl create other --async owner
shadowctl create plain

owns() {
	shadowctl show "$1" --json | python3 -c 'import json, sys
print(*[o.get("irq") or o["kthread"] for o in json.load(sys.stdin)["owns"]])'
}

is "policy" "$(shadowctl show web | awk '/async/ { print $2 }')" owner
is "owned before" "$(owns web)" ""
is "own" "$(shadowctl own web --irq 4 --kthread 'rcu_*' 2>&1)" ""
is "owned after" "$(owns web)" "4 rcu_*"
is "show" "$(shadowctl show web | grep -c '  owns       \(irq 4\|kernel threads .rcu_\*., [1-9]\)')" 2
is "own a second time" "$(shadowctl own web --irq 4 --json | tr -d ' \n')" '{"shadow":"web","owned":["irq4"]}'
refused "another shadow owns irq 4" own other --kthread 'x*' --irq 4
is "owned after a refused own" "$(owns other)" ""
refused "there is no irq 99999" own web --irq 99999
refused "'shadowctl create plain --async owner'" own plain --irq 4
refused "no device 'no0' with interrupts" own web --device no0
refused "--irq N, --kthread PATTERN or --device DEVICE is missing" own web
refused "does not own irq 3" disown web --irq 4 --irq 3
is "owned after a refused disown" "$(owns web)" "4 rcu_*"
is "disown" "$(shadowctl disown web --irq 4 2>&1)" ""
is "the line of a serial port" "$(shadowctl own other --device ttyS0 2>&1; owns other)" 4
is "the line of a serial port, disowned" "$(shadowctl disown other --device ttyS0 2>&1; owns other)" ""
is "destroy" "$(shadowctl destroy web 2>&1)" ""
shadowctl destroy other
shadowctl destroy plain
[ $failures = 0 ]
