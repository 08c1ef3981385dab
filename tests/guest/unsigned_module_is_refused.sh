#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: lockdown timeout=60
# Where the kernel wants signatures (module.sig_enforce), a module without one is no patch, whichever
# kind it is of: the reason is told, and nothing is changed. There is no way back from that.
set -u
enforce=/sys/module/module/parameters/sig_enforce
extra=/lib/modules/$(uname -r)/extra
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

state() {
	shadowctl list --json | grep -v '"memory"'
	shadowctl patch list p --json
	grep -c . /proc/modules
	shadowctl run p -- cat /proc/cmdline
}

refused() {
	shadowctl patch add p "$@" >out 2>err
	[ $? = 1 ] && [ ! -s out ] && [ "$(wc -l <err)" = 1 ] || fail "not refused: $*: $(cat out err)"
	grep -q "takes signed modules only, and '.*/$module.ko' is not signed" err || fail "$(cat err)"
	[ ! -e "/sys/module/$module" ] || fail "$module is loaded"
}

if [ ! -w $enforce ]; then
	echo "this kernel asks for no signatures"
	exit 77
fi
shadowctl create p
shadowctl run p -- true # the first process inside makes tables, which stay
before=$(state)
echo 1 >$enforce || fail "it cannot be asked for"
module=patch_cmdline
refused "$extra/$module.ko"
module=shk_livepatch
refused --livepatch "$extra/$module.ko"
[ "$(state)" = "$before" ] || fail "something changed: $(state), before: $before"
shadowctl patch add p __x64_sys_sync --nop || fail "what needs no module is refused, too"
shadowctl destroy p
[ $failures = 0 ]
