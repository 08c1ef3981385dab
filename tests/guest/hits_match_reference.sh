#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=600
# A shadow's probes and bpftrace count the same calls of one process.
command -v bpftrace >/dev/null || { echo "no bpftrace"; exit 77; }
[ -e /sys/kernel/btf/vmlinux ] || { echo "this kernel has no BTF for bpftrace"; exit 77; }
work=$(mktemp -d)
cd "$work" || exit 1
mkfifo go came
trap '{ kill $process; kill -KILL $bpftrace; } 2>/dev/null; wait; rm -rf "$work"; shadowctl destroy reference >/dev/null' EXIT

# A job that makes the same system calls of many kinds each time. It has no children, which bpftrace
# would not count.
cat >workload <<'EOF'
import os, mmap, socket, threading, time
go, came = open("go", "rb", buffering=0), open("came", "wb", buffering=0)
go.read(1)
for i in range(40):
    for path in "/proc/version", "/nowhere", "/etc/passwd":
        try:
            with open(path, "rb") as f:
                f.read()
        except OSError:
            pass
    r, w = os.pipe()
    os.write(w, b"x" * 100)
    os.read(r, 100)
    os.close(r), os.close(w)
    a, b = socket.socketpair()
    a.send(b"y" * 1000)
    b.recv(1000)
    a.close(), b.close()
    m = mmap.mmap(-1, 64 * 4096)
    for page in range(64):
        m[page * 4096] = 1
    m.close()
    thread = threading.Thread(target=time.sleep, args=(0.001,))
    thread.start()
    thread.join()
    os.listdir("/proc/self")
    os.stat("/tmp")
# The last call. bpftrace may end after it.
came.write(b"x")
go.read(1)
EOF

# Functions, with an option for their probe.
functions=(vfs_read vfs_write:--int3 do_sys_openat2 __fput:--int3 handle_mm_fault kernel_clone
	pipe_write:--return unix_stream_sendmsg:--int3 path_lookupat do_mmap hrtimer_nanosleep:--return
	vfs_statx)
shadowctl create reference >/dev/null || exit 1
# bpftrace exits when this shell calls umask(2). bpftrace 0.17 loses a signal that comes between two
# polls: see BPFtrace::poll_perf_events().
program='BEGIN { printf("ready\n"); } tracepoint:syscalls:sys_enter_umask /pid == '$$'/ { exit(); }'
for f in "${functions[@]}"; do
	name=${f%:*}
	arm=
	[ "$name" = "$f" ] || arm=${f#*:}
	shadowctl probe add reference "$name" --name "$name" $arm >/dev/null || exit 1
	kind=kprobe
	[ "$arm" = --return ] && kind=kretprobe
	program+=" $kind:$name /pid == PID/ { @[\"$name\"] = count(); }"
done

# The process waits in a read() that began before anything counts, and ends in another one.
python3 workload &
process=$!
exec 8>go 9<came
sleep 1
echo "bpftrace begins"
bpftrace -e "${program//PID/$process}" >bpf 2>err &
bpftrace=$!
until grep -q ready bpf; do
	kill -0 $bpftrace || { cat err; exit 1; }
	sleep 0.2
done
shadowctl attach reference --pid $process || exit 1
echo "the process begins to work"
echo -n x >&8
head -c 1 <&9 >/dev/null
# Time for the process to get from its last write() to the read() in which it ends.
sleep 0.5
shadowctl probe list reference --json >ours
echo "bpftrace ends"
umask 022
wait $bpftrace

python3 - <<'EOF'
import json, re, sys
reference = dict(re.findall(r"^@\[(\S+)\]: (\d+)$", open("bpf").read(), re.M))
failures = 0
for probe in json.load(open("ours")):
    name, hits = probe["name"], probe["hits"]
    expected = int(reference.get(name, 0))
    if hits != expected or not hits or probe["missed"]:
        print(f"FAIL: {name}: {hits} hits and {probe['missed']} missed, bpftrace has {expected}")
        failures += 1
sys.exit(failures > 0)
EOF
