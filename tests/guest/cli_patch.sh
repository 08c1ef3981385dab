#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=300
# `shadowctl patch` does what it prints. If it is refused, it prints the reason.
PYTHONPATH=${0%/*}/lib exec python3 - <<'END'
import os
import subprocess

from check import ctl, finish, is_, run


def inside(command):
    return run("run", "p", "--", "sh", "-c", command).strip()


def says(text, status, *args):
    line = run("patch", "add", "p", *args, status=status)
    is_(f"{line.strip()} says", text in line, True)


run("create", "p")
is_("patches at first", ctl("patch", "list", "p"), [])
is_("name of a patch", run("patch", "add", "p", "__x64_sys_getppid", "--return", "0x10"),
    "__x64_sys_getppid\n")
is_("getppid() inside", inside("echo $PPID"), "16")
added = ctl("patch", "add", "p", "vfs_mkdir", "--return", "-EROFS", "--name", "ro")
is_("added", (added["shadow"], added["name"]), ("p", "ro"))
is_("mkdir() inside", "Read-only" in inside("mkdir /tmp/x 2>&1; true"), True)
run("patch", "add", "p", "--skip-call", "__x64_sys_getppid", "__task_pid_nr_ns", "--return", "-1",
    "--name", "skip")
run("patch", "add", "p", "__x64_sys_sync", "--nop", "--name", "nosync")
patches = ctl("patch", "list", "p")
is_("patches", [(p["name"], p["kind"], p["value"], p["object"]) for p in patches],
    [("__x64_sys_getppid", "return", 16, None), ("ro", "return", -30, None),
     ("skip", "skip-call", -1, "__task_pid_nr_ns"), ("nosync", "nop", None, None)])
is_("functions", [f["symbol"] for p in patches for f in p["functions"]],
    ["__x64_sys_getppid", "vfs_mkdir", "__x64_sys_getppid", "__x64_sys_sync"])
is_("offset of the skipped call is not 0", patches[2]["functions"][0]["offset"] > 0, True)
is_("address is in the kernel", int(patches[1]["functions"][0]["address"], 16) > 0xffffffff00000000, True)
is_("show", ctl("show", "p")["patches"], patches)
verdict = ctl("verify", "p")
is_("verified", (verdict["edits"] - verdict["hooks"], verdict["strays"]), (4, []))
is_("verify in words", "all other bytes are the base's" in run("verify", "p"), True)
run("probe", "add", "p", "vfs_read", "--kind", "latency", "--name", "lat")
run("probe", "add", "p", "vfs_write", "--int3")
run("raw", "privatise", "p", "vfs_fsync")
run("create", "q", "--from", "p")
is_("the clone's raw edits", ctl("raw", "list", "q"), ctl("raw", "list", "p"))
is_("the clone's patches", ctl("patch", "list", "q"), patches)
is_("the clone's probes", [(p["name"], p["kind"], p["offset"], p["arm"])
                           for p in ctl("probe", "list", "q")],
    [(p["name"], p["kind"], p["offset"], p["arm"]) for p in ctl("probe", "list", "p")])
is_("inside the clone", run("run", "q", "--", "sh", "-c", "echo $PPID"), "16\n")
run("destroy", "q")
is_("create from a shadow that does not exist", "no shadow named 'r'" in run("create", "q", "--from", "r", status=1), True)
is_("shadows after a refused create", [s["name"] for s in ctl("list")], ["p"])
run("probe", "remove", "p", "lat")
changed = {f["symbol"]: f["changes"] for f in ctl("diff", "p")}
is_("changed functions", len(changed), 4)
is_("a patched entry", [(len(c["base"]), c["base"][0][:3], c["shadow"][0][:3])
                        for c in changed["vfs_mkdir"]], [(1, "nop", "jmp")])
is_("a breakpoint", [c["shadow"] for c in changed["vfs_write"]], [["int3"]])
whole = run("diff", "p", "vfs_mkdir").splitlines()
is_("changed lines of diff", [sum(line.startswith(mark) for line in whole) for mark in "-+"], [1, 1])
is_("unchanged lines of diff", len(whole) > 10, True)
is_("no such function", "no function named 'nosuch'" in run("diff", "p", "nosuch", status=1), True)
is_("list as a table", "skip-call __task_pid_nr_ns, return -1" in run("patch", "list", "p"), True)
is_("value in show", "return -30" in run("show", "p"), True)
is_("removed", ctl("patch", "remove", "p", "ro"), {"shadow": "p", "removed": "ro"})
is_("mkdir() after removal", inside("mkdir /tmp/x 2>&1; rmdir /tmp/x"), "")

says("no function named 'nosuch'", 1, "nosuch", "--nop")
says("several functions are named 't_show'; give the address instead: 0x", 1, "t_show", "--nop")
says("cannot patch shadowk:shadowk_exit: the kernel forbids it", 1, "shadowk_exit", "--nop")
says("cannot patch shadowk:shadowk_exit: the kernel forbids it", 1, "--skip-call", "shadowk_exit", "vfs_read")
says("cannot patch schedule: the kernel forbids it", 1, "schedule", "--nop")
# A function that is too short for a jump: it only returns.
says("cannot redirect ftrace_stub: it has no __fentry__ site", 1, "ftrace_stub", "--nop")
says("has no direct call of 'vfs_write'", 1, "--skip-call", "vfs_read", "vfs_write")
says("calls 'kmem_cache_free' at several places", 1, "--skip-call", "copy_process",
     "kmem_cache_free")
says("already", 1, "--skip-call", "__x64_sys_getppid", "__task_pid_nr_ns")
says("has a patch named 'skip' already", 1, "vfs_read", "--nop", "--name", "skip")
says("cannot be the name of a patch", 1, "vfs_read", "--nop", "--name", "a/b")
says("the action is missing", 2, "vfs_read")
says("give one action", 2, "vfs_read", "--nop", "--return", "1")
says("CALLEE is missing", 2, "--skip-call", "vfs_read")
says("is not a value", 2, "vfs_read", "--return", "12x")
says("is not a value", 2, "vfs_read", "--return", "-ENOSUCH")
says("is not a value", 2, "vfs_read", "--return", "0x10000000000000000")
says("at their entry", 2, "vfs_read+5", "--nop")
says("is not SYMBOL", 2, "12", "--nop")
extra = f"/lib/modules/{os.uname().release}/extra"
is_("a module", run("patch", "add", "p", f"{extra}/patch_cmdline.ko"), "patch_cmdline\n")
is_("/proc/cmdline inside", "patched in one" in inside("cat /proc/cmdline"), True)
is_("/proc/cmdline outside", "patched in one" in open("/proc/cmdline").read(), False)
is_("function of the module", [f["symbol"] for f in ctl("patch", "list", "p")[-1]["functions"]],
    ["cmdline_proc_show"])
is_("module is loaded", os.path.exists("/sys/module/patch_cmdline"), True)
run("patch", "remove", "p", "patch_cmdline")
is_("module is still loaded", os.path.exists("/sys/module/patch_cmdline"), False)
says("no function named 'no_such_function'", 1, f"{extra}/shk_patch_wrong.ko")
is_("refused module is still loaded", os.path.exists("/sys/module/shk_patch_wrong"), False)
says("define its table by SHADOWK_PATCH()", 1, f"{extra}/shk_victim.ko")
with open("/tmp/bad.ko", "wb") as out:
    out.write(b"\x7fELF\x02garbage")
says("is not a kernel module", 1, "/tmp/bad.ko")
with open(f"{extra}/patch_cmdline.ko", "rb") as f, open("/tmp/other.ko", "wb") as out:
    # With CONFIG_MODVERSIONS the version's number alone does not make a module unfit.
    out.write(f.read().replace(b"vermagic=6.", b"vermagic=5.").replace(b" mod_unl", b" mod_XXX"))
says("was built for kernel 5.", 1, "/tmp/other.ko")
says("No such file", 1, "/tmp/none.ko")

def in_place():
    run("patch", "add", "p", "__x64_sys_getuid", "--return", "7", "--in-place", "--name", "here")
    is_("in place", inside("id -ru"), "7")
    is_("in_place in the list", [p["in_place"] for p in ctl("patch", "list", "p")][-1], True)
    is_("in place, in the table", "return 7, in place" in run("patch", "list", "p"), True)
    is_("stray bytes", ctl("verify", "p")["strays"], [])
    run("create", "q", "--from", "p")
    is_("the clone's patches", ctl("patch", "list", "q")[-1]["in_place"], True)
    run("destroy", "q")
    says("has a patch of __x64_sys_getuid in place", 1, "__x64_sys_getuid", "--nop")
    says("has another patch of __x64_sys_getuid", 1, "__x64_sys_getuid", "--nop", "--in-place")
    run("patch", "remove", "p", "here")
    says("has other stack frames", 1, "vfs_mkdir", "--return", "1", "--in-place")
    says("is longer than that of __x64_sys_getuid", 1, f"{extra}/shk_inplace_wrong.ko", "--in-place")
    says("needs --return, --nop", 2, "--skip-call", "vfs_read", "vfs_write", "--in-place")
    with subprocess.Popen(["shadowctl", "run", "p", "--", "python3", "-c",
                           "import signal; print(1, flush=True); signal.pause()"],
                          stdout=subprocess.PIPE) as asleep:
        asleep.stdout.readline()
        says(f"thread {asleep.pid} (python3) is in a function", 1, f"{extra}/shk_inplace.ko",
             "--in-place")
        asleep.kill()
    is_("module is still loaded after refusal", os.path.exists("/sys/module/shk_inplace"), False)


# On the debug kernel, functions of the test modules have other stack frames than the kernel's.
if "debug" not in os.uname().release:
    in_place()
is_("patches in the end", len(ctl("patch", "list", "p")), 3)
is_("removing an unknown patch", "has no patch named 'ro'" in run("patch", "remove", "p", "ro", status=1), True)
for args in (["patch"], ["patch", "add"], ["patch", "list"], ["patch", "remove"],
             ["patch", "build"]):
    is_("help", run(*args, "--help"), run("help", *args))
run("destroy", "p")
finish()
END
