# SPDX-License-Identifier: GPL-2.0
"""What the figures share, inside a guest whose clock counts instructions."""

import contextlib
import csv
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TRACING = pathlib.Path("/sys/kernel/tracing")
KPROBES = pathlib.Path("/sys/kernel/debug/kprobes")
MODULE = f"/lib/modules/{os.uname().release}/updates/shadowk.ko"
BASELINE = HERE.parent / "baseline/bench_kprobes.ko"
COUNT = HERE.parent / "baseline/count"


def run(*args, **kw):
    return subprocess.run([str(a) for a in args], check=True, text=True,
                          stdout=subprocess.PIPE, **kw).stdout


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def mounts():
    for kind, path in (("debugfs", "/sys/kernel/debug"), ("tracefs", TRACING)):
        if not os.path.ismount(path):
            run("mount", "-t", kind, kind, path)


class Table:
    """One figure as CSV on standard output."""

    def __init__(self, *columns):
        self.out = csv.writer(sys.stdout, lineterminator="\n")
        self.out.writerow(columns)

    def row(self, *cells):
        self.out.writerow(f"{c:.6g}" if isinstance(c, float) else c for c in cells)
        sys.stdout.flush()


def count(op, n, repeats, *wrapper):
    """Instructions of N operations, REPEATS times, the least first."""
    lines = run(*wrapper, COUNT, op, n, repeats).split()
    return sorted(int(line) for line in lines)


class Counter:
    """One process that runs OP whenever it is asked to.

    First in, first out: a fair scheduler's decisions depend on history."""

    def __init__(self, op, n, *wrapper):
        self.n = n
        self.process = subprocess.Popen(
            ["chrt", "--fifo", "10", *wrapper, COUNT, op, str(n), "-"], text=True,
            cwd=BASELINE.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ticks(self, repeats):
        """Instructions of n operations, the least first."""
        self.process.stdin.write(f"{repeats}\n")
        self.process.stdin.flush()
        return sorted(int(t) for t in self.process.stdout.readline().split())


def inside(shadow):
    return "shadowctl", "run", shadow, "--"


# --- the kernel's own probes ---------------------------------------------------------

def arms():
    """How the kernel has armed its kprobes: {"symbol+0x0": "int3"|"jump"|"ftrace"}."""
    found = {}
    for line in (KPROBES / "list").read_text().splitlines():
        words = line.split()
        flags = " ".join(words[3:])
        if "DISABLED" in flags:
            continue
        found[words[2]] = ("ftrace" if "FTRACE" in flags else
                           "jump" if "OPTIMIZED" in flags else "int3")
    return found


def optimise(wanted):
    pathlib.Path("/proc/sys/debug/kprobes-optimization").write_text("1" if wanted else "0")


def settle(wanted=None):
    """The kernel optimises in its own time: wait for it, or for it to give up."""
    before = None
    for _ in range(10):
        time.sleep(0.2)
        now = arms()
        if set(now.values()) == {wanted} or not wanted and now == before:
            break
        before = now
    return now


@contextlib.contextmanager
def kprobes(places, handler="empty", optimised=False):
    optimise(optimised)
    run("insmod", BASELINE, "at=" + ",".join(places), f"handler={handler}")
    try:
        yield settle("jump" if optimised else None)
    finally:
        run("rmmod", "bench_kprobes")
        optimise(True)


@contextlib.contextmanager
def kprobe_events(places, filter_=None):
    """As a person does it: tracefs. Records that pass the filter go to the ring buffer."""
    events = TRACING / "kprobe_events"
    names = [f"p{i}" for i in range(len(places))]
    # Python's own append mode seeks, which this file refuses.
    fd = os.open(events, os.O_WRONLY | os.O_APPEND)
    for name, place in zip(names, places):
        os.write(fd, f"p:bench/{name} {place}\n".encode())
    os.close(fd)
    try:
        if filter_:
            (TRACING / "events/bench/filter").write_text(filter_)
        (TRACING / "events/bench/enable").write_text("1")
        yield settle()
    finally:
        (TRACING / "events/bench/enable").write_text("0")
        events.write_text("")
        (TRACING / "trace").write_text("")


@contextlib.contextmanager
def bpftrace(places, predicate=""):
    script = (", ".join(f"kprobe:{p}" for p in places) + predicate +
              ' { @hits = count(); } BEGIN { printf("ready\\n"); }')
    p = subprocess.Popen(["bpftrace", "-e", script], stdout=subprocess.PIPE, text=True,
                         stderr=subprocess.DEVNULL)
    try:
        for line in p.stdout:
            if "ready" in line:
                break
        else:
            raise RuntimeError("bpftrace gave up")
        yield settle()
    finally:
        p.terminate()
        p.communicate()


# --- ours ----------------------------------------------------------------------------

@contextlib.contextmanager
def shadow(name, *probes):
    """A shadow with probes, each a list of words for `shadowctl probe add`."""
    run("shadowctl", "create", name)
    try:
        for words in probes:
            run("shadowctl", "probe", "add", name, *words)
        yield name
    finally:
        run("shadowctl", "destroy", name)


def probes_of(name):
    return json.loads(run("shadowctl", "probe", "list", name, "--json"))


@contextlib.contextmanager
def tracepoint(wanted=True):
    """A consumer of what probes of kind "event" report: the ring buffer."""
    enable = TRACING / "events/shadowk/shadowk_probe/enable"
    if wanted:
        enable.write_text("1")
    yield
    if wanted:
        enable.write_text("0")
        (TRACING / "trace").write_text("")
