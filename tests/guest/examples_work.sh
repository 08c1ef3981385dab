#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=60
# The programs in examples/ do what they say.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
examples=/usr/lib/shadowk/examples

# hits PROBE	prints the hits of PROBE in the shadow "web"
hits() {
	shadowctl probe list web --json | python3 -c 'import json, sys
print(*(p["hits"] for p in json.load(sys.stdin) if p["name"] == sys.argv[1]))' "$1"
}

ask() {
	exec 3<>/dev/tcp/127.0.0.1/8080 || return
	echo "$1" >&3
	cat <&3
	exec 3>&-
}

shadowctl create opens
shadowctl probe add opens do_sys_openat2
is "files that attach_myself opens" "$(shadowctl share opens -- \
	setpriv --reuid 1000 --clear-groups $examples/attach_myself /etc/passwd /no/such /dev/null)" 3
shadowctl destroy opens

ip link set lo up
shadowctl create web
shadowctl probe add web do_sys_openat2 --name opens
shadowctl probe add web __x64_sys_accept4 --name accepts
$examples/serve web 8080 &
server=$!
for i in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null && break; sleep 0.1; done
for i in 1 2 3 4 5; do
	is "answer $i" "$(ask /etc/passwd)" "$(cat /etc/passwd)"
done
is "opens, by requests only" "$(hits opens)" 5
is "calls of accept4(), between requests" "$(hits accepts)" 0
is "processes inside between requests" \
	"$(shadowctl show web --json | python3 -c 'import json, sys
print(len(json.load(sys.stdin)["processes"]))')" 0

# The server is attached, and serves requests in the shadow without entering it.
shadowctl attach web --pid $server
ask /etc/passwd >/dev/null
is "answer, attached" "$(ask /etc/passwd)" "$(cat /etc/passwd)"
is "opens, attached" "$(hits opens)" 7
kill $server
wait $server 2>/dev/null
is "destroy" "$(shadowctl destroy web 2>&1)" ""
is "serve, without a shadow" "$($examples/serve web 8080 2>&1)" \
	"no shadow named 'web'; create it: shadowctl create web"

# The script of the DaemonSet makes the shadow once, and writes its metrics.
mkdir -p /tmp/daemon
awk '/- \|$/ { on = 1; next } /securityContext/ { on = 0 } on' $examples/kubernetes.yaml |
	sed 's,/metrics/,/tmp/daemon/,' >/tmp/daemon/script
for time in first second; do
	sh -e /tmp/daemon/script >/tmp/daemon/said 2>&1 &
	until [ -e /tmp/daemon/shadowk.prom ]; do
		kill -0 $! 2>/dev/null || { cat /tmp/daemon/said; exit 1; }
		sleep 0.1
	done
	kill -KILL $!
	wait $! 2>/dev/null
	is "the DaemonSet's script, $time time" "$(cat /tmp/daemon/said)" ""
	is "$time time" "$(grep -c '_count{shadow="canary",' /tmp/daemon/shadowk.prom)" 1
	rm /tmp/daemon/shadowk.prom
done
rm -r /tmp/daemon
is "destroy the DaemonSet's shadow" "$(shadowctl destroy canary 2>&1)" ""
[ $failures = 0 ]
