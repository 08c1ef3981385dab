#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=600
# `shadowctl count` counts exactly the calls of its target, which may be processes, a cgroup, a unit,
# a container or a command. It leaves nothing behind, however it ends.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
root=/sys/fs/cgroup
[ -e $root/cgroup.procs ] || mount -t cgroup2 cgroup2 $root || exit 1
write=(dd if=/dev/zero of=/dev/null bs=1 status=none)

# hits FUNCTION <TABLE	prints its hits, summed over all tables
hits() {
	awk -v f="$1" '$2 == f { sum += $1 } END { print sum + 0 }'
}

# Prints the number of shadows and of the processes inside.
left() {
	shadowctl list | awk 'NR > 1 { nr++; inside += $3 } END { print nr + 0, inside + 0 }'
}

# inside NR	waits until NR processes are inside
inside() {
	for _ in $(seq 200); do
		[ "$(left)" = "1 $1" ] && return
		sleep 0.1
	done
	fail "not $1 processes are inside: $(left)"
}

# gone	waits until there is no shadow
gone() {
	for _ in $(seq 100); do
		[ "$(left)" = "0 0" ] && return
		sleep 0.1
	done
	fail "$1: left are $(left)"
}

# writer NAME	starts a process that does N writes for each line N of the FIFO NAME, and ends when this
# script closes its end, 3 or 4. Sets $writer
writer() {
	rm -f "$1"
	mkfifo "$1"
	bash -c 'while read -r n; do dd if=/dev/zero of=/dev/null bs=1 status=none count=$n; echo; done' \
		<"$1" >"$1.done" 3>&- 4>&- &
	writer=$!
}

# ask FD NAME N	lets the writer write N bytes
ask() {
	local before
	before=$(wc -l <"$2.done")
	echo "$3" >&"$1"
	until [ "$(wc -l <"$2.done")" -gt "$before" ]; do sleep 0.05; done
}

# A command, beside one that is outside.
while :; do "${write[@]}" count=1000; sleep 0.1; done &
outside=$!
is "a command's" "$(shadowctl count vfs_write -- "${write[@]}" count=1000 | hits vfs_write)" 1000
is "write_null of two children" \
	"$(shadowctl count write_null -- \
		sh -c "${write[*]} count=500; ${write[*]} count=700" | hits write_null)" 1200
is "the table" "$(shadowctl count write_null -- "${write[@]}" count=77 | tr -s ' ')" "HITS FUNCTION
 77 write_null
1 of 1 probed functions have hits."
kill $outside
wait $outside 2>/dev/null
is "JSON" "$(shadowctl count write_null 'read_nul?' --json -- "${write[@]}" count=88 | python3 -c 'import json, sys
s = json.load(sys.stdin); f = s["functions"]
print(s["probed"], len(f), f[0]["function"], f[0]["hits"], f[0]["async_hits"])')" \
	"2 1 write_null 88 0"
is "JSON of intervals" "$(shadowctl count write_null --json --interval 0.1 -- sh -c "sleep 0.3; ${write[*]} count=99" |
	python3 -c 'import json, sys
s = [json.loads(line) for line in sys.stdin]
print(len(s) > 2, sum(f["hits"] for x in s for f in x["functions"]))')" "True 99"
is "no call" "$(shadowctl count write_null -- true | tail -n 1)" "0 of 1 probed functions have hits."
shadowctl count vfs_write -- sh -c 'exit 42' >/dev/null
is "status 42" $? 42
shadowctl count vfs_write -- sh -c 'kill -9 $$' >/dev/null
is "status of a signal" $? 137
shadowctl count vfs_write -- /no/such/command >out 2>err
is "status of no command" "$? $(wc -c <out) $(wc -l <err)" "127 0 1"
shadowctl count vfs_write -- /etc/passwd 2>err
is "status of no program" "$? $(wc -l <err)" "126 1"
is "standard input" "$(echo hello | shadowctl count write_null -- cat | head -n 1)" hello
is "handles that leak" "$(shadowctl count write_null -- sh -c 'ls -l /proc/$$/fd' | grep -c shadowk)" 0
gone "after commands"

# Processes: the count ends with the last of them.
writer a; a=$writer; exec 3>a
writer b; b=$writer; exec 4>b
shadowctl count --pid $a,$b write_null >out 3>&- 4>&- &
count=$!
inside 2
"${write[@]}" count=1000
ask 3 a 300
exec 3>&-
ask 4 b 40
exec 4>&-
wait $count
is "status at the end of the target" $? 0
is "hits of two processes" "$(hits write_null <out)" 340
gone "after the end of the target"

# A signal ends it. The process goes on outside.
for signal in INT TERM; do
	writer a; a=$writer; exec 3>a
	shadowctl count --pid $a write_null --interval 0.2 >out 3>&- 4>&- &
	count=$!
	inside 1
	ask 3 a 100
	ask 3 a 10
	kill -$signal $count
	wait $count
	is "status after SIG$signal" $? 0
	is "hits in intervals" "$(hits write_null <out)" 110
	gone "after SIG$signal"
	ask 3 a 1
	exec 3>&-
	wait $a
done

# So does SIGKILL, also to the whole process group.
for group in "" -; do
	writer a; a=$writer; exec 3>a
	setsid shadowctl count --pid $a write_null >/dev/null 3>&- 4>&- &
	inside 1
	count=$(pgrep -x shadowctl)
	kill -9 "$group$count"
	gone "after kill -9 $group"
	refused "executes the base" detach --pid $a
	ask 3 a 10
	exec 3>&-
	wait $a
	for _ in $(seq 50); do pgrep -x shadowk-detach >/dev/null || break; sleep 0.1; done
	is "processes of shadowctl" "$(pgrep -x shadowctl; pgrep -x shadowk-detach)" ""
done
shadowctl count write_null -- sleep 1000 &
inside 1
count=$(pgrep -x shadowctl)
sleeper=$(pgrep -x sleep)
kill -9 "$count"
gone "after kill -9 beside a command"
refused "executes the base" detach --pid "$sleeper"
kill "$sleeper"
wait 2>/dev/null

# --duration
sleep 1000 &
sleeper=$!
is "a duration" "$(shadowctl count --pid $sleeper --duration 0.5 write_null | tail -n 1)" \
	"0 of 1 probed functions have hits."
gone "after a duration"
shadowctl count --duration 0.2 write_null -- sh -c "sleep 1; ${write[*]} count=9; exit 3" >out
is "status of a command after the duration" $? 3
is "hits after the duration" "$(hits write_null <out)" 0

# A cgroup, a unit and a container
hex=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
mkdir -p $root/web $root/system.slice/web.service $root/machine.slice/libpod-$hex.scope/container \
	$root/machine.slice/libpod-conmon-$hex.scope $root/box/web.service
# in_cgroup FOLDER TARGET...	counts the writes of a process in the cgroup
in_cgroup() {
	local folder=$root/$1
	shift
	writer a
	exec 3>a
	echo $writer >"$folder/cgroup.procs"
	shadowctl count "$@" write_null >out 3>&- 4>&- &
	count=$!
	inside 1
	ask 3 a 25
	exec 3>&-
	wait $count
	is "hits of $*" "$? $(hits write_null <out)" "0 25"
	gone "after $*"
}
in_cgroup web --cgroup $root/web
in_cgroup web --cgroup /web
in_cgroup system.slice/web.service --unit web
in_cgroup system.slice/web.service --unit web.service
in_cgroup system.slice/web.service --unit system.slice
in_cgroup machine.slice/libpod-$hex.scope/container --container $hex
in_cgroup machine.slice/libpod-$hex.scope/container --container 01234567
refused "no systemd unit 'other.service'" count --unit other write_null
refused "no container 'web1'" count --container web1 write_null
mkdir -p $root/docker/0123${hex%????}
refused "container '0123' may be" count --container 0123 write_null
refused "no cgroup '/nobody'" count --cgroup /nobody write_null
find $root/web $root/system.slice $root/machine.slice $root/box $root/docker -depth -type d -exec rmdir {} \;

# Errors change nothing.
refused "no process has pid 999999" count --pid 999999 write_null
refused "kernel thread" count --pid 2 write_null
refused "no function 'no_such' that can be probed" count --pid $sleeper no_such
refused "no function of /proc/kallsyms matches 'no_such*'" count --pid $sleeper write_null 'no_such*'
refused "has no name of a function" count --pid $sleeper ''
refused "say which processes" count write_null
refused "PATTERN is missing" count -- true
refused "give only one of" count --pid 1 write_null -- true
refused "is missing behind --" count write_null --
refused "is not a pid" count --pid 1,,2 write_null
refused "cannot probe exc_int3" count exc_int3 -- true
shadowctl create web
shadowctl attach web --pid $sleeper
refused "is in shadow 'web'" count --pid $sleeper write_null
mkdir $root/web
echo $sleeper >$root/web/cgroup.procs
refused "is in shadow 'web'" count --cgroup $root/web write_null
refused "is no cgroup of the unified hierarchy" count --cgroup /proc write_null
echo $sleeper >$root/cgroup.procs
rmdir $root/web
is "the process is still there" "$(left)" "1 1"
shadowctl detach --pid $sleeper
shadowctl destroy web
gone "after errors"
shadowctl count --pid $sleeper write_null >/dev/full --duration 0.1 2>err
is "a full disk" "$? $(grep -c 'cannot write standard output' err)" "1 1"
gone "after a full disk"
kill $sleeper
[ $failures = 0 ]
