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

# refused WORDS ARGUMENT...	shadowctl says so, with these words
refused() {
	local words=$1 said
	shift
	said=$(shadowctl "$@" 2>&1 >/dev/null) && said="it was done"
	[[ $said == "shadowctl: "*"$words"* ]] || is "shadowctl $*" "$said" "...$words..."
}
