#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: services timeout=300
# LXC runs the hook of docs/containers.md: the container is inside from its first program on, and so
# are programs that are executed in it later. After it has ended, nothing is attached.
# shellcheck source=tests/guest/lib/containers.sh
. "${0%/*}/lib/containers.sh"
need lxc-start
containers_begin
mkdir -p /var/lib/lxc/tiny
cat >/var/lib/lxc/tiny/config <<END
lxc.uts.name = tiny
lxc.rootfs.path = dir:$root
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
lxc.init.cmd = /bin/sh /begin
lxc.hook.version = 1
lxc.hook.start-host = $(command -v shadowctl) attach canary --container tiny
END
echo "$(calls 7); exec sleep 1000" >$root/begin
quietly lxc-start --logfile=$top/log --name tiny || cat $top/log
hits_become "hits of the container" 7
is "cgroups" "$(cgroups)" /lxc.payload.tiny
quietly lxc-attach --name tiny -- /bin/sh -c "$(calls 11)"
is "hits with those of lxc-attach" "$(hits)" 18
quietly lxc-stop --kill --name tiny
is "cgroups at the end" "$(cgroups)" ""
rm -r /var/lib/lxc/tiny $root/begin
containers_end
