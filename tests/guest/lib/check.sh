# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For tests that are scripts: . "${0%/*}/lib/check.sh", and [ $failures = 0 ] at the end.
failures=0

fail() {
	echo "$*"
	failures=$((failures + 1))
}

# is WHAT GOT WANTED
is() {
	[ "$2" = "$3" ] || fail "$1: '$2', expected '$3'"
}

# Skips where only processes execute a shadow.
need_owners() {
	shadowctl create owner --async owner
	if shadowctl own owner --irq 4 2>&1 | grep 'in a Xen PV guest'; then
		exit 77
	fi
	shadowctl disown owner --irq 4
	shadowctl destroy owner
}

# refused WORDS ARGUMENT...	shadowctl says so, with these words
refused() {
	local words=$1 said
	shift
	said=$(shadowctl "$@" 2>&1 >/dev/null) && said="it was done"
	[[ $said == "shadowctl: "*"$words"* ]] || is "shadowctl $*" "$said" "...$words..."
}
