#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: services timeout=300
# containerd runs the hook of a container's specification, by runc: the container is inside from its
# first program on. Another container is outside, until `shadowctl attach --container` attaches it.
# shellcheck source=tests/guest/lib/containers.sh
. "${0%/*}/lib/containers.sh"
need containerd
containers_begin
containerd </dev/null >$top/log 2>&1 &
daemon=$!
until ctr version >/dev/null 2>&1; do
	kill -0 $daemon || { cat $top/log; exit 1; }
	sleep 0.5
done

# spec NAME SHADOW COMMAND	makes the specification of a container out of that of `ctr oci spec`
spec() {
	ctr oci spec >$top/default.json
	python3 - "$1" "$2" "$3" $root "$(command -v shadowctl)" >$top/spec.json <<-'END'
		import json, sys
		name, shadow, command, root, shadowctl = sys.argv[1:]
		with open("/tmp/containers/default.json") as file:
		    spec = json.load(file)
		spec["root"] = {"path": root}
		spec["linux"]["cgroupsPath"] = "/default/" + name
		spec["process"]["args"] = ["/bin/sh", "-c", command]
		spec["annotations"] = {"shadowk.shadow": shadow} if shadow else {}
		spec["hooks"] = {"createRuntime": [{"path": shadowctl, "args": ["shadowctl", "oci-hook"]}]}
		json.dump(spec, sys.stdout)
	END
}

spec first canary "$(calls 7)"
quietly ctr run --rm --config $top/spec.json first
is "hits of a container with the annotation" "$(hits)" 7
spec plain "" "$(calls 5); echo >/begun; while [ ! -e /go ]; do sleep 0.1; done; $(calls 11); sleep 1000"
quietly ctr run --detach --config $top/spec.json plain
until [ -e $root/begun ]; do sleep 0.1; done
is "hits after a container without the annotation" "$(hits)" 7
is "attach" "$(shadowctl attach canary --container plain 2>&1)" ""
touch $root/go
hits_become "hits of the plain container" 18
quietly ctr task kill -s KILL plain
until quietly ctr container rm plain; [ "$(cgroups)" = "" ]; do sleep 0.2; done
kill $daemon
wait $daemon
rm $root/{begun,go}
containers_end
