#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=900
# `shadowctl top` counts the calls of every function that can be probed, in its target alone. In a
# terminal it is a table that keys sort and filter, in which a row can be selected.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
write=(dd if=/dev/zero of=/dev/null bs=1 status=none)

refused "say which processes" top
refused "name of one function, not the pattern 'vfs_*'" top --latency 'vfs_*' --once -- true
refused "no function 'no_such_function'" top --latency no_such_function --once -- true

# A command, beside one that is outside.
while :; do "${write[@]}" count=1000; sleep 0.1; done &
outside=$!
shadowctl top --once --json --latency vfs_write --latency do_signalfd4 -- "${write[@]}" count=1234 >out 2>err
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
latency = {f["function"]: f["latency"] for f in top["functions"] if "latency" in f}
measured = latency.get("vfs_write", {"count": 0, "histogram": []})
if measured["count"] != calls.get("vfs_write"):
    print(f"latency of vfs_write: {measured['count']} calls, but it was called {calls.get('vfs_write')} times")
elif not (sum(slot["count"] for slot in measured["histogram"]) == measured["count"]
          and 0 < measured["mean"] < measured["max_below"] and measured["p99_below"] <= measured["max_below"]):
    print(f"latency of vfs_write: numbers that do not agree: {measured}")
if sorted(latency) != ["do_signalfd4", "vfs_write"] or latency["do_signalfd4"]["count"]:
    print(f"latencies: {sorted(latency)}, expected those that were asked for, also without calls")
if top["probed"] < 30000:
    print(f"{top['probed']} functions probed, expected over 30000")
if len(calls) < 200:
    print(f"{len(calls)} functions called, expected over 200")
END
is "shadows left" "$(shadowctl list --json | tr -d "\n")" "[]"

# In a terminal.
cat >calls.py <<'END'
import os, time
null = os.open("/dev/null", os.O_WRONLY)
while True:
    for i in range(20): os.write(null, b"x"); os.writev(null, [b"x"])
    for i in range(20): os.write(null, b"x")
    time.sleep(0.05)
END
python3 calls.py &
caller=$!
PYTHONPATH=${0%/*}/lib python3 - $caller >screen 2>&1 <<'END'
import sys
from check import is_
from terminal import Terminal

top = Terminal(["shadowctl", "top", "--pid", sys.argv[1], "--interval", "0.5"])

def rows():
    """The functions of the table, from the first on the screen, with all cells before them."""
    lines = [line.replace(">", " ").split() for line in top.screen.lines()[3:]]
    return {cells[-1]: cells[:-1] for cells in lines if cells and cells[0][0].isdigit()}

def selected():
    return [line.split()[-1] for line in top.screen.lines() if line.startswith(">")]

def shows(what, function, expected):
    is_(what, top.becomes(function, expected), expected)

def sorted_by(key, words, in_order):
    """Sorts by a key, and returns the names when IN_ORDER() is true."""
    top.type(key)
    is_(f"key {key}", bool(top.until(f"Sorted by {words}[.]")), True)
    shows(f"sorted by {words}", in_order, True)
    return list(rows())

def falling(cells):
    return cells == sorted(cells, reverse=True)

def names_rise():
    return list(rows()) == sorted(rows())

def totals():
    return [int(cells[1]) for cells in rows().values()]

def totals_fall():
    return falling(totals())

is_("drawn", bool(top.until(r"^[> ] +[1-9][0-9]*[.][0-9] +[0-9]+  \w")), True)
shows("sorted by rate", lambda: falling([float(cells[0]) for cells in rows().values()]), True)
shows("the first row is selected", lambda: selected() == list(rows())[:1], True)
sorted_by("t", "calls", totals_fall)
sorted_by("n", "name", names_rise)
is_("no row below the hints", top.screen.lines()[-1].split(":")[0], "r, t, n, m, a, 9")
top.type("/")
is_("hints while a filter is typed", bool(top.until("Enter: keep the filter")), True)
top.type("nosuch\x7f\x7f\x7f\x7f\x7f\x7fwrite\n")
is_("filtered", bool(top.until(r"^Filter: write  [(]\d+ functions[)]$")), True)
shows("names that the filter shows", lambda: [name for name in rows() if "write" not in name], [])

# The selection is a function, not a row.
names = list(rows())
to = names.index("vfs_writev")
top.type(*["down"] * to)
shows("selected", lambda: (selected(), list(rows()).index("vfs_writev")), (["vfs_writev"], to))
by_total = sorted_by("t", "calls", totals_fall)
shows("selected after the rows have moved", selected, ["vfs_writev"])
is_("the row has moved", by_total.index("vfs_writev") != to, True)
top.type("/", "iter\n")
top.until("Filter: writeiter")
shows("another row while the filter hides it", lambda: "vfs_writev" in selected(), False)
top.type("escape")
shows("selected after the filter has hidden it", selected, ["vfs_writev"])
shows("no filter after Escape", lambda: "Filter" in top.text(), False)

# Latencies, by a key. A jump that counts gives way to a breakpoint.
is_("no latency", "P99 NS" in top.text(), False)
top.type("l")
is_("latency", bool(top.until(r"^>.* [1-9]\d* +< \d+  vfs_writev$")), True)
top.type("/", "import_iovec\n")
top.until("Filter: import_iovec")
top.type("g")
names = sorted_by("n", "name", names_rise)
top.type(*["down"] * names.index("import_iovec"))
shows("selected", selected, ["import_iovec"])
before = int(rows()["import_iovec"][1])
top.type("l")
is_("latency beside a jump", bool(top.until(r"^>.* [1-9]\d* +< \d+  import_iovec$")), True)
shows("its calls go on", lambda: int(rows()["import_iovec"][1]) > before, True)
top.type("escape")
shows("no filter after the latency", lambda: "Filter" in top.text(), False)
top.type("g")
for key, words, cell in ("a", "mean", 2), ("9", "p99", -1):
    def first():
        return list(rows().items())[:2]
    sorted_by(key, words, lambda: falling([int(cells[cell]) for _, cells in first()]))
    shows(f"first by {words}", lambda: sorted(name for name, _ in first()),
          ["import_iovec", "vfs_writev"])
shows("the first row is selected again", lambda: selected() == list(rows())[:1], True)
top.type("l")
shows("latency is not measured any longer",
      lambda: len([cells for cells in rows().values() if "<" in cells]), 1)

# Another size. The selection stays on the screen.
sorted_by("n", "name", names_rise)
top.type("/", "write\n")
top.until("Filter: write ")
before = selected()
top.type("G")
shows("another row is selected at the end", lambda: selected() in ([], before), False)
last = selected()
top.resize(11, 60)
shows("hints on a smaller screen", lambda: top.screen.lines()[-1][:9], "r, t, n, ")
shows("selected on a smaller screen, and cut off at its edge",
      lambda: [last[0][:len(name)] == name != last[0] for name in selected()], [True])
top.resize(30, 140)
shows("hints of a wider screen", lambda: top.screen.lines()[-1][:14], "arrows: select")
shows("selected on a larger screen", selected, last)

top.type("p")
is_("paused", bool(top.until("Paused")), True)
top.read(1)
before = totals()
top.read(2)
is_("numbers while it is paused", totals(), before)
top.type("q")
is_("status", top.wait(), 0)
END
is "the terminal" "$(cat screen)" ""
is "shadows left by the terminal" "$(shadowctl list --json | tr -d "\n")" "[]"
refused "executes the base" detach --pid $caller
kill $caller
[ $failures = 0 ]
