#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: rt timeout=60
# On a kernel with PREEMPT_RT the module does not load, and names the reason. shadowctl doctor gives
# it, before and after. Nothing is left behind.
set -u
why="this kernel has CONFIG_PREEMPT_RT, which shadows do not support; boot another one"
module=/lib/modules/$(uname -r)/updates/shadowk.ko
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

doctor() {
	shadowctl doctor >/tmp/text && fail "$1: doctor succeeds"
	is "$1" "$(grep ' refused ' /tmp/text)" "preempt-rt       refused  $why"
}

grep -q PREEMPT_RT /proc/version || exit 77
doctor "before"
insmod "$module" 2>/tmp/text && fail "the module loads"
is "insmod" "$(cat /tmp/text)" \
	"insmod: ERROR: could not insert module $module: Operation not supported"
is "the log" "$(dmesg | grep -c "shadowk: preempt-rt: $why")" 1
doctor "after"
[ ! -e /dev/shadowk ] || fail "there is a device"
grep '^shadowk ' /proc/modules && fail "a part of the module is left"
grep -c shadowk /proc/kallsyms >/tmp/text && fail "the kernel has $(cat /tmp/text) symbols of it"
[ $failures = 0 ]
