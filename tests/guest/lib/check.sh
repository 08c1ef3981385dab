# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For tests that are shell scripts. They begin with `. "${0%/*}/lib/check.sh"` and end with `[
# $failures = 0 ]`.
failures=0

fail() {
	echo "$*"
	failures=$((failures + 1))
}

# is WHAT GOT WANTED
is() {
	[ "$2" = "$3" ] || fail "$1: '$2', expected '$3'"
}

# shadows_end WHAT	waits until no shadow is left, up to 5 seconds
shadows_end() {
	local list
	for _ in {1..50}; do
		list=$(shadowctl list --json | tr -d '[:space:]')
		[ "$list" = "[]" ] && break
		sleep 0.1
	done
	is "$1" "$list" "[]"
	while pgrep -x shadowk-detach >/dev/null; do sleep 0.1; done
}

# Skips the test if only processes can execute a shadow on this machine.
need_owners() {
	shadowctl create owner --async owner
	if shadowctl own owner --irq 4 2>&1 | grep 'in a Xen PV guest'; then
		exit 77
	fi
	shadowctl disown owner --irq 4
	shadowctl destroy owner
}

# Skips the test if the guest does not count instructions. It takes two minutes, so 6.1 has to do.
need_icount() {
	if [ "$SHADOWK_VM" != icount ]; then
		echo "only a guest with --icount counts instructions"
		exit 77
	elif [[ $(uname -r) != 6.1.* ]]; then
		echo "it runs on 6.1 only, since it takes long"
		exit 77
	fi
}

# refused WORDS ARGUMENT...	shadowctl must fail, with a message that contains WORDS
refused() {
	local words=$1 said
	shift
	said=$(shadowctl "$@" 2>&1 >/dev/null) && said="shadowctl succeeded"
	[[ $said == "shadowctl: "*"$words"* ]] || is "shadowctl $*" "$said" "...$words..."
}
