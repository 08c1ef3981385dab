#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=900
# `shadowctl top` counts the calls of every function that can be probed, in its target alone. In a
# terminal it is a table that keys sort and filter.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
write=(dd if=/dev/zero of=/dev/null bs=1 status=none)

refused "say which processes" top

# A command, beside one that is outside.
while :; do "${write[@]}" count=1000; done &
outside=$!
shadowctl top --once --json -- "${write[@]}" count=1234 >out 2>err
is "status" $? 0
kill $outside
python3 - <<'END'
import json
top = json.load(open("out"))
calls = {f["function"]: f["hits"] for f in top["functions"]}
for function in "vfs_write", "vfs_read", "ksys_write":
    if not 1234 <= calls.get(function, 0) <= 1234 + 60:
        print(f"{function}: {calls.get(function)} calls, expected 1234 and those of the start")
if calls.get("write_null") != 1234:
    print(f"write_null: {calls.get('write_null')} calls, expected 1234")
if top["probed"] < 30000:
    print(f"{top['probed']} functions probed, expected over 30000")
if len(calls) < 200:
    print(f"{len(calls)} functions called, expected over 200")
END
is "shadows left" "$(shadowctl list --json | tr -d "\n")" "[]"

# In a terminal: type a filter, sort, quit. The screen is that of the last drawing.
sleep 1000 &
sleeper=$!
python3 - $sleeper >screen 2>&1 <<'END'
import os, pty, select, sys, time
pid, fd = pty.fork()
if not pid:
    os.environ["TERM"] = "vt100"
    os.environ["LINES"], os.environ["COLUMNS"] = "24", "80"
    os.execvp("shadowctl", ["shadowctl", "top", "--pid", sys.argv[1], "--interval", "0.5"])
seen = b""
def until(text, seconds=240):
    global seen
    end = time.time() + seconds
    while text not in seen and time.time() < end:
        if select.select([fd], [], [], 0.5)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                return False
    return text in seen
print("drawn", until(b"Sorted by"))
os.write(fd, b"n"); print("sorted", until(b"name"))
os.write(fd, b"/nanosleep\n"); print("filtered", until(b"Filter"))
os.write(fd, b"p"); print("paused", until(b"Paused"))
os.write(fd, b"q")
until(b"no such text", 1)
print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
is "the terminal" "$(cat screen)" "drawn True
sorted True
filtered True
paused True
status 0"
is "shadows left by the terminal" "$(shadowctl list --json | tr -d "\n")" "[]"
refused "executes the base" detach --pid $sleeper
kill $sleeper
