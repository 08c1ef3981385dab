#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: services timeout=300
# A container of systemd-nspawn is found by its name in both places where systemd has it: in a scope,
# and in a service. It is inside once it is attached.
# shellcheck source=tests/guest/lib/containers.sh
. "${0%/*}/lib/containers.sh"
need systemd-nspawn
containers_begin
machine_id=$(cat /etc/machine-id 2>/dev/null)
echo 0123456789abcdef0123456789abcdef >/etc/machine-id
echo ID=tiny >$root/etc/os-release
wanted=0
# No systemd runs here, so the test makes the cgroup that systemd would make.
for folder in machine.slice/machine-tiny.scope machine.slice/systemd-nspawn@tiny.service; do
	cgroup=/sys/fs/cgroup/$folder
	rm -f $root/{begun,go}
	mkdir -p "$cgroup"
	(
		echo 0 >"$cgroup/cgroup.procs"
		exec systemd-nspawn --register=no --keep-unit --link-journal=no --quiet -D $root -M tiny \
			/bin/sh -c "$(calls 5); echo >/begun; while [ ! -e /go ]; do sleep 0.1; done; $(calls 7); sleep 1000"
	) </dev/null >$top/said 2>&1 &
	until [ -e $root/begun ]; do
		kill -0 $! || { cat $top/said; exit 1; }
		sleep 0.1
	done
	is "attach $folder" "$(shadowctl attach canary --container tiny 2>&1)" ""
	is "cgroups" "$(cgroups)" "/$folder"
	touch $root/go
	wanted=$((wanted + 7))
	until [ "$(hits)" -ge $wanted ]; do sleep 0.1; done
	is "hits of $folder" "$(hits)" $wanted
	is "detach $folder" "$(shadowctl detach --container tiny 2>&1)" ""
	kill -KILL $!
	wait $! 2>/dev/null
	echo 1 >"$cgroup/cgroup.kill"
	until find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null; do sleep 0.1; done
done
rmdir /sys/fs/cgroup/machine.slice
echo "$machine_id" >/etc/machine-id
containers_end
