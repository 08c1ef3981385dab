#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=300
# A command that is refused prints one line, which names the object and the remedy, and changes
# nothing.
failures=0
shadowctl create web || exit 1
shadowctl probe add web vfs_read --name mine || exit 1
sleep 1000 &
sleeper=$!

all() {
	shadowctl list --json && shadowctl show web --json | grep -vE '"(hits|rate|seconds|async_hits|missed)"'
}

# try STATUS WORDS ARGUMENT...	shadowctl must print one line, which contains WORDS
try() {
	local want=$1 words=$2 status lines
	shift 2
	shadowctl "$@" >out 2>err </dev/null
	status=$?
	mapfile -t lines <err
	if [ $status != "$want" ] || [ -s out ] || [ ${#lines[@]} != 1 ] ||
		[[ ${lines[0]} != "shadowctl: "*"$words"* ]]; then
		echo "shadowctl $*: status $status, expected $want and '$words'; it said:"
		cat out err
		failures=$((failures + 1))
	fi
}

refused() { try 1 "$@"; }
usage() { try 2 "try 'shadowctl" "$@"; }

# The first process inside makes the shadow's tables, which stay.
shadowctl attach web --pid $sleeper && shadowctl detach --pid $sleeper || exit 1
long=$(printf 'a%.0s' {1..300})
before=$(all)

for name in ../x "a b" . .. $'a\nb' 'ä'; do
	refused "name of a shadow" create "$name"
done
for name in a/b '' "$long"; do
	for verb in create show destroy run "run --create" "probe list" stat; do
		# shellcheck disable=SC2086
		refused "name of a shadow" $verb "$name"
	done
	refused "name of a shadow" attach "$name" --pid $sleeper
	refused "name of a shadow" probe add "$name" vfs_read
	refused "name of a probe" probe add web vfs_read --name "$name"
	refused "name of a probe" probe remove web "$name"
done
refused "too long" create "$long"

refused "'web' exists already" create web
for verb in show destroy run "probe list" stat; do
	# shellcheck disable=SC2086
	refused "no shadow named 'none'; create it: shadowctl create none" $verb none
done
refused "no shadow named 'none'" attach none --pid $sleeper
refused "no shadow named 'none'" probe add none vfs_read
refused "no shadow named 'none'" probe remove none mine

true &
wait $!
refused "no process has pid $!" attach web --pid $!
refused "no process has pid $!" attach web --pid $sleeper --pid $!
refused "no process has pid $!" detach --pid $!
refused "pid 2 is a kernel thread" attach web --pid 2
refused "pid 2 is a kernel thread" attach web --pid $sleeper --pid 2
refused "pid 2 is a kernel thread" detach --pid 2
refused "pid $sleeper is in no shadow" detach --pid $sleeper
exec 3< <(exec python3 -c 'import os, time
pid = os.fork()
if not pid: os._exit(0)
time.sleep(0.5)
print(pid, flush=True)
time.sleep(1000)')
python=$!
read -r zombie <&3
refused "pid $zombie is a zombie" attach web --pid "$zombie"
kill $python

refused "no function named 'no_such_function' in this kernel" probe add web no_such_function
refused "vfs_read+0x1 is in the middle of an instruction" probe add web vfs_read+0x1
refused "vfs_read+0x100000 is past the end of vfs_read" probe add web vfs_read+0x100000
refused "0x1000 is not in the text of the kernel" probe add web 0x1000
refused "cannot probe exc_int3: the kernel forbids it" probe add web exc_int3
refused "cannot probe entry_SYSCALL_64" probe add web entry_SYSCALL_64
refused "io_uring_setup.cold is entered without a return address: it is a part of io_uring_setup" \
	probe add web io_uring_setup.cold --kind latency
refused "'init_task' is data" probe add web init_task
refused "has a probe named 'mine' already" probe add web vfs_write --name mine
refused "shadow 'web' has no probe named 'other'" probe remove web other
refused "no function named 'no_such_function' in this kernel" raw privatise web no_such_function
refused "0x1000, or the end of the range, is not in the kernel's own text" raw privatise web 0x1000
refused "cannot edit vfs_read: the kernel replaces or guards" raw add web vfs_read 0f1f440000
refused "at vfs_read+6 one instruction must replace one" raw add web vfs_read+6 0606
refused "shadow 'web' has no raw edit 7; see 'shadowctl raw list web'" raw remove web 7
twice=$(awk '$2 ~ /[tT]/ && NF == 3 && $3 !~ /[.]/ { n[$3]++; a[$3] = $1 }
	END { for (f in n) if (n[f] == 2) { print f, a[f]; exit } }' /proc/kallsyms)
refused "several functions are named '${twice% *}'; give the address instead: 0x" probe add web "${twice% *}"
refused "${twice#* }" probe add web "${twice% *}"
# A function that the compiler has cloned, so that some callers call a variant.
variant=$(awk '$2 ~ /[tT]/ && NF == 3 { n[$3]++ } $3 ~ /[.](isra|constprop|part)[.]0$/ { v[$3] }
	END { for (f in v) { split(f, p, "."); if (n[p[1]] == 1 && n[f] == 1) { print f; exit } } }' /proc/kallsyms)
shadowctl probe add web "${variant%%.*}" --name plain 2>err || failures=$((failures + 1))
if ! grep -q "shadowctl: note: the compiler has made '${variant%%.*}[.]" err; then
	echo "no note that calls of $variant are not counted: $(cat err)"
	failures=$((failures + 1))
fi
shadowctl probe remove web plain
trampoline=$(awk '$2 ~ /[tT]/ && $4 ~ /^\[(__builtin|bpf)/ { print $3; exit }' /proc/kallsyms)
if [ -n "$trampoline" ]; then
	refused "'$trampoline' is a trampoline or a BPF program" probe add web "$trampoline"
fi
shadowctl attach web --pid $sleeper || exit 1
refused "processes are inside shadow 'web'" destroy web
shadowctl detach --pid $sleeper || exit 1

usage
usage frob
usage --frob
usage create
usage create a b
usage list a
usage list --frob
usage show
usage attach web
usage attach --pid 1
for pid in 0 -1 1x '' ' 1' 99999999999; do
	usage attach web --pid "$pid"
done
usage detach
usage detach web --pid 1
usage run
usage run web true
usage run web --json
usage --json run web
usage probe
usage probe frob
usage probe add web
for place in '' vfs_read+x 'vfs read' 1234 vfs_read+0x1ffffffffffffffff; do
	usage probe add web "$place"
done
usage probe add web vfs_read --kind frob
usage probe add web vfs_read --kind
usage probe add web vfs_read --kind latency --return
usage probe list
usage probe remove web
usage raw add web vfs_read
for hex in '' 9 zz 0x90 "90 90" 9090909090909090909090909090909090; do
	usage raw add web vfs_read "$hex"
done
usage raw privatise web
usage raw privatise web --all vfs_read
usage raw privatise web --all --length 5
usage raw privatise web vfs_read --length 0
usage raw remove web x
usage stat web --interval 0
usage stat web --interval x
usage stat web --interval nan
usage stat web --interval 1s
usage stat web --count 0
usage stat web --count -1
usage help frob

after=$(all)
if [ "$before" != "$after" ]; then
	echo "something changed:"
	diff <(echo "$before") <(echo "$after")
	failures=$((failures + 1))
fi

# A user without rights is told what is needed.
chmod 755 /root

as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups shadowctl "$@" >out 2>err
	local status=$?
	if [ $status != 1 ] || [ -s out ] || [ "$(wc -l <err)" != 1 ] || ! grep -q "run as root" err; then
		echo "as a user without rights, shadowctl $*: status $status"
		cat out err
		failures=$((failures + 1))
	fi
}
as_nobody list
as_nobody create x
as_nobody count vfs_read -- true
setpriv --bounding-set -sys_module --inh-caps -sys_module shadowctl create x 2>err
if [ $? != 1 ] || ! grep -q "cannot create shadow 'x': needs CAP_SYS_MODULE" err; then
	echo "without CAP_SYS_MODULE:"
	cat err
	failures=$((failures + 1))
fi

shadowctl list --json >/dev/full 2>err
if [ $? != 1 ] || ! grep -q "cannot write standard output" err; then
	echo "no error on a full disk"
	failures=$((failures + 1))
fi

rmmod shadowk || exit 1
for verb in "create x" list "show x" "destroy x" "run x" "run x --create -- true" "attach x --pid 1" \
	"detach --pid 1" "count vfs_read -- true" "latency vfs_read --pid 1" "graph vfs_read -- true" "probe add x vfs_read" "probe list x" "probe remove x y" "stat x" \
	"raw add x vfs_read 90" "raw privatise x --all" "raw list x" "raw remove x 1"; do
	# shellcheck disable=SC2086
	refused "the module is not loaded; modprobe shadowk" $verb
done

kill $sleeper
[ $failures = 0 ]
