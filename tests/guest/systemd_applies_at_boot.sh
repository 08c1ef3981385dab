#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=200
# shadowk.service applies /etc/shadowk, and the units that its files name are inside from their first
# instruction on. With shadowk.restore=0 it applies nothing. A shadow with a mark of an earlier boot
# is not applied, and the service says so.
#
# systemd runs in a container here. There it takes the kernel's command line from its arguments.
command -v systemctl >/dev/null || { echo "this guest has no systemd"; exit 77; }
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
root=/sys/fs/cgroup
units=/etc/systemd/system
marks=/var/lib/shadowk
[ -e $root/cgroup.procs ] || mount -t cgroup2 cgroup2 $root || exit 1
mkdir -p /etc/shadowk $units/shadowk.service.d $marks
cat >/etc/shadowk/web.shadow <<END
[Shadow]
[Probe]
Function=__x64_sys_kill
Name=kills
[Scope]
Unit=web sub.slice
END
# Ordinary units start after sysinit.target, which is after shadowk.service.
cat >$units/web.service <<'END'
[Unit]
DefaultDependencies=no
After=shadowk.service
[Service]
ExecStart=/bin/bash -c 'for ((i = 0; i < 5; i++)); do kill -0 $$$$; done; >/tmp/web; exec sleep 1000'
END
cat >$units/low.service <<'END'
[Unit]
DefaultDependencies=no
After=web.service shadowk.service
[Service]
Slice=sub.slice
ExecStart=/bin/bash -c 'kill -0 $$$$; >/tmp/low; exec sleep 1000'
END
cat >$units/test.target <<'END'
[Unit]
DefaultDependencies=no
Wants=shadowk.service web.service low.service
END
printf '[Service]\nStandardOutput=file:/tmp/said\nStandardError=file:/tmp/said\n' \
	>$units/shadowk.service.d/said.conf
is "verify" "$(systemd-analyze verify --man=no shadowk.service shadowk-survived.timer \
	shadowk-survived.service 2>&1)" ""

# boot ARGUMENT...	boots systemd, waits until both units run, and prints what is in the shadow
boot() {
	rm -f /tmp/{web,low,said}
	mkdir -p $root/systemd
	# shellcheck disable=SC2016
	(
		echo 0 >$root/systemd/cgroup.procs
		exec unshare -pfmC --kill-child --mount-proc sh -c "umount $root
			mount -t cgroup2 cgroup2 $root; mount -t tmpfs run /run
			exec env container=other /lib/systemd/systemd --system --unit=test.target \\
			--log-target=null --show-status=no $*"
	) </dev/null >/dev/null 2>&1 &
	systemd=$!
	until [ -e /tmp/web ] && [ -e /tmp/low ]; do sleep 0.5; done
	shadowctl list --json | python3 -c 'import json, subprocess, sys
for s in json.load(sys.stdin):
    show = json.loads(subprocess.check_output(["shadowctl", "show", s["name"], "--json"]))
    print(s["name"], *sorted(show["cgroups"]), len(show["processes"]), *(p["hits"] for p in show["probes"]))'
}

# halt	kills all of it, as a power failure does
halt() {
	kill -KILL $systemd
	wait $systemd 2>/dev/null
	until [ -z "$(find $root/systemd -name cgroup.procs -exec cat {} +)" ]; do sleep 0.1; done
	find $root/systemd -depth -type d -exec rmdir {} +
}

boot >/tmp/shown
is "inside" "$(</tmp/shown)" "web /systemd/sub.slice /systemd/system.slice/web.service 2 6"
grep -qx 'web: create the shadow, policy base' /tmp/said || fail "the service says $(</tmp/said)"
is "marks" "$(ls $marks)" web.mark
halt
is "destroy" "$(shadowctl destroy web 2>&1)" ""

boot shadowk.restore=0 >/tmp/shown
is "inside with shadowk.restore=0" "$(</tmp/shown)" ""
[ ! -e /tmp/said ] || fail "the service says with shadowk.restore=0: $(</tmp/said)"
halt

echo another-boot >$marks/web.mark
boot >/tmp/shown
is "inside with a mark" "$(</tmp/shown)" ""
grep -q "shadow 'web' is not applied: the machine ended within a minute" /tmp/said ||
	fail "the service says with a mark: $(</tmp/said)"
halt
rm -r /etc/shadowk $marks $units/{web,low}.service $units/test.target $units/shadowk.service.d
[ $failures = 0 ]
