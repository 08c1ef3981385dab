# SPDX-License-Identifier: GPL-2.0
"""Shared by the figures. It runs in a guest whose clock counts instructions."""

import contextlib
import csv
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TRACING = pathlib.Path("/sys/kernel/tracing")
KPROBES = pathlib.Path("/sys/kernel/debug/kprobes")
MODULE = f"/lib/modules/{os.uname().release}/updates/shadowk.ko"
BASELINE = HERE.parent / "baseline/bench_kprobes.ko"
COUNT = HERE.parent / "baseline/count"
LOAD = "/usr/lib/shadowk/bench/load"
# The paper's mechanism, and the file into which a process writes 1 to execute the other text.
REMAP = HERE.parent / "baseline/bench_remap.ko"
INSIDE = pathlib.Path("/sys/module/bench_remap/parameters/inside")


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
    """Writes one figure as CSV to standard output."""

    def __init__(self, *columns):
        self.out = csv.writer(sys.stdout, lineterminator="\n")
        self.out.writerow(columns)

    def row(self, *cells):
        self.out.writerow(f"{c:.6g}" if isinstance(c, float) else c for c in cells)
        sys.stdout.flush()


def count(op, n, repeats, *wrapper):
    """Returns the instructions of N operations, measured REPEATS times, lowest first."""
    lines = run(*wrapper, COUNT, op, n, repeats).split()
    return sorted(int(line) for line in lines)


class Counter:
    """A process that runs OP when it is asked.

    Its policy is SCHED_FIFO, since decisions of a fair scheduler depend on the past."""

    def __init__(self, op, n, *wrapper, enter=None):
        self.n = n
        env = {**os.environ, "BENCH_ENTER": str(enter)} if enter else None
        self.process = subprocess.Popen(
            ["chrt", "--fifo", "10", *wrapper, COUNT, op, str(n), "-"], text=True,
            cwd=BASELINE.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        time.sleep(0.1)     # its children end, too

    def ticks(self, repeats):
        """Returns the instructions of n operations, measured REPEATS times, lowest first."""
        return sorted(self.ask(repeats))

    def spans(self, repeats):
        """Returns the begin and end of each of REPEATS measurements."""
        numbers = self.ask(f"={repeats}")
        return list(zip(numbers[::2], numbers[1::2]))

    def ask(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return [int(t) for t in self.process.stdout.readline().split()]


# --- hypercalls -------------------------------------------------------------------------

PV_HYPERCALL, PV_SUBCALL = 0x20100D, 0x20200E   # xen/public/trace.h
PV_EVENTS = 0x0020F000


def trace_events(path):
    """Yields the events of a file from xentrace, as (event, time). Its format is in
    xen/public/trace.h."""
    data = pathlib.Path(path).read_bytes()
    words = struct.unpack(f"<{len(data) // 4}I", data)
    at = 0
    while at < len(words):
        head = words[at]
        if head >> 31:
            yield head & 0x0FFFFFFF, words[at + 2] << 32 | words[at + 1]
        at += 1 + (2 if head >> 31 else 0) + (head >> 28 & 7)


def hypercalls(counter, repeats=5):
    """Returns the hypercalls, and the operations in multicalls, of one operation of COUNTER.
    Of several measurements it takes the one with the fewest."""
    run("modprobe", "-a", "xen-privcmd", "xen-evtchn")
    with tempfile.NamedTemporaryFile() as out:
        tracer = subprocess.Popen(["xentrace", "-D", "-S", "1024", "-e", hex(PV_EVENTS), out.name])
        time.sleep(1)
        spans = counter.spans(repeats)
        time.sleep(1)
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        events = list(trace_events(out.name))
    found = [[sum(1 for event, when in events if event == wanted and begin <= when <= end)
              for wanted in (PV_HYPERCALL, PV_SUBCALL)] for begin, end in spans]
    if not min(found)[0]:
        raise RuntimeError("xentrace has seen no hypercall")
    return tuple(n / counter.n for n in min(found))


@contextlib.contextmanager
def load(*words):
    """Starts a client. Yields a function that gives it a command, and returns the ns of one
    operation."""
    client = subprocess.Popen([LOAD, *map(str, words)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)

    def ask(command):
        client.stdin.write(command + "\n")
        client.stdin.flush()
        operations, ns = map(int, client.stdout.readline().split())
        return ns / operations

    try:
        yield ask
    finally:
        client.stdin.close()
        client.wait()


def compare(ops, states, rounds, walk):
    """Prints a table of the costs of operations in STATES. OPS is {name: (operations per
    measurement, measurements per round)}. walk(measure) goes through the states once, and calls
    measure(state) in each."""
    mounts()
    pathlib.Path("/proc/sys/kernel/sched_rt_runtime_us").write_text("-1")
    counters = {op: Counter(op, n) for op, (n, _) in ops.items()}
    # For each round: (state, operation) -> sorted ticks.
    seen = []

    def measure(state):
        for op, (_, repeats) in ops.items():
            seen[-1][state, op] = counters[op].ticks(repeats)

    with contextlib.ExitStack() as clutter:
        for i in range(rounds + 1):
            say(f"round {i} of {rounds}" if i else "a round to warm up")
            seen.append({})
            walk(measure)
            # Another sleeping process in each round, so that the layout of memory varies.
            clutter.enter_context(sleeper())
    del seen[0]

    table = Table("operation", "module", "instructions_per_operation", "more_than_absent",
                  "round_least", "round_most", "median", "measurements")
    for op, (n, _) in ops.items():
        absent = min(r[states[0], op][0] for r in seen)
        for state in states:
            least = [r[state, op][0] for r in seen]
            ticks = sorted(t for r in seen for t in r[state, op])
            table.row(op, state, min(least) / n, (min(least) - absent) / n, min(least) / n,
                      max(least) / n, ticks[len(ticks) // 2] / n, len(ticks))


@contextlib.contextmanager
def another():
    """Loads an idle module of the size of shadowk, and starts a process: a control for the effects
    of memory use alone."""
    run("modprobe", "xfs")
    with sleeper():
        yield
    run("modprobe", "-r", "xfs")


def inside(shadow):
    return "shadowctl", "run", shadow, "--"


# --- probes of the kernel ------------------------------------------------------------

def arms():
    """Returns how the kernel has armed its kprobes: {"symbol+0x0": "int3"|"jump"|"ftrace"}."""
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
    """Waits until the kernel has optimised its kprobes, or tries no longer. Returns arms()."""
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
def kprobe_events(places, filter_=None, returns=False):
    """Makes kprobe events by tracefs, with those of returns if wanted. Records that pass the filter
    go to the ring buffer."""
    events = TRACING / "kprobe_events"
    # Not by open(): Python's append mode seeks, which this file refuses.
    fd = os.open(events, os.O_WRONLY | os.O_APPEND)
    for i, place in enumerate(places):
        os.write(fd, f"p:bench/p{i} {place}\n".encode())
        if returns:
            os.write(fd, f"r:bench/r{i} {place}\n".encode())
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
    with bpftrace_script(", ".join(f"kprobe:{p}" for p in places) + predicate +
                         " { @hits = count(); }") as armed:
        yield armed


@contextlib.contextmanager
def funclatency(function):
    """The program of bpftrace's documentation that measures the time of a function."""
    with bpftrace_script(f"kprobe:{function} {{ @start[tid] = nsecs; }} "
                         f"kretprobe:{function} /@start[tid]/ "
                         "{ @ns = hist(nsecs - @start[tid]); delete(@start[tid]); }") as armed:
        yield armed


@contextlib.contextmanager
def bpftrace_script(script):
    script += ' BEGIN { printf("ready\\n"); }'
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


# --- shadows -------------------------------------------------------------------------

@contextlib.contextmanager
def shadow(name, *probes, options=()):
    """Creates a shadow with probes, each a list of words for `shadowctl probe add`."""
    run("shadowctl", "create", name, *options)
    try:
        for words in probes:
            run("shadowctl", "probe", "add", name, *words)
        yield name
    finally:
        run("shadowctl", "destroy", name)


def stext():
    """Returns the address at which the kernel's text begins, in hexadecimal."""
    with open("/proc/kallsyms", encoding="ascii") as symbols:
        return next(line.split()[0] for line in symbols if line.endswith(" _stext\n"))


@contextlib.contextmanager
def privatised(name, pages):
    """Creates a shadow with PAGES private pages without edits. 0: all pages."""
    what = [f"0x{stext()}", "--length", pages * 4096] if pages else ["--all"]
    run("shadowctl", "create", name)
    try:
        run("shadowctl", "raw", "privatise", name, *what)
        yield
    finally:
        run("shadowctl", "destroy", name)


@contextlib.contextmanager
def sleeper(name=None):
    """Starts a process that waits, inside the shadow NAME, or outside if that is None.

    It waits for input and not for a timer, since that would be work for each interrupt."""
    process = subprocess.Popen([*(inside(name) if name else ()), "cat"], stdin=subprocess.PIPE)
    yield
    process.stdin.close()
    process.wait()


def probes_of(name):
    return json.loads(run("shadowctl", "probe", "list", name, "--json"))


@contextlib.contextmanager
def tracepoint(wanted=True):
    """Lets probes of kind "event" report to the ring buffer."""
    enable = TRACING / "events/shadowk/shadowk_probe/enable"
    if wanted:
        enable.write_text("1")
    yield
    if wanted:
        enable.write_text("0")
        (TRACING / "trace").write_text("")
