#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# soak.sh SECONDS, in a guest: makes all kinds of changes to the kernel's text, from inside and
# outside of a shadow in which all pages are private. Beside that, stress-ng's stressors of the
# kernel run inside. At the end it prints what each storm has done, and compares text and page
# tables with those before. tests/soak/run starts it.
self=$0
T=/sys/kernel/tracing
tests=/usr/lib/shadowk/tests
modules=/lib/modules/$(uname -r)
counts=/tmp/soak
inside="tracer kprobes keys bpf modules livepatch forks stress hotplug"
outside="tracing_outside edits sizes visitors forks_outside"

# Stressors that do not need most of the memory, a device, or the clock.
stressors="access affinity aio chdir chmod chown clone context copy-file daemon dentry dir dnotify
dup epoll eventfd exec fallocate fault fcntl fiemap fifo flock fork fstat futex get getdent
getrandom inode-flags inotify io itimer kcmp key kill lease link locka lockf madvise membarrier
memfd mincore mknod mmap mprotect mq mremap msg msync nanosleep nice open pidfd pipe poll prctl
pthread readahead rename rlimit schedpolicy seal seek sem sem-sysv sendfile session set shm
shm-sysv sigabrt sigfd sigio sigpending sigq sigsegv sigsuspend sleep sock sockpair spawn splice
switch symlink sync-file sysinfo tee timer timerfd udp umask unshare urandom utime vfork vm-splice
wait xattr yield zombie"

# Linux 6.1 warns when a livepatch walks the stack of a task that waits for a CPU in a function with
# a hooked return, also one of a kretprobe. The commit "rethook: Remove warning messages printed for
# finding return address of a frame" removes the warning. So no returns are probed there.
returns=1
kind=latency
[[ $(uname -r) == 6.1.* ]] && returns='' kind=count
# Offset of the instruction behind the __fentry__ site. On 6.12 an ENDBR comes first.
body=0x9
[[ $(uname -r) == 6.1.* ]] && body=0x5

# done_ [N]	adds N, or 1, to the count of $storm
done_() { echo $(($(cat $counts/$storm) + ${1:-1})) >$counts/$storm; }
fail() { echo "$storm: $*" >>$counts/failures; }
works() { "$@" >/dev/null 2>$counts/error.$storm || { fail "$* failed: $(tail -1 $counts/error.$storm)"; return 1; }; }
set_() { echo "$2" >$T/$1; }
# Prints the number of lines of the trace in a folder. Stops tracing first, since the trace might
# grow faster than it is read.
lines() {
	set_ "$1tracing_on" 0
	grep -vc '^#' "$T/$1trace"
	set_ "$1trace" ""
	set_ "$1tracing_on" 1
}
huge() { shadowctl --json show soak | grep huge_ranges; }
any() { shuf -n1 -e "$@"; }

storm_tracer() {
	# Not all functions are traced: in an emulator each IPI takes milliseconds.
	works set_ set_ftrace_filter "$(any 'vfs_*' '*sched*' 'ext4_* tcp_*' '*page*' '*_read*' '*fork*')"
	works set_ current_tracer "$(any function function_graph)"
	sleep 0.3
	[ "$(lines "")" -gt 0 ] && done_
	works set_ current_tracer nop
}
# Uses an instance of its own, so that it does not disturb storm_tracer.
storm_tracing_outside() {
	local e
	e=$(any sched irq timer signal task kmem writeback)
	works set_ "instances/soak/events/$e/enable" 1
	sleep 0.3
	works set_ "instances/soak/events/$e/enable" 0
	[ "$(lines instances/soak/)" -gt 0 ] && done_
}
storm_kprobes() {
	echo $((RANDOM % 2)) >/proc/sys/debug/kprobes-optimization
	works set_ kprobe_events "p:soak/a vfs_read+$(any 0 $body)
p:soak/b __x64_sys_getpid
${returns:+r:soak/c vfs_write}" || return
	works set_ events/soak/enable 1
	sleep 0.3
	hits=$(awk '{ n += $2 } END { print n }' $T/kprobe_profile)
	works set_ events/soak/enable 0
	works set_ kprobe_events ""
	done_ "$hits"
}
storm_keys() {
	local key
	for key in kernel/bpf_stats_enabled kernel/sched_schedstats kernel/task_delayacct; do
		[ -e /proc/sys/$key ] || continue
		echo 1 >/proc/sys/$key && echo 0 >/proc/sys/$key && done_
	done
}
storm_bpf() {
	timeout 240 bpftrace -e 'kfunc:vfs_read { @ = count(); } kretfunc:vfs_write { @ = count(); }
		kprobe:vfs_open { @ = count(); } tracepoint:sched:sched_switch { @ = count(); }
		interval:s:1 { exit(); }' >$counts/bpf.out 2>&1
	grep -q '^@: [1-9]' $counts/bpf.out && done_
}
storm_modules() {
	works insmod $modules/extra/shk_victim.ko && works rmmod shk_victim && done_
}
storm_livepatch() {
	local klp=/sys/kernel/livepatch/shk_livepatch
	works insmod $modules/extra/shk_livepatch.ko || return
	while [ "$(cat $klp/transition)" != 0 ]; do sleep 0.1; done
	grep -q livepatched /proc/cmdline && done_
	echo 0 >$klp/enabled
	while [ -e $klp ]; do sleep 0.1; done
	works rmmod shk_livepatch
	sleep 2
}
storm_forks() { for _ in {1..20}; do /bin/true; done; done_ 20; }
storm_forks_outside() { storm_forks; }
storm_stress() {
	local s
	# shellcheck disable=SC2086
	s=$(any $stressors)
	echo "stress-ng --$s" >/dev/kmsg
	(cd /tmp && timeout -k 5 120 stress-ng --"$s" 2 -t 2s -q --oom-avoid >$counts/stress.out 2>&1)
	case $? in
	0) done_ ;;
	3 | 4) ;; # not possible here
	*) echo "$s: $(head -1 $counts/stress.out)" >>$counts/stress.failed ;;
	esac
}
storm_hotplug() {
	local cpu=/sys/devices/system/cpu/cpu1/online
	[ -w $cpu ] || return
	works bash -c "echo 0 >$cpu" && works bash -c "echo 1 >$cpu" && done_
	sleep 3
}
storm_edits() {
	local f
	f=$(any vfs_read vfs_write kernel_clone schedule __fput handle_mm_fault do_exit tcp_sendmsg)
	works shadowctl probe add soak $f --name e --kind "$(any count event ${returns:+latency})" || return
	sleep 0.1
	works shadowctl probe remove soak e && done_
}
# The range of the edits changes from pages of 4 KB to one of 2 MB, and back.
storm_sizes() {
	local before
	before=$(huge)
	any 0 256 >/sys/module/shadowk/parameters/huge_threshold
	sleep 1
	[ "$(huge)" != "$before" ] && done_
}
# A process is attached, moves to another shadow, and is detached.
storm_visitors() {
	local pid
	sleep 1000 &
	pid=$!
	works shadowctl attach soak --pid $pid && works shadowctl attach other --pid $pid &&
		works shadowctl detach --pid $pid && done_
	kill $pid
	wait $pid 2>/dev/null
}

if [ "$1" = storm ]; then
	storm=$2
	while [ -e $counts/go ]; do
		storm_$storm
	done
	exit
fi

seconds=$1
mkdir -p $T/instances/soak || exit 1
set_ buffer_size_kb 64
set_ instances/soak/buffer_size_kb 64
rm -rf $counts && mkdir $counts || exit 1
sysctl -qw kernel.randomize_va_space=1
rmmod shadowk || exit 1
# The kernel changes text permanently when it connects for the first time: net_secret_init()
# has a static key. A stressor may be the first.
for address in 127.0.0.1 ::1; do
	(exec 3<>"/dev/tcp/$address/9") 2>/dev/null
	(echo >"/dev/udp/$address/9") 2>/dev/null
done
$tests/text_state save $counts/state || exit 1
insmod $modules/updates/shadowk.ko || exit 1

shadowctl create soak && shadowctl create other || exit 1
shadowctl raw privatise soak --all >/dev/null && shadowctl raw privatise other --all >/dev/null || exit 1
shadowctl probe add soak __x64_sys_getppid && shadowctl probe add soak vfs_open --kind "$kind" || exit 1
shadowctl list
touch $counts/go $counts/failures $counts/stress.failed
for storm in $inside $outside; do
	echo 0 >$counts/$storm
done
pids=()
for storm in $inside; do
	shadowctl run soak -- bash "$self" storm $storm &
	pids+=($!)
done
for storm in $outside; do
	bash "$self" storm $storm &
	pids+=($!)
done
sleep "$seconds"
rm $counts/go
wait "${pids[@]}"
# Work that the function tracer and bpftrace have started may still go on when they have ended.
sleep 2
rmdir $T/instances/soak
shadowctl probe list soak
for _ in {1..60}; do
	shadowctl destroy soak 2>$counts/error && break
	sleep 1
done || cat $counts/error
shadowctl destroy other

status=0
for storm in $inside $outside; do
	printf '%-16s %s\n' $storm "$(cat $counts/$storm)"
	if [ "$(cat $counts/$storm)" = 0 ]; then
		echo "FAIL: the storm $storm has done nothing"
		status=1
	fi
done
# A stressor that fails outside, too, shows no fault of shadowk.
while IFS=: read -r s why; do
	if (cd /tmp && timeout -k 5 120 stress-ng --"$s" 2 -t 2s -q --oom-avoid >/dev/null 2>&1); then
		echo "FAIL: stress-ng --$s inside: $why"
		status=1
	fi
done < <(sort -u $counts/stress.failed)
if [ -s $counts/failures ]; then
	echo "FAIL: $(wc -l <$counts/failures) operations failed, among them"
	sort $counts/failures | uniq -c | sort -rn | head -20
	status=1
fi
for _ in {1..20}; do
	rmmod shadowk 2>$counts/error && break
	sleep 1
done || { cat $counts/error; status=1; }
$tests/text_state compare $counts/state || status=1
insmod $modules/updates/shadowk.ko
exit $status
