#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=900
# A function that `shadowctl top` opens has a histogram, its callers with their counts, and its
# disassembly. Its probes are there only as long as they are needed.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"

# Two functions call vfs_writev(), one twice as often as the other.
cat >calls.py <<'END'
import os, time
null = os.open("/dev/null", os.O_WRONLY)
while True:
    for i in range(20): os.writev(null, [b"x"])
    for i in range(10): os.pwritev(null, [b"x"], 0)
    child = os.fork()
    if not child: os._exit(0)
    os.waitpid(child, 0)
    time.sleep(0.1)
END
python3 calls.py &
caller=$!
PYTHONPATH=${0%/*}/lib python3 - $caller >screen 2>&1 <<'END'
import re, subprocess, sys
from check import is_
from terminal import Terminal

top = Terminal(["shadowctl", "top", "--pid", sys.argv[1], "--interval", "0.5"], lines=50, columns=100)

def kinds():
    """The kinds of the probes in the shadow that do not only count."""
    shadow = subprocess.run(["shadowctl", "list"], capture_output=True, text=True).stdout
    number = shadow.split("\n")[1].split()[1]
    probes = subprocess.run(["shadowctl", "probe", "list", "#" + number], capture_output=True,
                            text=True).stdout.split("\n")
    return sorted(words[2] for words in map(str.split, probes)
                  if len(words) > 3 and words[2] in ("latency", "call", "event"))

def select(name):
    """Lets the filter show one function."""
    top.type("/", name + "\n")
    return bool(top.until(rf"^>.*  {name}$"))

top.until(r"^>")
is_("selected", select("vfs_writev"), True)
is_("probes before it is open", kinds(), [])

# Its histogram. Opening it begins to measure.
top.type("enter")
is_("open", bool(top.until(r"^vfs_writev: [0-9.]+ calls/s, \d+ calls[.]$")), True)
is_("the view", bool(top.until(r"^\[Histogram\]   Callers    Disassembly")), True)
is_("bars", bool(top.until(r"^\[\d+K?, \d+K?\) +[1-9]\d* \|@+ *\|$")), True)

def histogram():
    """Returns the calls, their mean and their maximum, and the sum of the bars."""
    text = top.text()
    numbers = re.search(r"^(\d+) measured calls, 0 missed, \d in progress\n"
                        r"mean (\d+) ns, p50 < \d+, p99 < \d+, max < (\d+)$", text, re.M)
    bars = re.findall(r"^\[\w+, \w+\) +(\d+) \|", text, re.M)
    return *map(int, numbers.groups() if numbers else ()), sum(map(int, bars))

def agrees():
    count, mean, most, bars = histogram()
    return 0 < mean < most and bars == count

is_("the numbers agree", top.becomes(agrees, True), True)
is_("probes with the histogram", kinds(), ["latency"])

# Its callers, with counts.
top.type("c")
is_("callers", bool(top.until(r"^ +[1-9]\d{2,} +[0-9.]+%  do_writev$")), True)
is_("probes with the callers", kinds(), ["call", "latency"])
calls = dict((name, int(number)) for number, name in
             re.findall(r"^ +(\d+) +[0-9.]+%  (\w+)$", top.text(), re.M))
is_("names of the callers", sorted(calls), ["do_pwritev", "do_writev"])
is_("one calls twice as often", abs(calls["do_writev"] - 2 * calls["do_pwritev"]) <= 40, True)
is_("the sum", int(top.until(r"^(\d+) calls while this view was open").group(1)), sum(calls.values()))
shares = [float(share) for share in re.findall(r" ([0-9.]+)%  ", top.text())]
is_("shares", abs(sum(shares) - 100) < 0.3 and shares == sorted(shares, reverse=True), True)
top.type("+")
is_("callers of callers", bool(top.until(r"%  do_writev <- \w+$")), True)
top.type("+")
is_("a longer chain", bool(top.until(r"%  do_writev <- \w+ <- \w+$")), True)
top.type("-", "-")
is_("direct callers", bool(top.until(r"%  do_writev$")), True)

# Its disassembly, with the probe of the shadow.
top.type("d")
is_("disassembly", bool(top.until(r"^- \+0x0 +nop\w* .*\n\+ \+0x0 +callq? .*shadowk")), True)
is_("the next instructions", bool(top.until(r"^  \+0x5 +\w+")), True)
is_("probes with the disassembly", kinds(), ["latency"])

def instructions():
    return [line for line in top.screen.lines() if "+0x" in line]

text = instructions()
top.type("down", "down")
is_("scrolled", top.becomes(lambda: instructions()[:5], text[2:7]), text[2:7])
top.type("h")
is_("the histogram again", bool(top.until(r"^\d+ measured calls")), True)

# Back, by both keys.
top.type("q")
is_("back by q", bool(top.until(r"^>.* < \d+  vfs_writev$")), True)
top.type("enter")
top.until(r"^\[Histogram\]")
top.type("c")
top.until(r"while this view was open")
top.type("escape")
is_("back by Escape", bool(top.until(r"^>.* < \d+  vfs_writev$")), True)
is_("probes of a closed function", kinds(), ["latency"])

# A function whose returns cannot be seen.
names = open("/proc/kallsyms").read()
if " ret_from_fork_asm\n" not in names:
    top.type("escape")
    is_("selected", select("ret_from_fork"), True)
    top.type("enter")
    is_("what is refused", bool(top.until(r"^The latency of this function is not measured[.]$")), True)
    is_("the reason", bool(top.until(r"^shadowctl: latency and returns need a return address")), True)
    top.type("d")
    is_("its disassembly", bool(top.until(r"^  \+0x\w+ +\w+")), True)
    is_("the message is gone", "need a return address" in top.text(), False)
    top.type("q")
    top.until("^>")
top.type("q")
is_("status", top.wait(), 0)
END
is "the terminal" "$(cat screen)" ""
is "shadows left by the terminal" "$(shadowctl list --json | tr -d "\n")" "[]"
refused "executes the base" detach --pid $caller
kill $caller
[ $failures = 0 ]
