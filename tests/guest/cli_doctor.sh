#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: core bochs efi icount threadirqs maxcpus thunks timeout=60
# doctor says of this guest what is true of it, with the module and without. Half of the answers are
# the same in every guest; the others are known from elsewhere than the module.
set -u
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

# "NAME ANSWER" of each property.
answers() {
	shadowctl doctor | awk 'NR > 1 { print $1, $2 }'
}

# expected FTRACE
expected() {
	local pages=fine tlb=fine firmware=fine threads=fine livepatch=fine
	[ "$(cat /sys/hypervisor/guest_type 2>/dev/null)" = PV ] && pages=off
	[ $pages = off ] || ! grep -q itlb_multihit /proc/cpuinfo || tlb=adapted
	[ -d /sys/firmware/efi ] && firmware=adapted
	grep -q ' preempt_notifier_register' /proc/kallsyms || threads=off
	[ -d /sys/kernel/livepatch ] || livepatch=off
	echo "preempt-rt fine
text-entry fine
symbols fine
page-tables $pages
lazy-tlb fine
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

# What only the module can tell.
unknown() {
	echo "lazy-tlb interrupts system-calls"
	grep -qw la57 /proc/cpuinfo && echo text-entry
	[ -d /sys/firmware/efi ] && echo firmware
}

is "with the module" "$(answers)" "$(expected fine)"
shadowctl doctor >/tmp/text || fail "something is refused"
is "first line" "$(head -1 /tmp/text)" "Linux $(uname -r), module loaded"
is "lines" "$(wc -l </tmp/text)" "$(($(expected fine | wc -l) + 1))"
echo 0 >/proc/sys/kernel/ftrace_enabled
is "ftrace is off" "$(answers)" "$(expected off)"
echo 1 >/proc/sys/kernel/ftrace_enabled

rmmod shadowk
without=$(expected fine | sed -E "s/^($(unknown | xargs | tr ' ' '|')) .*/\1 unknown/")
is "without the module" "$(answers)" "$without"
shadowctl doctor >/tmp/text || fail "something is refused without the module"
is "first line, without" "$(head -1 /tmp/text)" \
	"Linux $(uname -r), module installed; load it: modprobe shadowk"

# A load that failed, as the log has it, until one succeeds.
echo "shadowk: interrupts: the handler of asm_new is not known; please report it" >/dev/kmsg
shadowctl doctor >/tmp/text && fail "nothing is refused after a load that failed"
is "what was refused" "$(grep ' refused ' /tmp/text)" \
	"interrupts       refused  the handler of asm_new is not known; please report it"
is "first line, refused" "$(head -1 /tmp/text)" "Linux $(uname -r), module installed"
insmod "/lib/modules/$(uname -r)/updates/shadowk.ko" || fail "the module does not load"
rmmod shadowk
is "after a load that succeeded" "$(answers)" "$without"
insmod "/lib/modules/$(uname -r)/updates/shadowk.ko" || fail "the module does not load again"
[ $failures = 0 ]
