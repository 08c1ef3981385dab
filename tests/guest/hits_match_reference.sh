#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test: timeout=180
# A shadow counts what bpftrace counts: ten functions of different kinds, one process, the
# same work twice, once seen by each.
set -eu

cd "$(mktemp -d)"
functions=(__x64_sys_getppid vfs_read vfs_write do_sys_openat2 vfs_fstatat do_mmap
	pipe_write security_file_open path_openat do_faccessat)

cat >work.py <<'END'
import mmap, os, sys
def work():
    for i in range(500):
        os.getppid()
    for i in range(40):
        fd = os.open("/proc/version", os.O_RDONLY)
        while os.read(fd, 64):
            pass
        os.close(fd)
        os.stat("/etc/passwd")
        os.access("/etc/group", os.R_OK)
    for i in range(20):
        m = mmap.mmap(-1, 65536)
        m.close()
    r, w = os.pipe()
    for i in range(60):
        os.write(w, b"x" * 100)
        os.read(r, 100)
    os.close(r)
    os.close(w)
while os.read(0, 1):
    work()
    os.write(1, b".")
END
mkfifo go done
python3 work.py <go >done &
pid=$!
exec 3>go 4<done

work() {
	printf . >&3
	read -r -n 1 -u 4
}

work # what is only done once is done now

shadowctl create counted
for function in "${functions[@]}"; do
	shadowctl probe add counted "$function" --name "$function"
done
shadowctl attach counted --pid $pid
work
shadowctl detach --pid $pid
shadowctl probe list counted --json >ours.json

program="BEGIN { printf(\"ready\\n\"); }"
for function in "${functions[@]}"; do
	program+=" kprobe:$function /pid == $pid/ { @[\"$function\"] = count(); }"
done
bpftrace -f json -e "$program" >reference.json &
tracer=$!
until grep -q ready reference.json; do
	kill -0 $tracer
	sleep 0.2
done
work
kill -INT $tracer
wait $tracer

exec 3>&- 4<&-
wait $pid
shadowctl destroy counted

python3 - "${functions[@]}" <<'END'
import json, sys
ours = {p["name"]: p for p in json.load(open("ours.json"))}
reference = {}
for line in open("reference.json"):
    if line.startswith("{") and '"map"' in line:
        reference.update(json.loads(line)["data"]["@"])
bad = 0
for name in sys.argv[1:]:
    probe, expected = ours[name], reference.get(name, 0)
    seen = probe["hits"] + probe["async_hits"]
    print(f"{name}: bpftrace {expected}, shadow {seen}, missed {probe['missed']}")
    # A function that was not called would prove nothing.
    bad += seen != expected or expected < 20
sys.exit(bad > 0)
END
