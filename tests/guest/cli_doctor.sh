#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: newer core bochs efi icount threadirqs maxcpus thunks timeout=60
# `shadowctl doctor` tells the truth about this guest, with the module and without. Half of the
# answers are the same in every guest. The test finds out the others without the module.
set -u
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

calls_pass_one_function() {
	grep -q ' x64_sys_call$' /proc/kallsyms
}

# Prints "NAME ANSWER" for each property.
answers() {
	shadowctl doctor | awk 'NR > 1 { print $1, $2 }'
}

# expected FTRACE	prints the answers that doctor must give
expected() {
	local pages=fine tlb=fine modules=fine calls=fine firmware=fine threads=fine livepatch=fine
	[ "$(cat /sys/hypervisor/guest_type 2>/dev/null)" = PV ] && pages=off
	[ $pages = off ] || ! grep -q itlb_multihit /proc/cpuinfo || tlb=adapted
	[ -d /sys/firmware/efi ] && firmware=adapted
	grep -q ' preempt_notifier_register' /proc/kallsyms || threads=off
	[ -d /sys/kernel/livepatch ] || livepatch=off
	grep -q ' execmem_restore_rox' /proc/kallsyms && modules=off
	calls_pass_one_function || calls=off
	echo "preempt-rt fine
text-entry fine
symbols fine
page-tables $pages
lazy-tlb fine
instruction-tlb $tlb
module-text $modules
interrupts fine
firmware $firmware
kernel-threads $threads
stacks fine
system-calls $calls
livepatch $livepatch
ftrace $1
signatures fine"
}

# Prints the properties that only the module can tell, and about which the log of its load is silent.
unknown() {
	echo "lazy-tlb interrupts"
	calls_pass_one_function && echo system-calls
	grep -qw la57 /proc/cpuinfo && echo text-entry
	[ -d /sys/firmware/efi ] && echo firmware
}

is "with the module" "$(answers)" "$(expected fine)"
shadowctl doctor >/tmp/text || fail "doctor fails"
is "first line" "$(head -1 /tmp/text)" "Linux $(uname -r), module loaded"
is "lines" "$(wc -l </tmp/text)" "$(($(expected fine | wc -l) + 1))"
# Later kernels refuse that.
if sysctl -qw kernel.ftrace_enabled=0 2>/dev/null; then
	is "ftrace is off" "$(answers)" "$(expected off)"
	sysctl -qw kernel.ftrace_enabled=1
fi

rmmod shadowk
without=$(expected fine | sed -E "s/^($(unknown | xargs | tr ' ' '|')) .*/\1 unknown/")
is "without the module" "$(answers)" "$without"
shadowctl doctor >/tmp/text || fail "doctor fails without the module"
is "first line, without" "$(head -1 /tmp/text)" \
	"Linux $(uname -r), module installed; load it: modprobe shadowk"

# The log has a load that failed, which counts until a load succeeds.
echo "shadowk: interrupts: the handler of asm_new is not known; please report it" >/dev/kmsg
shadowctl doctor >/tmp/text && fail "doctor succeeds after a load that failed"
is "the property that was refused" "$(grep ' refused ' /tmp/text)" \
	"interrupts       refused  the handler of asm_new is not known; please report it"
is "first line, refused" "$(head -1 /tmp/text)" "Linux $(uname -r), module installed"
insmod "/lib/modules/$(uname -r)/updates/shadowk.ko" || fail "the module does not load"
rmmod shadowk
is "after a load that succeeded" "$(answers)" "$without"
insmod "/lib/modules/$(uname -r)/updates/shadowk.ko" || fail "the module does not load again"
[ $failures = 0 ]
