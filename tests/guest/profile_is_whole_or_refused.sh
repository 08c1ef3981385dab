#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=120
# A whole profile is checked against this kernel before a shadow gets any of it. The shadow has all
# items that the user wants and the kernel supports, under their names, or there is no shadow.
PYTHONPATH=${0%/*}/lib exec python3 - <<'END'
import os

from check import ctl, finish, is_, run


def write(*lines):
    with open("mine", "w", encoding="ascii") as out:
        out.write("\n".join(("# a profile", *lines, "")))


def refused(says, *lines, status=1, args=()):
    write("good nop __x64_sys_sync", *lines)
    line = run("create", "p", "--profile", "./mine", *args, status=status)
    is_(f"{line.strip()} says {says}", says in line, True)
    is_("shadows after a refusal", ctl("list"), [])


write("ppid return __x64_sys_getppid 0x10   # a remark",
      "ro\treturn vfs_mkdir -EROFS",
      "",
      "call skip-call __x64_sys_getppid __task_pid_nr_ns -1",
      "sync optional nop __x64_sys_sync",
      "gone optional nop no_such_function",
      "read probe vfs_read latency",
      "shut optional return schedule 0")
is_("left out", ctl("create", "p", "--profile", "./mine", "--without", "sync")["left_out"],
    [{"item": "gone", "reason": "no function named 'no_such_function' in this kernel; see "
                                "/proc/kallsyms"},
     {"item": "shut", "reason": "cannot patch schedule: the kernel forbids it (noinstr, entry or "
                                "scheduler text, kprobe blacklist), or shadowk relies on it; "
                                "choose another function"}])
shown = ctl("show", "p")
is_("patches", [(p["name"], p["kind"], p["value"], p["object"]) for p in shown["patches"]],
    [("mine:ppid", "return", 16, None), ("mine:ro", "return", -30, None),
     ("mine:call", "skip-call", -1, "__task_pid_nr_ns")])
is_("probes", [(p["name"], p["kind"]) for p in shown["probes"]], [("mine:read", "latency")])
is_("patch in show", "mine:ro" in run("show", "p"), True)
is_("getppid() inside", run("run", "p", "--", "sh", "-c", "echo $PPID"), "16\n")
run("destroy", "p")
is_("left out, in words", run("create", "p", "--profile", "./mine", "--without", "shut"),
    "left out gone: no function named 'no_such_function' in this kernel; see /proc/kallsyms\n")
run("destroy", "p")

# Errors name the file, the line and the reason. A good line always comes first.
refused("./mine:3: bad: no function named 'no_such_function'", "bad nop no_such_function")
refused("./mine:4: bad: cannot patch schedule", "", "bad nop schedule")
refused("./mine:3: bad: vfs_read has no direct call of 'vfs_write'",
        "bad skip-call vfs_read vfs_write")
refused("./mine:3: late: vfs_read+0x1 is in the middle", "late optional probe vfs_read+1 count")
refused("./mine:3: line 2 has an item 'good', too", "good nop vfs_read")
refused("./mine:3: 'mine:a/b' cannot be the name", "a/b nop vfs_read")
refused("./mine:3: '' is not an edit", "alone")
refused("./mine:3: 'nap' is not an edit", "bad optional nap vfs_read")
refused("./mine:3: a function is missing", "bad nop")
refused("./mine:3: functions are patched at their entry", "bad nop vfs_read+5")
refused("./mine:3: '12' is not SYMBOL", "bad nop 12")
refused("./mine:3: a value is missing", "bad return vfs_read")
refused("./mine:3: '1x' is not a value", "bad return vfs_read 1x")
refused("./mine:3: a thunk is", "bad thunk retpoline")
refused("./mine:3: 'slow' is not a kind", "bad probe vfs_read slow")
refused("./mine:3: 'more' is one word too many", "bad nop vfs_read more")
refused("has no item 'none'", args=("--without", "none"))
refused("with a '/'", args=("--profile", "mine"))
refused("cannot be the name of a profile", args=("--profile", "./a b"))
refused("cannot read the profile './none': No such file", args=("--profile", "./none"))
os.mkdir("folder")
refused("cannot be read", args=("--profile", "./folder"))
write()
is_("an empty profile is refused", "has no items" in run("create", "p", "--profile", "./mine", status=1), True)
is_("--without needs --profile", "--without needs --profile" in run("create", "p", "--without", "x", status=2), True)
is_("list at the end", ctl("list"), [])
finish()
END
