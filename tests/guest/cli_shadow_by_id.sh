#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=120
# "#ID" can be given wherever a shadow's name can. So a shadow without a name can be described,
# edited and destroyed.
PYTHONPATH=${0%/*}/lib exec python3 - <<'END'
import ctypes
import subprocess

from check import ctl, finish, is_, run


def says(words, *args):
    said = run(*args, status=1)
    is_(f"{said} says {words}", words in said, True)


lib = ctypes.CDLL("libshadowk.so.0")
dev, shadow = ctypes.c_void_p(), ctypes.c_void_p()
is_("open", lib.shadowk_open(ctypes.byref(dev)), 0)
is_("create", lib.shadowk_shadow_create(dev, None, ctypes.byref(shadow)), 0)

listed = ctl("list")
is_("names", [s["name"] for s in listed], [""])
number = listed[0]["id"]
ref = f"#{number}"
is_("show", (ctl("show", ref)["id"], ctl("show", ref)["name"]), (number, ""))
shown = run("show", ref).splitlines()
is_("shown", (shown[0], shown[1].split()), ("(none)", ["id", str(number)]))

run("probe", "add", ref, "__x64_sys_getppid", "--name", "ppid")
is_("probes", [p["name"] for p in ctl("probe", "list", ref)], ["ppid"])
run("run", ref, "--", "python3", "-c", "import os; [os.getppid() for i in range(10)]")
is_("hits", ctl("probe", "list", ref)[0]["hits"] >= 10, True)
is_("stat", ctl("stat", ref)["id"], number)
is_("stat, repeated", run("stat", ref, "--interval", "0.1", "--count", "2").count("PROBE"), 2)
run("patch", "add", ref, "__x64_sys_getuid", "--return", "7", "--name", "uid")
is_("patched", run("run", ref, "--", "python3", "-c", "import os; print(os.getuid())"), "7\n")
is_("patches", [p["name"] for p in ctl("patch", "list", ref)], ["uid"])
run("create", "copy", "--from", ref)
is_("copied", [p["name"] for p in ctl("patch", "list", "copy")], ["uid"])
run("patch", "remove", ref, "uid")
run("raw", "privatise", ref, "__x64_sys_getgid")
is_("raw edits", len(ctl("raw", "list", ref)), 1)
is_("verify", ctl("verify", ref)["strays"], [])
sleeper = subprocess.Popen(["sleep", "1000"])
is_("attach", ctl("attach", ref, "--pid", str(sleeper.pid)),
    {"shadow": ref, "attached": [sleeper.pid]})
says(f"processes are inside shadow '{ref}'", "destroy", ref)
run("detach", "--pid", str(sleeper.pid))
sleeper.kill()
sleeper.wait()
is_("share", run("share", ref, "--", "sh", "-c", "echo $SHADOWK_FD"), "3\n")
run("share", ref, "--revoke")

# A shadow with a name can be given by its id, too, and a name never begins with "#".
copy = f"#{[s['id'] for s in ctl('list') if s['name'] == 'copy'][0]}"
is_("by id", ctl("show", copy)["name"], "copy")
run("run", copy, "--create", "--", "true")
says("#' and the id of a shadow", "show", "#")
says("'#0' is not '#' and the id of a shadow", "show", "#0")
says("'#1x' is not '#' and the id of a shadow", "probe", "add", "#1x", "vfs_read")
says("'#18446744073709551616' is not", "show", "#18446744073709551616")
says("no shadow has the id #4000000000", "show", "#4000000000")
says("no shadow has the id #4000000000", "run", "#4000000000", "--create", "--", "true")
says("'#5' cannot be the name of a shadow", "create", "#5")
run("destroy", copy)
says("no shadow has the id " + copy, "show", copy)
run("destroy", ref)
lib.shadowk_shadow_close(shadow)
is_("list at the end", ctl("list"), [])
finish()
END
