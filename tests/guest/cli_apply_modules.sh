#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=120
# 'apply' loads the modules of declared patches and livepatches, unloads those whose patches it removes,
# and loads none if a patch is refused. It owns and disowns what sections [Own] name.
PYTHONPATH=${0%/*}/lib exec python3 - <<'END'
import os
import subprocess

from check import ctl, finish, is_, run

FOLDER = "/etc/shadowk"
EXTRA = f"/lib/modules/{os.uname().release}/extra"
os.makedirs(FOLDER, exist_ok=True)


def write(name, text):
    with open(f"{FOLDER}/{name}.shadow", "w", encoding="ascii") as out:
        out.write(text)


def command(*args):
    done = subprocess.run(["shadowctl", *args], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def applied(lines):
    """All three verbs print these changes, and only the last one makes them."""
    text = "".join(f"{line}\n" for line in lines)
    before = state()
    is_("diff-config", command("diff-config"), (1, text, ""))
    is_("--dry-run", command("apply", "--dry-run"),
        (0, text + "nothing changed, because of --dry-run\n", ""))
    is_("after them", state(), before)
    is_("apply", command("apply"), (0, text, ""))
    is_("apply again", command("apply"), (0, "nothing changed\n", ""))


def refused(*says):
    before = state()
    status, out, err = command("apply")
    is_("status and output", (status, out), (1, ""))
    is_(f"{err!r} says {says}", all(word in err for word in says), True)
    is_("after the refusal", state(), before)


def modules():
    return {m for m in ("patch_cmdline", "shk_inplace", "shk_livepatch",
                        "shk_livepatch_callbacks", "shk_patch_wrong") if os.path.exists(f"/sys/module/{m}")}


def state():
    return modules(), [(s["name"], s["id"], ctl("patch", "list", s["name"]),
                        ctl("show", s["name"])["owns"]) for s in ctl("list")]


def owns(shadow):
    return [o.get("irq") or o["kthread"] for o in ctl("show", shadow)["owns"]]


def inside():
    return subprocess.run(["shadowctl", "run", "web", "--", "cat", "/proc/cmdline"],
                          check=True, capture_output=True, text=True).stdout


with open("/proc/cmdline", encoding="ascii") as file:
    outside = file.read()
MODULE = f"[Shadow]\n[Patch]\nModule={EXTRA}/patch_cmdline.ko\n"
LIVEPATCH = f"[Shadow]\n[Patch]\nLivepatch={EXTRA}/shk_livepatch.ko\nName=live\n"

# A patch module, in two shadows
write("web", MODULE)
write("x", MODULE)
applied(["web: create the shadow, policy base",
         f"web: load module patch_cmdline from {EXTRA}/patch_cmdline.ko",
         "web: add patch patch_cmdline: module patch_cmdline",
         "x: create the shadow, policy base",
         "x: add patch patch_cmdline: module patch_cmdline"])
is_("patched inside", inside() == outside, False)
os.remove(f"{FOLDER}/x.shadow")
run("destroy", "x")

# The module of a patch that no file declares is unloaded.
write("web", LIVEPATCH)
applied(["web: remove patch patch_cmdline: module patch_cmdline",
         f"web: load module shk_livepatch from {EXTRA}/shk_livepatch.ko",
         "web: add patch live: livepatch shk_livepatch"])
is_("modules", modules(), {"shk_livepatch"})
is_("livepatched inside", inside(), "livepatched\n")
with open("/proc/cmdline", encoding="ascii") as file:
    is_("not outside", file.read(), outside)

# Refused patches leave no module loaded, and the other edits as they are.
for name, says in (("shk_patch_wrong.ko", "no function named 'no_such_function'"),
                   ("none.ko", "No such file")):
    write("web", f"{LIVEPATCH}[Patch]\nModule={EXTRA}/{name}\n")
    refused(f"{FOLDER}/web.shadow:5: ", says)
write("web", f"{LIVEPATCH}[Patch]\nLivepatch={EXTRA}/shk_livepatch_callbacks.ko\n")
refused(f"{FOLDER}/web.shadow:5: shk_livepatch_callbacks: ", "has callbacks")

# Patches in place
write("web", "[Shadow]\n[Patch]\nFunction=__x64_sys_getpgid\nReturn=7\nInPlace=yes\n")
applied(["web: remove patch live: livepatch shk_livepatch",
         "web: add patch __x64_sys_getpgid: __x64_sys_getpgid, return 7, in place"])
is_("no module", modules(), set())
write("web", f"[Shadow]\n[Patch]\nModule={EXTRA}/shk_inplace.ko\nInPlace=yes\n")
applied(["web: remove patch __x64_sys_getpgid: __x64_sys_getpgid, return 7, in place",
         f"web: load module shk_inplace from {EXTRA}/shk_inplace.ko",
         "web: add patch shk_inplace: module shk_inplace, in place"])

# Ownerships. ttyS0 has line 4, and a device that is absent is no error.
write("web", "[Shadow]\nAsync=owner\n[Own]\nIrq=4\nDevice=ttyS0\nKthread=rcu_*\n")
applied(["web: remove patch shk_inplace: module shk_inplace, in place",
         "web: destroy the shadow, policy base",
         "web: create the shadow, policy owner",
         "web: own irq 4",
         "web: own kernel threads 'rcu_*'"])
is_("owned", owns("web"), [4, "rcu_*"])
write("web", "[Shadow]\nAsync=owner\n[Own]\nKthread=rcu_*\nDevice=no0\n")
write("x", "[Shadow]\nAsync=owner\n[Own]\nDevice=ttyS0\n")
is_("a line moves", command("apply"),
    (0, "web: disown irq 4\nx: create the shadow, policy owner\nx: own irq 4\n"
        "web: there is no device no0 with interrupts; when there is, apply again\n", ""))
is_("owners", (owns("web"), owns("x")), (["rcu_*"], [4]))
os.remove(f"{FOLDER}/x.shadow")
write("web", "[Shadow]\nAsync=owner\n[Own]\nIrq=4\n")
refused("another shadow owns irq 4", "nothing is changed")
write("web", "[Shadow]\nAsync=owner\n")
is_("without [Own]", command("apply"), (0, "nothing changed\n", ""))
write("web", "[Shadow]\nAsync=owner\n[Own]\n")
applied(["web: disown kernel threads 'rcu_*'"])

run("destroy", "x")
run("destroy", "web")
os.remove(f"{FOLDER}/web.shadow")
finish()
END
