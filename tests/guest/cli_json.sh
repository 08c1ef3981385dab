#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=240
# Wherever --json stands, the output is JSON with the documented fields.
PYTHONPATH=${0%/*}/lib exec python3 - <<'END'
import json
import subprocess
import sys

from check import finish, is_


def run(*args):
    return subprocess.run(["shadowctl", *args], stdout=subprocess.PIPE, check=True).stdout


def ctl(*args):
    return json.loads(run(*args, "--json"))


def quiet(*args):
    is_(" ".join(args), run(*args), b"")


is_("an empty list", ctl("list"), [])
made = ctl("create", "web")
is_("created", (made["name"], made["nr_processes"], made["nr_probes"], made["memory"]),
    ("web", 0, 0, 0))
quiet("create", "other")
is_("handles", made["nr_handles"], 0)
shared = subprocess.Popen(["shadowctl", "share", "other", "--", "cat"], stdin=subprocess.PIPE)
while not ctl("show", "other")["nr_handles"]:
    pass
is_("handles in the list", [s["nr_handles"] for s in ctl("list")], [0, 1])
is_("handles in show", b"handles    1" in run("show", "other"), True)
shared.communicate()
is_("handles at the end", ctl("show", "other")["nr_handles"], 0)
is_("list", [s["name"] for s in ctl("list")], ["web", "other"])
is_("--json before the verb", json.loads(run("--json", "list")), ctl("list"))
is_("--json behind the verb", json.loads(run("show", "--json", "web")), ctl("show", "web"))

# A process whose name is not UTF-8 and contains control characters.
odd = subprocess.Popen(
    [sys.executable, "-c", "open('/proc/self/comm', 'wb').write(b'\\xff\\x1b[2J\"\\n'); "
     "print(flush=True); import time; time.sleep(1000)"], stdout=subprocess.PIPE)
odd.stdout.readline()
is_("attach", ctl("attach", "web", "--pid", str(odd.pid)), {"shadow": "web", "attached": [odd.pid]})
show = ctl("show", "web")
is_("show", [p["pid"] for p in show["processes"]], [odd.pid])
is_("no control characters", b"\x1b" in run("show", "web"), False)
is_("no probes", show["probes"], [])
is_("detach", ctl("detach", "--pid", str(odd.pid)), {"detached": [odd.pid]})
odd.kill()

is_("a name is chosen and printed", b"vfs_write" in run("probe", "add", "web", "vfs_write"), True)
added = ctl("probe", "add", "web", "vfs_read", "--kind", "latency", "--name", "reads")
is_("added", (added["shadow"], added["name"]), ("web", "reads"))
quiet("probe", "add", "web", "vfs_read", "--name", "n2", "--return", "--int3")
quiet("probe", "add", "web", "vfs_read", "--name", "n3", "--kind", "event")
subprocess.run(["shadowctl", "run", "web", "--", "head", "-c", "100000", "/dev/zero"],
               stdout=subprocess.DEVNULL, check=True)
probes = ctl("probe", "list", "web")
is_("probes", [(p["symbol"], p["kind"], p["offset"], p["return"]) for p in probes],
    [("vfs_write", "count", 0, False), ("vfs_read", "latency", 0, False),
     ("vfs_read", "count", 0, True), ("vfs_read", "event", 0, False)])
for p in probes:
    for key in ("hits", "async_hits", "missed", "id"):
        is_(key, type(p[key]), int)
    is_("hits of " + p["name"], p["hits"] > 0, True)
    is_("address", int(p["address"], 16) > 0xffffffff00000000, True)
    is_("arm", p["arm"] in ("int3", "call", "jump"), True)
    is_("histogram", "histogram" in p, p["kind"] == "latency")
is_("--int3", probes[2]["arm"], "int3")
slots = probes[1]["histogram"]
is_("sum of the histogram", sum(s["count"] for s in slots), probes[1]["hits"] - probes[1]["missed"])
is_("bounds of the histogram's slots", [s["hi"] for s in slots[:-1]], [s["lo"] for s in slots[1:]])
is_("last slot of the histogram is used", slots[-1]["count"] > 0, True)

stat = ctl("stat", "web")
is_("stat", [p["name"] for p in stat["probes"]], [p["name"] for p in probes])
lines = run("stat", "web", "--json", "--interval", "0.2", "--count", "3").splitlines()
is_("samples", len(lines), 3)
for line in lines:
    p = json.loads(line)["probes"][1]
    is_("an interval's hits", (p["hits"], sum(s["count"] for s in p["histogram"])), (0, 0))
    is_("an interval", 0.1 < p["seconds"] < 5, True)
is_("table and histogram", b"RATE/S" in run("stat", "web") and b"@@@" in run("probe", "list", "web"), True)

# read() calls vfs_read() below ksys_read(), and pread() calls it elsewhere.
quiet("probe", "add", "web", "ksys_read", "--kind", "call", "--name", "root")
quiet("probe", "add", "web", "vfs_read", "--below", "--name", "below")
quiet("probe", "add", "web", "vfs_read", "--name", "all")
run("run", "web", "--", sys.executable, "-c", "import os; f = os.open('/dev/zero', os.O_RDONLY)\n"
    "for n in range(100): os.pread(f, 1, 0); os.read(f, 1)")
probes = {p["name"]: p for p in ctl("probe", "list", "web")}
is_("flags", {n: probes[n]["below"] for n in ("root", "below", "all")},
    {"root": False, "below": True, "all": False})
is_("hits below ksys_read()", probes["below"]["hits"], probes["root"]["hits"])
is_("hits of pread(), too", probes["all"]["hits"] >= probes["below"]["hits"] + 100, True)
is_("--below in the table", b"count/below" in run("probe", "list", "web"), True)
for name in ("root", "below", "all"):
    run("probe", "remove", "web", name)

is_("probe removed", ctl("probe", "remove", "web", "reads"), {"shadow": "web", "removed": "reads"})
is_("probes that are left", len(ctl("probe", "list", "web")), 3)
by_address = next(p["address"] for p in ctl("probe", "list", "web") if p["symbol"] == "vfs_write")
quiet("probe", "add", "web", by_address, "--name", "a")
is_("symbol of a probe by address", ctl("probe", "list", "web")[-1]["symbol"], "vfs_write")
is_("pages made private", ctl("raw", "privatise", "web", "vfs_read"), {"shadow": "web", "id": 1})
is_("all pages made private", run("raw", "privatise", "web", "--all"), b"2\n")
is_("more than 1000 private pages", ctl("show", "web")["private_pages"] > 1000, True)
raws = ctl("raw", "list", "web")
is_("raw edits", [(r["id"], r["symbol"], r["offset"], r["bytes"]) for r in raws],
    [(1, "vfs_read", 0, None), (2, "", 0, None)])
is_("lengths of the raw edits", raws[0]["length"] < raws[1]["length"], True)
is_("table of raw edits", b"(the text)" in run("raw", "list", "web"), True)
is_("raw edit removed", ctl("raw", "remove", "web", "2"), {"shadow": "web", "removed": 2})
is_("destroyed", ctl("destroy", "web"), {"destroyed": "web"})
quiet("destroy", "other")
is_("list at the end", ctl("list"), [])

for args in ([], ["create"], ["list"], ["show"], ["destroy"], ["run"], ["attach"], ["detach"],
             ["probe"], ["probe", "add"], ["probe", "list"], ["probe", "remove"], ["stat"],
             ["raw"], ["raw", "add"], ["raw", "privatise"], ["raw", "list"], ["raw", "remove"]):
    is_("help", run(*args, "--help"), run("help", *args))
    is_("usage", run(*args, "--help").startswith(b"usage: shadowctl"), True)
is_("version", run("--version").split()[0], b"shadowctl")
doctor = ctl("doctor")
is_("doctor", (doctor["module"], sorted(doctor["properties"][0])), ("loaded", ["answer", "detail", "name"]))
finish()
END
