#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=600
# `shadowctl trace` prints the calls of its target and no others, with their arguments, and leaves
# nothing behind.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
# The debug kernel has no BTF.
[ -e /sys/kernel/btf/vmlinux ] || exit 77

zeros() {
	dd if=/dev/zero of=/dev/null "$@" 2>/dev/null
}

# lines REGEX	prints the number of lines of the file out that match
lines() {
	grep -cE "$1" out
}

# Reads single bytes until it is killed.
read_bytes() {
	exec dd if=/dev/zero of=/dev/null bs=1 count=100000000 2>/dev/null
}

# A process outside makes the same calls all the time.
while :; do zeros bs=5000 count=50; sleep 0.1; done &
bystander=$!

read_line='^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6} dd-[0-9]+ vfs_read\(file=0xff[0-9a-f]{14}, buf=0x[0-9a-f]+, count=5000, pos=0xff[0-9a-f]{14}\) = 5000  [0-9]+\.[0-9] us$'
shadowctl trace 'vfs_read(count == 5000)' -- dd if=/dev/zero of=/dev/null bs=5000 count=10 >out 2>err
is "status" $? 0
is "lines of 10 reads" "$(wc -l <out)" 10
is "lines that are as documented" "$(lines "$read_line")" 10
is "threads that have read" "$(cut -d' ' -f2 out | sort -u | wc -l)" 1
is "order of the lines" "$(sort -c -k1,1 out 2>&1)" ""
is "messages" "$(grep -c "^shadowctl:" err)" 0

# Filters decide which calls are printed, by arguments, return values or both.
shadowctl trace 'vfs_read(count > 4096 && count <= 0x1388) > 0' 'vfs_write(count == 5000)' -- \
	sh -c 'dd if=/dev/zero bs=5000 count=3; dd if=/dev/zero bs=5001 count=4; exec cat /' 2>/dev/null >out
is "status of the command" $? 1
is "reads that a filter has chosen" "$(grep -a -cE ' vfs_read\(.* = 5000 ' out)" 3
is "reads that another filter refuses" "$(grep -a -c 'count=5001' out)" 0
is "writes" "$(grep -a -cE ' vfs_write\(.*count=5000.* = 5000 ' out)" 3
shadowctl trace 'vfs_read() == -EISDIR' -- cat / >out 2>/dev/null
is "negative errnos have names" "$(lines ' cat-[0-9]+ vfs_read\(.*\) = -EISDIR  ')/$(wc -l <out)" 1/1
shadowctl trace 'do_filp_open(dfd == -100) >= -4095' -- cat /no/such/file >out 2>/dev/null
is "pointers that are errnos" "$(lines ' do_filp_open\(dfd=-100, pathname=0xff.*\) = -ENOENT  ')" "$(wc -l <out)"
[ -s out ] || fail "no file that is not there was opened"
shadowctl trace 'fput' -- true >out
is "functions that return nothing" "$(lines ' fput\(file=0xff[0-9a-f]{14}\)  [0-9.]+ us$')" "$(wc -l <out)"
[ -s out ] || fail "fput was not called"
shadowctl trace 'vfs_*(count == 5000)' -- dd if=/dev/zero of=/dev/null bs=5000 count=2 >out 2>err
is "reads and writes of a pattern" "$(lines ' vfs_(read|write)\(.*count=5000')/$(wc -l <out)" 4/4
is "functions without the argument" \
	"$(grep -cE "note: [0-9]+ functions of 'vfs_\*' are left out: '.*' has no argument 'count'" err)" 1
shadowctl trace 'vfs_*' 'vfs_read(count == 5000)' -- dd if=/dev/zero of=/dev/null bs=5000 count=2 >out 2>/dev/null
is "the last pattern decides" "$(lines ' vfs_read\(')" 2
[ "$(lines ' vfs_(open|write)\(')" -ge 2 ] || fail "the first pattern has selected nothing"

# A module without BTF has registers.
modprobe shk_victim || exit 1
refused "no types of 'shk_victim:victim_ioctl'; call its arguments arg1 to arg6, not 'cmd'" \
	trace 'shk_victim:victim_ioctl(cmd == 1)' -- true
shadowctl trace 'shk_victim:victim_ioctl(arg2 == 0x5600) == 7' -- python3 -c '
import fcntl
with open("/dev/shk_victim") as victim:
    for calls in 7, 8, 7: fcntl.ioctl(victim, 0x5600, calls)' >out
is "registers" "$(lines ' shk_victim:victim_ioctl\(arg1=0xff[0-9a-f]{14}, arg2=0x5600, arg3=0x7, arg4=.*, arg6=0x[0-9a-f]+\) ret=0x7  ')/$(wc -l <out)" 2/2

kill $bystander
wait $bystander 2>/dev/null

# As JSON, each call is one line.
shadowctl trace --json --stack 'vfs_read(count == 5000)' -- dd if=/dev/zero of=/dev/null bs=5000 count=3 2>/dev/null >out
is "JSON" "$(python3 -c 'import json
for line in open("out"):
    c = json.loads(line)
    a = c["arguments"]
    print(c["comm"], c["function"], a["count"], c["return"], a["file"][:4], c["duration_ns"] > 0,
          any(f.startswith("ksys_read+") for f in c["stack"]), c["time_ns"] > 10**18)' | sort | uniq -c |
	tr -s ' ')" " 3 dd vfs_read 5000 5000 0xff True True True"
shadowctl trace --stack 'vfs_read(count == 5000)' -- dd if=/dev/zero of=/dev/null bs=5000 count=1 2>/dev/null >out
is "the caller is the first frame" "$(sed -n 2p out | grep -cE '^        ksys_read\+0x[0-9a-f]+$')" 1
is "frames of the module" "$(grep -c '\[shadowk\]' out)" 0

# Bad input is refused, and changes nothing.
refused "'vfs_read' has no argument 'cnt'; it has file, buf, count, pos" trace 'vfs_read(cnt > 1)' -- true
refused "returns nothing" trace 'fput() == 0' -- true
refused "'many' is not a value for 'count' of 'vfs_read'" trace 'vfs_read(count == many)' -- true
refused "one of == != < <= > >= & is missing at '= 1)'" trace 'vfs_read(count = 1)' -- true
refused "at most 4 comparisons" trace 'vfs_read(count>1&&count>2&&count>3&&count>4&&count>5)' -- true
refused "--buffer is at most 1048576" trace --buffer 1048577 vfs_read -- true
refused "say which processes" trace vfs_read
refused "has no argument 'nothing'" trace 'vfs_*(nothing == 1)' -- true

# Calls that had no room are told, and counted.
read_bytes &
reader=$!
rm out
shadowctl trace --pid $reader --buffer 4 'vfs_read(count == 1)' >out 2>err &
trace=$!
until [ -s out ]; do sleep 0.1; done
kill -STOP $trace
sleep 0.3
kill -CONT $trace
sleep 0.3
kill -INT $trace
wait $trace
is "status after SIGINT" $? 0
is "lost calls" "$(grep -cE '^shadowctl: [0-9]+ calls were lost, because the buffer was full; add --buffer 32' err)" 1

# The process is detached when the time is over.
shadowctl trace --pid $reader --duration 0.3 'vfs_read(count == 1)' >out 2>/dev/null
is "status after --duration" $? 0
[ "$(lines ' vfs_read\(')" -gt 10 ] || fail "no calls in 0.3 s"
is "shadows afterwards" "$(shadowctl list --json | tr -d '[:space:]')" "[]"

# SIGKILL leaves nothing: neither the process inside, nor a tracepoint that holds the module.
rm out
shadowctl trace --pid $reader 'vfs_read(count == 1)' >out 2>/dev/null &
trace=$!
until [ -s out ]; do sleep 0.1; done
kill -9 $trace
wait $trace 2>/dev/null
shadows_end "shadows after SIGKILL"
is "instances of tracefs" "$(ls /sys/kernel/tracing/instances)" ""
kill $reader
wait $reader 2>/dev/null
rmmod shk_victim
rmmod shadowk || fail "the module cannot be unloaded"
modprobe shadowk || exit 1

# latency prints slow calls before its table.
sleeps='import time
for s in (0.001, 0.2, 0.001, 0.2, 0.001): time.sleep(s)'
shadowctl latency hrtimer_nanosleep --slower-than 100000 -- python3 -c "$sleeps" >out
is "slow calls" "$(lines ' python3-[0-9]+ hrtimer_nanosleep\(rqtp=[0-9]+, .* = 0  2[0-9]{5}\.[0-9] us$')" 2
is "the row of the table" "$(awk '$1 == "hrtimer_nanosleep" { print $2 }' out)" 5
shadowctl latency hrtimer_nanosleep --json --slower-than 100000 -- python3 -c "$sleeps" >out
is "JSON of latency" "$(python3 -c 'import json
lines = [json.loads(line) for line in open("out")]
print(len(lines), lines[0]["return"], lines[2]["functions"][0]["count"], len(lines[2]["functions"]))')" "3 0 5 1"
refused "--stack and --buffer are about calls that --slower-than prints" latency vfs_read --stack -- true

[ $failures = 0 ]
