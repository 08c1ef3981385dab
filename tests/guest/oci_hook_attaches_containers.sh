#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=120
# Containers of an OCI runtime, crun or $RUNTIME, are in the shadow that their annotation names, from
# the first program on. Programs that are executed in them later are inside, too. Other containers
# are outside, and a container whose shadow does not exist is not started.
runtime=${RUNTIME:-crun}
command -v "$runtime" >/dev/null || { echo "this guest has no $runtime"; exit 77; }
options=(--root=/run/oci)
[ "$runtime" = runc ] || options+=(--cgroup-manager=cgroupfs)
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
[ -e /sys/fs/cgroup/cgroup.procs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1
top=/tmp/oci
mkdir -p $top/root/{usr,proc,tmp,dev} /run
for folder in bin sbin lib lib64; do ln -sfn usr/$folder $top/root/$folder; done
shadowctl create canary || exit 1
shadowctl probe add canary __x64_sys_kill --name kills >/dev/null || exit 1

hits() {
	shadowctl probe list canary --json | python3 -c 'import json, sys
print(*(p["hits"] for p in json.load(sys.stdin)))'
}

# bundle NAME SHADOW COMMAND	makes a container that runs COMMAND by bash
bundle() {
	mkdir -p $top/"$1"
	python3 - "$1" "$2" "$3" "$(command -v shadowctl)" >$top/"$1"/config.json <<-'END'
		import json, sys
		name, shadow, command, shadowctl = sys.argv[1:]
		spaces = ["pid", "mount", "ipc", "uts", "cgroup", "network"]
		capabilities = ["CAP_KILL"]
		json.dump({
		    "ociVersion": "1.0.2",
		    "root": {"path": "/tmp/oci/root", "readonly": True},
		    "process": {"cwd": "/", "user": {"uid": 0, "gid": 0},
		                "env": ["PATH=/usr/bin"], "args": ["bash", "-c", command],
		                "capabilities": {"bounding": capabilities}},
		    "mounts": [
		        {"destination": "/proc", "type": "proc", "source": "proc"},
		        {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]}],
		    "linux": {"namespaces": [{"type": space} for space in spaces],
		              "cgroupsPath": "/oci/" + name},
		    "annotations": {"shadowk.shadow": shadow} if shadow else {},
		    "hooks": {"createRuntime": [{"path": shadowctl,
		                                 "args": ["shadowctl", "oci-hook"]}]},
		}, sys.stdout)
	END
}

runtime() {
	# Output goes to a file, since a detached container would keep a pipe open.
	"$runtime" "${options[@]}" "$@" </dev/null >$top/said 2>&1
	local status=$?
	cat $top/said
	return $status
}

calls() {
	echo "for ((i = 0; i < $1; i++)); do kill -0 \$\$; done"
}

bundle first canary "$(calls 7)"
is "a container with the annotation" "$(runtime run --bundle $top/first first)" ""
is "hits of its program" "$(hits)" 7
bundle neighbour "" "$(calls 5)"
is "a container without the annotation" "$(runtime run --bundle $top/neighbour neighbour)" ""
is "hits after a container without the annotation" "$(hits)" 7

bundle service canary "$(calls 11); sleep 1000"
is "a service" "$(runtime run --detach --bundle $top/service service)" ""
until [ "$(hits)" -ge 18 ]; do sleep 0.1; done
is "hits with those of the service" "$(hits)" 18
is "a program in the service" "$(runtime exec service bash -c "$(calls 13)")" ""
is "hits with those of that program" "$(hits)" 31
is "cgroups" "$(shadowctl show canary --json | python3 -c 'import json, sys
print(*json.load(sys.stdin)["cgroups"])')" /oci/service
is "delete" "$(runtime delete --force service)" ""

# A container without the annotation, by its id
bundle plain "" "sleep 1000"
is "a plain service" "$(runtime run --detach --bundle $top/plain plain)" ""
shadowctl count --container plain __x64_sys_kill >$top/counted &
until shadowctl list --json | grep -q '"nr_processes":1'; do sleep 0.1; done
is "a program in the plain service" "$(runtime exec plain bash -c "$(calls 17)")" ""
is "delete the plain service" "$(runtime delete --force plain)" ""
wait
is "hits of 'shadowctl count --container'" "$(awk '$2 == "__x64_sys_kill" { print $1 }' $top/counted)" 17

bundle wrong nobody "$(calls 1)"
said=$(runtime run --bundle $top/wrong wrong) && is "a container whose shadow does not exist" "$said" refused
[[ $said == *hook* ]] || is "error of the runtime" "$said" "...hook..."
is "destroy" "$(shadowctl destroy canary 2>&1)" ""
[ $failures = 0 ]
