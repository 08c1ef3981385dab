#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: services timeout=300
# podman calls the hook of docs/containers.md: a container with the annotation is inside from its
# first program on. Another container is outside, until `shadowctl attach --container` attaches it.
# shellcheck source=tests/guest/lib/containers.sh
. "${0%/*}/lib/containers.sh"
need podman
hooks=/etc/containers/oci/hooks.d
containers_begin
mkdir -p $hooks
cp /usr/lib/shadowk/examples/podman-hook.json $hooks/shadowk.json

run() {
	quietly podman --cgroup-manager=cgroupfs --events-backend=file --hooks-dir $hooks run \
		--network=none --log-driver=none "$@"
}

run --rm --annotation shadowk.shadow=canary --rootfs $root sh -c "$(calls 7)"
is "hits of a container with the annotation" "$(hits)" 7
run --detach --cidfile=$top/id --name plain --rootfs $root sh -c \
	"$(calls 5); echo >/begun; while [ ! -e /go ]; do sleep 0.1; done; $(calls 11); sleep 1000"
until [ -e $root/begun ]; do sleep 0.1; done
is "hits after a container without the annotation" "$(hits)" 7
id=$(cat $top/id)
refused "container 'none'" attach canary --container none
refused "give one of" attach canary --container "$id" --pid 1
is "attach by a short id" "$(shadowctl attach canary --container "${id:0:12}" 2>&1)" ""
[[ $(cgroups) == */libpod-$id* ]] || fail "cgroups: $(cgroups)"
touch $root/go
hits_become "hits of the plain container" 18
is "detach" "$(shadowctl detach --container "$id" 2>&1)" ""
is "cgroups after detach" "$(cgroups)" ""
quietly podman --cgroup-manager=cgroupfs rm --force --time 0 plain
rm -r $hooks/shadowk.json $root/{begun,go} $top/id
containers_end
