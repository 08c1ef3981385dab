#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=200
# A unit with the drop-in of docs/containers.md is inside from its first instruction on, and another
# unit is not. A unit with restricted devices is inside if it has the drop-in's line for that.
# Without the line the unit does not start, and the error names the line.
#
# systemd runs in a container here, with a cgroup namespace.
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

# unit NAME CALLS [LINE]	writes a unit that calls kill() CALLS times
unit() {
	cat >$units/"$1".service <<-END
		[Unit]
		DefaultDependencies=no
		[Service]
		ExecStart=/bin/bash -c 'for ((i = 0; i < $2; i++)); do kill -0 \$\$\$\$; done; >/tmp/$1; exec sleep 1000'
		StandardError=file:/tmp/$1.err
		${3:-}
	END
}

# drop_in NAME	gives the unit the drop-in of examples/
drop_in() {
	mkdir -p $units/"$1".service.d
	cp /usr/lib/shadowk/examples/shadowk.conf $units/"$1".service.d/ || exit 1
}

unit web 5
unit other 7
unit few 100 DevicePolicy=closed
unit private 1000 PrivateDevices=yes
unit none 10000 DevicePolicy=closed
mkdir -p $root/systemd
for name in web few private none; do drop_in $name; done
sed -i 's/^#DeviceAllow/DeviceAllow/' $units/{few,private}.service.d/shadowk.conf
is "verify" "$(systemd-analyze verify --man=no $units/web.service 2>&1)" ""
cat >$units/test.target <<END
[Unit]
DefaultDependencies=no
Wants=web.service other.service few.service private.service none.service
END

rm -f /tmp/{web,other,few,private,none}{,.err}
# shellcheck disable=SC2016
(
	echo 0 >$root/systemd/cgroup.procs
	exec unshare -pfmC --kill-child --mount-proc sh -c "umount $root; mount -t cgroup2 cgroup2 $root
		mount -t tmpfs run /run; exec env container=other /lib/systemd/systemd --system \\
		--unit=test.target --log-target=null --show-status=no"
) </dev/null >/dev/null 2>&1 &
systemd=$!
until [ -e /tmp/web ] && [ -e /tmp/other ] && [ -e /tmp/few ] && [ -s /tmp/none.err ]; do sleep 0.5; done
until [ -e /tmp/private ] || [ -s /tmp/private.err ]; do sleep 0.5; done
is "hits of all units with the drop-in" "$(told '(p["hits"] for p in s["probes"])')" 1105
is "cgroups of the units" "$(told 'sorted(s["cgroups"])')" \
	"$(printf '/systemd/system.slice/%s.service ' few private web | sed 's/ $//')"
is "processes inside" "$(told '(p["comm"] for p in s["processes"])')" "sleep sleep sleep"
is "errors of the units that start" "$(cat /tmp/{few,private,web}.err)" ""
grep -q "add 'DeviceAllow=/dev/shadowk rw' to a unit" /tmp/none.err || fail "$(cat /tmp/none.err)"
[ ! -e /tmp/none ] || fail "a unit that cannot get inside has started"
kill -KILL $systemd
wait $systemd 2>/dev/null
until [ -z "$(find $root/systemd -name cgroup.procs -exec cat {} +)" ]; do sleep 0.1; done
find $root/systemd -depth -type d -exec rmdir {} +
rm -r $units/{web,other,few,private,none}.service $units/{web,few,private,none}.service.d \
	$units/test.target
is "destroy" "$(shadowctl destroy canary 2>&1)" ""
[ $failures = 0 ]
