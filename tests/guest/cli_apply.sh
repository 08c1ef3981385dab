#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=120
# 'apply' makes the shadows that files declare, changes only what differs, and changes nothing if one
# of the files is wrong, or if an action fails. A mark of an earlier boot blocks its shadow. Of several
# at once, each waits for the others.
PYTHONPATH=${0%/*}/lib exec python3 - <<'END'
import fcntl
import os
import subprocess
import time

from check import ctl, finish, is_, run

ROOT = "/sys/fs/cgroup"
FOLDER = "/etc/shadowk"
MARKS = "/var/lib/shadowk"
if not os.path.exists(f"{ROOT}/cgroup.procs"):
    subprocess.run(["mount", "-t", "cgroup2", "cgroup2", ROOT], check=True)
os.makedirs(FOLDER, exist_ok=True)


def write(name, text):
    with open(f"{FOLDER}/{name}.shadow", "w", encoding="ascii") as out:
        out.write(text)


def command(*args):
    done = subprocess.run(["shadowctl", *args], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def applied(lines, *args):
    is_(f"apply {args}", command("apply", *args), (0, "".join(f"{line}\n" for line in lines), ""))


def refused(says, *args):
    status, out, err = command("apply", *args)
    is_(f"apply {args}", (status, out), (1, ""))
    is_(f"{err!r} says {says}", all(word in err for word in says.split("|")), True)


def state():
    """All shadows with their edits, but without what grows by itself."""
    return [(s["name"], s["id"], s["async"], ctl("show", s["name"])["cgroups"],
             [(p["id"], p["name"], p["kind"]) for p in ctl("probe", "list", s["name"])],
             [(p["id"], p["name"]) for p in ctl("patch", "list", s["name"])])
            for s in ctl("list")]


def probes(shadow="web"):
    return {p["name"]: p for p in ctl("probe", "list", shadow)}


def inside(code):
    """Runs a shell in the cgroup /web."""
    subprocess.run(["sh", "-c", f"echo 0 >{ROOT}/web/cgroup.procs; {code}"], check=True)


WEB = """[Shadow]
{}
[Probe]
Function=__x64_sys_getppid
Name=ppid
[Probe]
Function=__x64_sys_sync
Kind={}
Name=sync
[Probe]
Function=__x64_sys_sync
[Patch]
Function=__x64_sys_getpgid
Return=7
Optional=yes
[Scope]
Cgroup=/web
"""
is_("nothing", command("apply"),
    (0, f"nothing is declared: there is no file {FOLDER}/*.shadow\n", ""))
write("web", WEB.format("", "count"))
first = ["web: create the shadow, policy base",
         "web: add probe ppid: __x64_sys_getppid, count",
         "web: add probe sync: __x64_sys_sync, count",
         "web: add probe __x64_sys_sync: __x64_sys_sync, count",
         "web: add patch __x64_sys_getpgid: __x64_sys_getpgid, return 7",
         "web: make cgroup /web",
         "web: attach cgroup /web"]
is_("diff-config", command("diff-config"), (1, "".join(f"{line}\n" for line in first), ""))
applied([*first, "nothing changed, because of --dry-run"], "--dry-run")
is_("after diff-config and --dry-run", (ctl("list"), os.path.exists(f"{ROOT}/web")), ([], False))
applied(first)
is_("cgroups", ctl("show", "web")["cgroups"], ["/web"])
made = state()
applied(["nothing changed"])
is_("diff-config of the same", command("diff-config"), (0, "", ""))
is_("after the second run", state(), made)

# Only the probe whose kind differs is replaced. The other one goes on.
inside("sh -c :")
before = probes()
is_("hits", before["ppid"]["hits"] > 0, True)
write("web", WEB.format("", "latency"))
change = ["web: remove probe sync: __x64_sys_sync, count",
          "web: add probe sync: __x64_sys_sync, latency"]
applied([*change, "nothing changed, because of --dry-run"], "--dry-run")
is_("after --dry-run", state(), made)
applied(change)
inside("sh -c :")
after = probes()
is_("ids of the others", [after[p]["id"] for p in ("ppid", "__x64_sys_sync")],
    [before[p]["id"] for p in ("ppid", "__x64_sys_sync")])
is_("a new id", after["sync"]["id"] == before["sync"]["id"], False)
is_("hits go on", after["ppid"]["hits"] > before["ppid"]["hits"], True)

# Edits and cgroups that were added by hand are removed, since the file declares all of them.
os.mkdir(f"{ROOT}/hand")
run("probe", "add", "web", "vfs_read", "--name", "hand")
run("attach", "web", "--cgroup", "/hand")
applied(["web: detach cgroup /hand", "web: remove probe hand: vfs_read, count"])

# Nothing is changed if the second file is wrong, or if the kernel refuses it.
made = state()
write("web", WEB.format("", "event"))
for text, says in (("[Shadow]\n[Prob]\n", ":2: there is no section [Prob]"),
                   ("[Shadow]\n[Probe]\nFunction=no_such_function\n",
                    ":2: no_such_function: no function named 'no_such_function'"),
                   ("[Shadow]\nAsync=causal\n[Patch]\nThunk=return=ret\n", ":3: return.ret: ")):
    write("x", text)
    refused(f"shadowctl: {FOLDER}/x.shadow{says}")
    is_("status of diff-config", command("diff-config")[0], 2)
    is_(f"after '{says}'", state(), made)

# What was done before an action fails is undone.
run("create", "owner")
run("attach", "owner", "--cgroup", "/hand")
made = state()
write("x", "[Shadow]\n[Probe]\nFunction=vfs_read\n[Scope]\nCgroup=/new/below\nCgroup=/hand\n")
refused("attach|/hand|nothing is changed: what was done before the error is undone")
is_("shadows after the error", [(s[0], s[3]) for s in state()], [(s[0], s[3]) for s in made])
is_("kinds after the error", {p: probes()[p]["kind"] for p in probes()},
    {"ppid": "count", "sync": "latency", "__x64_sys_sync": "count"})
is_("the cgroup after the error", os.path.exists(f"{ROOT}/new"), False)
run("detach", "--cgroup", "/hand")
run("destroy", "owner")
os.remove(f"{FOLDER}/x.shadow")

# A cgroup moves from one declared shadow to the other.
write("web", WEB.format("", "latency").replace("/web", "/hand"))
applied(["web: detach cgroup /web", "web: attach cgroup /hand"])
write("x", "[Shadow]\n[Scope]\nCgroup=/hand\n")
write("web", WEB.format("", "latency"))
applied(["web: detach cgroup /hand", "x: create the shadow, policy base", "web: attach cgroup /web",
         "x: attach cgroup /hand"])
os.remove(f"{FOLDER}/x.shadow")
run("detach", "--cgroup", "/hand")
run("destroy", "x")

# A shadow with another policy is created again, unless a process is inside.
write("web", WEB.format("Async=inherit", "latency"))
with subprocess.Popen(["sh", "-c", f"echo 0 >{ROOT}/web/cgroup.procs; echo; exec sleep 1000"],
                      stdout=subprocess.PIPE) as sleeper:
    sleeper.stdout.readline()
    made = state()
    refused(f"{FOLDER}/web.shadow:2: shadow 'web' has the policy 'base', not 'inherit'|"
            "see 'shadowctl show web'")
    is_("after the refusal", state(), made)
    sleeper.kill()
while ctl("show", "web")["processes"]:
    pass
status, out, err = command("apply")
is_("created again", (status, err, "destroy the shadow, policy base\n" in out,
                  "create the shadow, policy inherit\n" in out), (0, "", True, True))
is_("its policy", ctl("list")[0]["async"], "inherit")
applied(["nothing changed"])

# A file without [Scope] leaves cgroups alone, and one without edits removes all.
write("web", "[Shadow]\nAsync=inherit\n")
status, out, err = command("apply")
is_("edits are removed", (status, out.count("remove"), out.count("detach")), (0, 4, 0))
run("detach", "--cgroup", "/web")

# Units: a service that does not run is no difference, and the generator writes its drop-in.
write("web", "[Shadow]\nAsync=inherit\n[Scope]\nUnit=none some.slice\n")
is_("not running", command("apply"),
    (0, "web: unit none.service does not run; when it runs, apply again\n"
        "web: unit some.slice does not run; when it runs, apply again\nnothing changed\n", ""))
os.makedirs(f"{ROOT}/system.slice/none.service")
applied(["web: attach cgroup /system.slice/none.service",
         "web: unit some.slice does not run; when it runs, apply again"])
is_("attach --unit", command("attach", "web", "--unit", "none"), (0, "", ""))
is_("detach --unit", command("detach", "--unit", "none.service"), (0, "", ""))
os.mkdir("units")
is_("generator", command("apply", "--units", "units"), (0, "", ""))
with open("units/none.service.d/50-shadowk.conf", encoding="ascii") as file:
    is_("drop-in", file.read().splitlines()[1:],
        ["[Service]", "ExecStartPre=+-/usr/bin/shadowctl attach web --unit %n"])
with open("units/shadowk.service.d/50-shadowk.conf", encoding="ascii") as file:
    is_("slice", file.read(), "[Unit]\nWants=some.slice\nAfter=some.slice\n")
run("destroy", "web")

# Marks. A mark of this boot blocks nothing, and one of another boot does.
write("web", "[Shadow]\n")
write("x", "[Shadow]\n")
applied(["web: create the shadow, policy base", "x: create the shadow, policy base"], "--boot")
is_("marks", sorted(os.listdir(MARKS)), ["web.mark", "x.mark"])
run("destroy", "web")
run("destroy", "x")
applied(["web: create the shadow, policy base", "x: create the shadow, policy base"], "--boot")
run("destroy", "web")
run("destroy", "x")
with open(f"{MARKS}/web.mark", "w", encoding="ascii") as file:
    file.write("another boot")
status, out, err = command("apply", "--boot")
is_("blocked", (status, out), (1, "x: create the shadow, policy base\n"))
is_(f"{err!r} tells the remedy", "shadow 'web' is not applied: the machine ended within a minute"
    in err and "run 'shadowctl apply'" in err, True)
is_("--survived", command("apply", "--survived"), (0, "", ""))
is_("marks of other boots stay", os.listdir(MARKS), ["web.mark"])
status, out, err = command("apply")
is_("by hand", (status, out), (0, "web: create the shadow, policy base\n"))
is_(f"{err!r} is a note", err.startswith("shadowctl: note: shadow 'web' was blocked"), True)
is_("no marks", os.listdir(MARKS), [])
write("bad", "[Shadow]\n[Probe]\nFunction=no_such_function\n")
is_("an error at boot", command("apply", "--boot")[0], 1)
is_("no marks after an error", os.listdir(MARKS), [])
run("destroy", "web")
run("destroy", "x")
for name in ("bad", "x"):
    os.remove(f"{FOLDER}/{name}.shadow")

# Several at once: one makes the shadow, and the others find it made.
write("web", "[Shadow]\n" + "".join(f"[Probe]\nFunction=vfs_read\nName=p{n}\n" for n in range(40)))
several = [subprocess.Popen(["shadowctl", "apply"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True) for _ in range(6)]
said = [p.communicate()[0] for p in several]
is_("statuses of several", [p.returncode for p in several], [0] * 6)
is_("one creates", (sum("create the shadow" in s for s in said),
                    sum(s.count("add probe") for s in said if "nothing changed" not in s),
                    sum(s == "nothing changed\n" for s in said)), (1, 40, 5))
is_("probes of several", len(probes()), 40)
run("destroy", "web")

# A holder of the lock that does not end is named, and nothing is changed meanwhile.
LOCK = "/run/shadowk/apply.lock"
is_("only root can open the lock", os.stat(LOCK).st_mode & 0o777, 0o600)
with open(LOCK, "r+", encoding="ascii") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    begun = time.monotonic()
    refused(f"another 'shadowctl apply' is at work (process {os.getpid()})|apply again", "--boot")
    is_("the wait ends", 5 < time.monotonic() - begun < 60, True)
    is_("meanwhile", (ctl("list"), os.listdir(MARKS)), ([], []))
    is_("--dry-run does not wait", command("apply", "--dry-run")[0], 0)
    waiting = subprocess.Popen(["shadowctl", "apply"], stdout=subprocess.DEVNULL)
    while not os.path.exists(f"/proc/{waiting.pid}/fd/3"):
        pass
    is_("it waits", waiting.poll(), None)
is_("it goes on", (waiting.wait(), len(ctl("list"))), (0, 1))
run("destroy", "web")
for name in os.listdir(FOLDER):
    os.remove(f"{FOLDER}/{name}")
for name in ("web", "hand", "system.slice/none.service", "system.slice"):
    os.rmdir(f"{ROOT}/{name}")
finish()
END
