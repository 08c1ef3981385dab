#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: core bochs efi icount threadirqs maxcpus thunks timeout=60
# doctor says of this guest what is true of it, with the module and without.
set -u
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

# "NAME ANSWER" of each property.
answers() {
	shadowctl doctor --json | python3 -c '
import json, sys
for p in json.load(sys.stdin)["properties"]:
    print(p["name"], p["answer"])'
}

# What is expected here, from other sources than the module's.
expected() {
	local pages=fine tlb=fine firmware=fine threads=fine livepatch=fine lazy=fine
	[ "$(cat /sys/hypervisor/guest_type 2>/dev/null)" = PV ] && pages=off
	[ $pages = off ] || ! grep -q itlb_multihit /proc/cpuinfo || tlb=adapted
	[ $pages = off ] && lazy=adapted
	[ -d /sys/firmware/efi ] && firmware=adapted
	grep -q ' preempt_notifier_register' /proc/kallsyms || threads=off
	[ -d /sys/kernel/livepatch ] || livepatch=off
	echo "symbols fine
preempt-rt fine
text-entry fine
page-tables $pages
lazy-tlb $lazy
instruction-tlb $tlb
interrupts fine
firmware $firmware
kernel-threads $threads
stacks fine
system-calls fine
livepatch $livepatch
ftrace $1
signatures fine"
}

is "with the module" "$(answers)" "$(expected fine)"
shadowctl doctor >/tmp/text || fail "something is refused"
is "first line" "$(head -1 /tmp/text)" "Linux $(uname -r), module loaded"
is "lines" "$(wc -l </tmp/text)" "$(($(expected fine | wc -l) + 1))"
echo 0 >/proc/sys/kernel/ftrace_enabled
is "ftrace is off" "$(answers)" "$(expected off)"
echo 1 >/proc/sys/kernel/ftrace_enabled

rmmod shadowk
is "without the module, but for what only that can tell" \
	"$(answers | grep -v ' unknown$')" \
	"$(expected fine | grep -vE '^(lazy-tlb|interrupts|system-calls)' |
		grep -v "^$(grep -qw la57 /proc/cpuinfo && echo text-entry) fine\$")"
insmod "/lib/modules/$(uname -r)/updates/shadowk.ko"
[ $failures = 0 ]
