#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=600
# Patterns select exactly the functions that /proc/kallsyms has, in the kernel and in modules. What
# they leave out is told.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
modules=/lib/modules/$(uname -r)/extra
shadowctl create web || exit 1

# listed REGEX	prints the functions of the kernel's text whose whole name matches, once for each address
listed() {
	awk -v re="^($1)\$" '$3 == "_etext" { end = $1 } $2 ~ /[tTwW]/ && NF == 3 && $3 ~ re { a[$1] = $3 }
		END { for (i in a) if (i < end) print a[i] }' /proc/kallsyms | sort
}

# dry PATTERN...	prints the functions that these would probe
dry() {
	shadowctl probe add web "$@" --dry-run 2>err | sort
}

is "a prefix" "$(dry 'vfs_read*')" "$(listed 'vfs_read[^.]*')"
is "a question mark" "$(dry 'vfs_rea?')" vfs_read
is "a bracket" "$(dry 'vfs_[rw]ri*' | grep -vx 'vfs_write[a-z_]*')" ""
is "two patterns" "$(dry 'vfs_rea[d]' vfs_write vfs_read | tr '\n' ' ')" "vfs_read vfs_write "
is "the kernel's" "$(dry 'vmlinux:vfs_rea?')" vfs_read
is "--dry-run of a name" "$(dry vfs_read)" vfs_read
is "JSON" "$(shadowctl probe add web 'vfs_rea?' --dry-run --json | tr -d ' \n')" \
	'{"shadow":"web","probes":[{"function":"vfs_read"}]}'
is "probes after --dry-run" "$(shadowctl probe list web --json | tr -d '[:space:]')" "[]"

# The same name in two modules
insmod "$modules/shk_twin_a.ko" && insmod "$modules/shk_twin_b.ko" || exit 1
is "a name in two modules" "$(dry shk_twin | tr '\n' ' ')" "shk_twin_a:shk_twin shk_twin_b:shk_twin "
is "the note about it" "$(grep -c "2 functions have the name 'shk_twin', and all are probed: shk_twin_" err)" 1
is "one module" "$(dry shk_twin_a:shk_twin 'shk_twin_b:call_*' | tr '\n' ' ')$(wc -c <err)" \
	"shk_twin_a:shk_twin shk_twin_b:call_set 0"
is "a pattern of modules" "$(dry 'shk_twin_?:shk_twin' | wc -l)" 2
call='echo 5 >/sys/module/shk_twin_a/parameters/call; echo 7 >/sys/module/shk_twin_b/parameters/call'
is "hits of both" "$(shadowctl count shk_twin -- bash -c "$call" 2>/dev/null | awk 'NR > 1 && NF == 2' | tr -s ' ')" \
	" 7 shk_twin_b:shk_twin
 5 shk_twin_a:shk_twin"

# Variants of the compiler
variant=$(awk '$2 ~ /[tT]/ && NF == 3 { n[$3]++ } $3 ~ /[.](isra|constprop|part)[.]0$/ { v[$3] }
	END { for (f in v) { split(f, p, "."); if (n[p[1]] == 1 && n[f] == 1) { print f; exit } } }' /proc/kallsyms)
plain=${variant%%.*}
is "a name" "$(dry "$plain")" "$plain"
is "the note about its variant" "$(grep -c "the compiler has made ${plain}[.].* of '$plain'.*--variants" err)" 1
is "--variants" "$(dry "$plain" --variants | grep -cx "$plain\|$variant") $(grep -c 'compiler' err)" "2 0"
only=$(awk '$2 ~ /[tT]/ && NF == 3 { split($3, p, "."); n[p[1]]++; if ($3 ~ /[.](isra|constprop)[.]0$/) v[$3] }
	END { for (f in v) { split(f, p, "."); if (n[p[1]] == 1) { print f; exit } } }' /proc/kallsyms)
refused "the compiler has made $only of it" probe add web "${only%%.*}" --dry-run
is "--variants of a name that has no function" "$(dry "${only%%.*}" --variants)" "$only"

# Probes in a shadow
is "names" "$(shadowctl probe add web 'vfs_read*' --kind latency | sort)" "$(listed 'vfs_read[^.]*')"
is "kinds" "$(shadowctl probe list web --json | grep -c '"kind":"\?.*latency"')" "$(listed 'vfs_read[^.]*' | wc -l)"
shadowctl run web -- true
refused "no function 'no_such' that can be probed" probe add web vfs_write no_such
refused "none of the 2 functions can be probed" probe add web exc_int3 exc_debug
is "the reason" "$(shadowctl probe add web exc_int3 vfs_write 2>&1 | sort | tr '\n' ' ')" \
	"shadowctl: note: 1 function is not probed: the kernel or shadowk allows no probe there (exc_int3) vfs_write "
refused "--name names one probe" probe add web 'vfs_*' --name x
refused "'vfs_read+4' is not a function" probe add web vfs_write vfs_read+4
refused "no module 'no_mod' with functions" count no_mod:x -- true
is "no label" "$(dry 'vfs_r*' | grep -c '[.]cold\|__pfx')" 0

# Addresses that are hidden from root, too
echo 2 >/proc/sys/kernel/kptr_restrict
is "hidden addresses" "$(dry 'vfs_rea?' shk_twin | tr '\n' ' ')" "shk_twin_a:shk_twin shk_twin_b:shk_twin vfs_read "
is "hits with hidden addresses" "$(shadowctl count write_null 'read_nul?' -- \
	dd if=/dev/zero of=/dev/null bs=1 count=9 status=none | awk '$2 == "write_null" { print $1 }')" 9
echo 0 >/proc/sys/kernel/kptr_restrict

shadowctl destroy web
rmmod shk_twin_a shk_twin_b || fail "the modules are still in use"
is "list at the end" "$(shadowctl list --json | tr -d '[:space:]')" "[]"
[ $failures = 0 ]
