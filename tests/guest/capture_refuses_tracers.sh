#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=60
# blktrace, by ioctl and by sysfs, and mmiotrace are refused to a captured tool and to its workload,
# with the names of the functions. Nothing is armed, and the kernel does not warn. A tool can arm a
# kprobe at the same time: where the kernel has static keys, no text differs.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
# shellcheck source=tests/guest/lib/capture.sh
. "${0%/*}/lib/capture.sh"
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
disk=$(findmnt -no SOURCE / | sed 's,^/dev/,,')
[ -e "/sys/block/$disk/trace/enable" ] || { echo "the root is on no disk"; exit 77; }

# The ioctl BLKTRACESETUP, with a struct blk_user_trace_setup of 4 buffers of 4096 bytes.
cat >blktrace.py <<END
import errno, fcntl, os, struct
setup = bytearray(struct.pack("32sHxxIIxxxxQQIxxxx", b"", 0xffff, 4096, 4, 0, 0, 0))
try:
    fcntl.ioctl(os.open("/dev/$disk", os.O_RDONLY), 0xC0481273, setup)
except OSError as e:
    print("EOPNOTSUPP" if e.errno == errno.EOPNOTSUPP else e)
else:
    print("armed")
END

cat >tool.sh <<END
python3 blktrace.py
echo 1 2>/dev/null >/sys/block/$disk/trace/enable && echo sysfs
echo mmiotrace 2>/dev/null >$tracefs/current_tracer
grep -c ' mmiotrace: enabled' <(dmesg)
true
END

refused_by() {
	grep -q "shadowctl: $1() was refused" err || fail "$1: $(cat err)"
}

capture target --children helper -- bash tool.sh
wait "$tool" || fail "the tool: $(cat err)"
refused="EOPNOTSUPP
0"
is "a tool" "$(cat out)" "$refused"
# The first up to 6.12, the second in 7.x
if grep -qw do_blk_trace_setup /proc/kallsyms; then
	refused_by do_blk_trace_setup
else
	refused_by blk_trace_setup_prepare
fi
refused_by blk_trace_setup_queue
if grep -qw mmiotrace $tracefs/available_tracers; then
	refused_by enable_mmiotrace
fi

# A shell that has armed a kprobe: the programs that it starts are its workload.
echo 'p:probe/shk_write vfs_write' >$tracefs/kprobe_events || fail "kprobe_events"
capture target -- bash -c "echo 1 >$tracefs/events/probe/shk_write/enable; bash tool.sh
	echo 0 >$tracefs/events/probe/shk_write/enable"
wait "$tool" || fail "the tool with a workload: $(cat err)"
is "a workload" "$(cat out)" "$refused"
settled
echo >$tracefs/kprobe_events || fail "events are in use"

# mmiotrace is the tracer, but traces nothing.
echo nop >$tracefs/current_tracer
is "sysfs" "$(cat "/sys/block/$disk/trace/enable")" 0
shadowctl destroy target || fail "destroy"
module_settled
[ $failures = 0 ]
