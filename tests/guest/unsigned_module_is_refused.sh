#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: lockdown timeout=60
# With module.sig_enforce the kernel accepts signed code only. So patch modules without a signature
# are refused, of whatever kind, and so are edits that the module itself makes. The reason is given,
# and nothing changes. sig_enforce cannot be switched off again.
set -u
enforce=/sys/module/module/parameters/sig_enforce
extra=/lib/modules/$(uname -r)/extra
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

state() {
	shadowctl list --json | grep -v '"memory"'
	shadowctl patch list p --json
	shadowctl probe list p --json
	grep -c . /proc/modules
	shadowctl run p -- cat /proc/cmdline
}

if [ ! -w $enforce ]; then
	echo "this kernel cannot require signatures"
	exit 77
fi
shadowctl create p
shadowctl run p -- true # the first process inside makes tables, which stay
before=$(state)
echo 1 >$enforce || fail "sig_enforce cannot be set"
refused "the kernel accepts signed modules only, and '$extra/patch_cmdline.ko' is not signed" \
	patch add p "$extra/patch_cmdline.ko"
# A livepatch is loaded in a shadow, which the kernel refuses before it looks at the module.
why="the kernel accepts signed code only (module.sig_enforce)"
refused "cannot load the livepatch: $why" \
	patch add p --livepatch "$extra/shk_livepatch.ko"
for module in patch_cmdline shk_livepatch; do
	[ ! -e "/sys/module/$module" ] || fail "$module is loaded"
done
refused "$why" patch add p __x64_sys_sync --nop
refused "$why" probe add p vfs_read
refused "$why" raw privatise p vfs_read
refused "$why" run p --syscalls read -- true
refused "$why" create q
shadowctl doctor | grep -q '^signatures  *off  *the kernel accepts signed modules only' ||
	fail "doctor: $(shadowctl doctor | grep signatures)"
[ "$(state)" = "$before" ] || fail "something changed: $(state), before: $before"
shadowctl destroy p || fail "destroying a shadow is refused, too"
[ $failures = 0 ]
