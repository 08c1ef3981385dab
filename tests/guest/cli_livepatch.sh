#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=180
# `shadowctl patch add --livepatch` and promote work. If they are refused, they give the reason and
# leave no module loaded.
set -u
extra=/lib/modules/$(uname -r)/extra
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

refuses() {
	local expected=$1
	shift
	shadowctl "$@" 2>err && fail "not refused: $*"
	grep -q -- "$expected" err || fail "$*: $(cat err), expected '$expected'"
}

inside() {
	shadowctl run canary -- cat /proc/cmdline
}

called() {
	cat /sys/module/shk_livepatch_callbacks/parameters/called
}

shadowctl create canary
shadowctl patch add canary --livepatch "$extra/shk_livepatch.ko" --name fix || fail "cannot add"
[ "$(inside)" = livepatched ] || fail "not patched inside"
grep -q livepatched /proc/cmdline && fail "patched outside"
shadowctl patch list canary | grep -q "livepatch shk_livepatch" || fail "not listed"
shadowctl patch promote canary fix || fail "cannot promote"
grep -q livepatched /proc/cmdline || fail "not patched outside when it is promoted"
[ "$(inside)" = livepatched ] || fail "not patched inside when it is promoted"
[ "$(shadowctl patch list canary | wc -l)" = 1 ] || fail "the shadow still has the patch"
echo 0 >/sys/kernel/livepatch/shk_livepatch/enabled
while [ -e /sys/kernel/livepatch/shk_livepatch ]; do sleep 0.1; done
grep -q livepatched /proc/cmdline && fail "still patched after it was disabled"
rmmod shk_livepatch

refuses "has callbacks" patch add canary --livepatch "$extra/shk_livepatch_callbacks.ko"
[ -e /sys/module/shk_livepatch_callbacks ] && fail "the refused livepatch is still loaded"
shadowctl patch add canary --livepatch "$extra/shk_livepatch_callbacks.ko" --callbacks --name cb ||
	fail "cannot add with callbacks"
[ "$(called)" = 12 ] || fail "callbacks called by add: $(called), expected 12"
[ "$(inside)" = "livepatched with callbacks" ] || fail "not patched with callbacks"
shadowctl patch remove canary cb || fail "cannot remove"
dmesg | grep -q "shk_livepatch_callbacks: 1234" || fail "not all callbacks were called"

refuses "changes functions of 'a_module'" patch add canary --livepatch "$extra/shk_livepatch_module.ko"
[ -e /sys/module/shk_livepatch_module ] && fail "the refused livepatch for a missing module is loaded"

# With CONFIG_MODVERSIONS the version's number alone does not make a module unfit.
sed 's/vermagic=6[.]/vermagic=5./; s/ mod_unl/ mod_XXX/' "$extra/shk_livepatch.ko" >other.ko
refuses "was built for kernel 5[.]" patch add canary --livepatch other.ko
[ -e /sys/module/shk_livepatch ] && fail "a module for another kernel is loaded"

modprobe shk_patches
refuses "has given shadowk no livepatch" patch add canary --livepatch "$extra/shk_patches.ko"
rmmod shk_patches
shadowctl patch add canary vfs_mkdir --nop --name n
refuses "is not a livepatch module's" patch promote canary n
refuses "has no patch named 'm'" patch promote canary m
refuses "callbacks needs --livepatch" patch add canary vfs_mkdir --nop --callbacks
shadowctl destroy canary
exit $((failures != 0))
