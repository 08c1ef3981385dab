#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=300
# A tool under `shadowctl capture` is killed by SIGKILL while processes hit its kprobes, at the entry
# of a function, at its return and within it. Nothing of it is left, and the module can be unloaded.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
# shellcheck source=tests/guest/lib/capture.sh
. "${0%/*}/lib/capture.sh"
[ -n "$bpftrace" ] || { echo "no bpftrace, or no BTF for it"; exit 77; }

# The instruction behind the __fentry__ site. With IBT an ENDBR is before that.
inner=5
[[ $(uname -r) == 6.1.* ]] || inner=9

load() {
	while [ -e loading ]; do writes_in 20000; done
}

capture target -- bpftrace --unsafe -e "kprobe:vfs_write { @entry = count(); }
	kretprobe:vfs_write { @exit = count(); }
	kprobe:vfs_write+$inner { @inner = count(); }"
armed vfs_write 3
touch loading
load &
loads=$!
before=$(captured_hits)
for _ in $(seq 100); do
	[ "$(captured_hits)" -gt "$before" ] && break
	sleep 0.1
done
kill -KILL "$(pgrep -x bpftrace)"
wait "$tool"
is "exit status" $? 137
nothing_left vfs_write
rm loading
wait $loads

# The same when shadowctl itself is killed: the tool goes on, and so do its kprobes.
capture target -- bpftrace -e 'kprobe:vfs_write { @entry = count(); }'
armed vfs_write 1
kill -KILL "$tool"
wait "$tool" 2>/dev/null
is "shadowctl is killed" "$(captured vfs_write)" 1
writes_in 20
interrupt "$(pgrep -x bpftrace)"
is "hits" "$(grep '^@entry' out)" "@entry: 20"
nothing_left vfs_write

shadowctl destroy target || fail "destroy"
module_settled
shadows_end "shadows"
cd / && rmmod shadowk || fail "rmmod"
[ $failures = 0 ]
