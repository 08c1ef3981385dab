#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=200
# `shadowctl ab` splits the workers of a server between two shadows, and stat compares the two.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
root=/sys/fs/cgroup
[ -e $root/cgroup.procs ] || mount -t cgroup2 cgroup2 $root || exit 1
mkdir $root/web || exit 1
shadowctl create old
shadowctl create new
for shadow in old new; do
	shadowctl probe add $shadow vfs_read --kind latency --name read >/dev/null
done
shadowctl probe add new vfs_write --name write >/dev/null

inside() {
	shadowctl show "$1" --json | python3 -c 'import json, sys
print(len(json.load(sys.stdin)["processes"]))'
}

refused "no cgroup '/nobody'" ab old new --cgroup /nobody
refused "--cgroup PATH is missing" ab old new
refused "'old' and 'old' are one shadow" ab old old --cgroup /web
refused "SHADOW_B is missing" ab old --cgroup /web
for percent in 0 100 x; do
	refused "'$percent' is not a percentage; give a number from 1 to 99" ab old new --cgroup /web "--split=$percent"
done
is "ab" "$(shadowctl ab old new --cgroup /web --split 25 --json | tr -d ' \n')" \
	'{"cgroup":"/web","percent":{"old":75,"new":25}}'
refused "attached to another shadow, or split otherwise" ab old new --cgroup /web

mkdir -p /tmp/www
echo hello >/tmp/www/index.html
cat >/tmp/lighttpd.conf <<CONF
server.document-root = "/tmp/www"
server.port = 8080
server.bind = "127.0.0.1"
server.max-worker = 3
CONF
ip link set lo up 2>/dev/null || ifconfig lo up
# lighttpd ends its whole process group, so it gets its own by setsid. The shell that becomes the
# server comes first, and then its 3 workers: of these 4 processes, 1 is in new.
(echo 0 >$root/web/cgroup.procs && exec setsid lighttpd -D -f /tmp/lighttpd.conf) &
server=$!
for _ in {1..200}; do
	[ "$(wc -l <$root/web/cgroup.procs)" = 4 ] && break
	sleep 0.1
done
is "in old" "$(inside old)" 3
is "in new" "$(inside new)" 1
is "requests" "$(python3 - <<'PY'
import urllib.request
for i in range(20):
    assert urllib.request.urlopen("http://127.0.0.1:8080/index.html").read() == b"hello\n"
PY
echo $?)" 0
is "show" "$(shadowctl show new | grep cgroup)" "  cgroup     /web, 25% of its processes"
is "stat" "$(shadowctl stat old new | head -n 2 | tr -s ' ')" \
	"A is old, 3 inside; B is new, 1 inside
PROBE HITS A RATE/S A MEAN NS A HITS B RATE/S B MEAN NS B"
is "stat of a probe that old lacks" "$(shadowctl stat old new | grep ^write | awk '{ print $2, $3, $4, $7 }')" "- - - -"
is "stat --json" "$(shadowctl stat old new --json --count 2 | python3 -c 'import json, sys
for line in sys.stdin: print([s["name"] for s in json.loads(line)])')" "['old', 'new']
['old', 'new']"
refused "no shadow named 'other'" stat old other
kill $server
wait $server 2>/dev/null
until ! grep -q . $root/web/cgroup.procs; do sleep 0.1; done
is "detach" "$(shadowctl detach --cgroup /web 2>&1)" ""
until rmdir $root/web 2>/dev/null; do sleep 0.1; done
shadowctl destroy old
shadowctl destroy new
[ $failures = 0 ]
