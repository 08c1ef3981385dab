#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=200
# A unit with the drop-in of docs/containers.md is inside from its first instruction on,
# another unit is not. systemd runs in a container here, with a cgroup namespace.
command -v systemctl >/dev/null || { echo "this guest has no systemd"; exit 77; }
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
root=/sys/fs/cgroup
units=/etc/systemd/system
[ -e $root/cgroup.procs ] || mount -t cgroup2 cgroup2 $root || exit 1
shadowctl create canary || exit 1
shadowctl probe add canary __x64_sys_kill --name kills >/dev/null || exit 1

told() {
	shadowctl show canary --json | python3 -c "import json, sys
s = json.load(sys.stdin); print(*$1)"
}

# unit NAME CALLS
unit() {
	cat >$units/"$1".service <<-END
		[Unit]
		DefaultDependencies=no
		[Service]
		ExecStart=/bin/bash -c 'for ((i = 0; i < $2; i++)); do kill -0 \$\$\$\$; done; >/tmp/$1; exec sleep 1000'
	END
}

unit web 5
unit other 7
mkdir -p $units/web.service.d $root/systemd
cp /usr/lib/shadowk/examples/shadowk.conf $units/web.service.d/ || exit 1
is "verify" "$(systemd-analyze verify --man=no $units/web.service 2>&1)" ""
cat >$units/test.target <<END
[Unit]
DefaultDependencies=no
Wants=web.service other.service
END

rm -f /tmp/web /tmp/other
# shellcheck disable=SC2016
(
	echo 0 >$root/systemd/cgroup.procs
	exec unshare -pfmC --kill-child --mount-proc sh -c "umount $root; mount -t cgroup2 cgroup2 $root
		mount -t tmpfs run /run; exec env container=other /lib/systemd/systemd --system \\
		--unit=test.target --log-target=null --show-status=no"
) </dev/null >/dev/null 2>&1 &
systemd=$!
until [ -e /tmp/web ] && [ -e /tmp/other ]; do sleep 0.5; done
is "hits, of the unit alone" "$(told '(p["hits"] for p in s["probes"])')" 5
is "its cgroup" "$(told 's["cgroups"]')" /systemd/system.slice/web.service
is "who is inside" "$(told '(p["comm"] for p in s["processes"])')" sleep
kill -KILL $systemd
wait $systemd 2>/dev/null
until [ -z "$(find $root/systemd -name cgroup.procs -exec cat {} +)" ]; do sleep 0.1; done
find $root/systemd -depth -type d -exec rmdir {} +
rm -r $units/{web,other}.service $units/web.service.d $units/test.target
is "destroy" "$(shadowctl destroy canary 2>&1)" ""
[ $failures = 0 ]
