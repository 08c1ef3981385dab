#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=120
# `shadowctl train --auto` finds the files of the source whose functions a process calls, by the
# calls of that process alone. A name that two files define belongs to the file whose other functions
# are beside it in the kernel.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

mkdir -p tree/fs tree/mm
cat >tree/fs/pipe.c <<'C'
static ssize_t pipe_read(struct kiocb *iocb, struct iov_iter *to)
{
	return 0;
}
static ssize_t pipe_write(struct kiocb *iocb, struct iov_iter *from)
{
	return 0;
}
C
cat >tree/fs/read_write.c <<'C'
ssize_t vfs_read(struct file *file) { return 0; }
SYSCALL_DEFINE3(write, unsigned int, fd, const char __user *, buf, size_t, count)
{
	return 0;
}
C
# Another configuration's, and one that nobody calls
echo 'ssize_t pipe_write(void) { }' >tree/mm/nopipe.c
echo 'int pipe_to_user(void) { } int eventfd_show_fdinfo(void) { }' >tree/mm/idle.c

cat >transfers <<'P'
import os
r, w = os.pipe()
while True:
    os.write(w, b"x")
    os.read(r, 1)
P
python3 transfers &
pid=$!
shadowctl train --auto --dry-run --duration 4 --source tree --pid $pid >out 2>err
is "status" $? 0
grep -q "counting the calls of [5-9] functions for 1 seconds" err || fail "$(cat err)"
is "files" "$(awk '$NF ~ /\.c$/ { print $2, $3, $4, $5 }' out | sort)" \
	"2 of 2 fs/pipe.c
2 of 2 fs/read_write.c"
awk '$NF == "fs/pipe.c" && $1 < 20 { exit 1 }' out || fail "few calls: $(cat out)"
is "shadows" "$(shadowctl list | wc -l)" 1

# A process that does nothing calls nothing.
kill $pid
sleep 1000 &
pid=$!
shadowctl train --auto --duration 1 --source tree --pid $pid >out 2>err && fail "trained: $(cat out)"
grep -q "have called no function of these files" err || fail "$(cat err)"
kill $pid

refused "leave --only and COMMAND out" train --auto --source tree -- true
refused "one argument too many" train --auto --source tree --pid $$ fs/pipe.c
refused "--auto, which is missing" train --dry-run --pid $$ fs/pipe.c
refused "has no files with functions of this kernel" train --auto --source /proc/self/fd --pid $$
[ $failures = 0 ]
