#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Captured tools: what a bystander pays, what the traced process pays, and the cost to arm.

The same bpftrace program runs for the whole machine, with a pid filter, and captured."""

import contextlib
import signal
import subprocess
import sys
import time

from lib import (COUNT, HERE, TRACING, Table, bpftrace, count, mounts, run, say, settle, shadow)

sys.path.insert(0, str(HERE.parent / "demo"))
import measure  # noqa: E402  (server, client and choice of functions of the demo)

TEN = 10
ROUNDS = 3
FUNCTION = "__x64_sys_getppid"
N, REPEATS = 1000, 7


def captured_nr():
    return len(run("shadowctl", "capture", "--list").splitlines()) - 1


@contextlib.contextmanager
def captured(target, functions):
    """Runs bpftrace under capture for the shadow TARGET, from its first kprobe to its last."""
    script = ", ".join(f"kprobe:{f}" for f in functions)
    script += ' { @hits = count(); } BEGIN { printf("ready\\n"); }'
    tool = subprocess.Popen(["shadowctl", "capture", target, "--", "bpftrace", "-e", script],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in tool.stdout:
        if "ready" in line:
            break
    if captured_nr() != len(functions):
        raise RuntimeError(f"{captured_nr()} kprobes are captured, not {len(functions)}")
    settle()
    try:
        yield
    finally:
        # bpftrace 0.17 loses a signal that comes between two polls.
        while tool.poll() is None:
            tool.send_signal(signal.SIGINT)
            time.sleep(0.2)
        while captured_nr():
            time.sleep(0.1)


def bystander(table, functions, pair, sleeper):
    """memcached, whose functions a tool traces for another process. Each way is beside a base."""
    ways = {
        "bpftrace, all processes": lambda: bpftrace(functions),
        "bpftrace, pid filter": lambda: bpftrace(functions, f" /pid == {sleeper.pid}/"),
        "bpftrace, captured": lambda: captured("quiet", functions),
    }
    run("shadowctl", "attach", "quiet", "--pid", sleeper.pid)
    for name, way in ways.items():
        bases, costs = [], []
        for i in range(ROUNDS):
            say(f"{name}, round {i + 1} of {ROUNDS}")
            settle()
            bases.append(pair.cost())
            with way():
                costs.append(pair.cost())
        ratios = sorted(b / c for b, c in zip(bases, costs))
        table.row("bystander", name, len(functions), ratios[ROUNDS // 2], min(costs), min(bases),
                  ratios[0], ratios[-1])


def traced(table):
    """One hit of the traced process."""
    inside = ("shadowctl", "run", "traced", "--")
    base = count("null", N, REPEATS)[0] / N
    for name, way, wrapper in (
            ("bpftrace, all processes", lambda: bpftrace([FUNCTION]), ()),
            ("bpftrace, captured", lambda: captured("traced", [FUNCTION]), inside)):
        with way():
            cost = count("null", N, REPEATS, *wrapper)[0] / N
        table.row("hit", name, 1, cost - base, cost, base, "", "")


def events(functions):
    for i, function in enumerate(functions):
        measure.write(TRACING / "kprobe_events", f"p:many/e{i} {function}")


# Enables or disables all events of the group within a process of a helper, and prints the ticks.
ARM = ("python3", "-c", "import sys, time; t = time.perf_counter_ns(); "
       f"open('{TRACING}/events/many/enable', 'w').write(sys.argv[1]); "
       "print(time.perf_counter_ns() - t)")


def arming(table, functions):
    """Instructions to enable and disable the events of a group, 1 ns of the guest each."""
    for nr in (10, 100):
        events(functions[:nr])
        for name, wrapper in (("kprobe events, all processes", ()),
                              ("kprobe events, captured",
                               ("shadowctl", "capture", "traced", "--"))):
            on, off = [], []
            for _ in range(3):
                on.append(int(run(*wrapper, *ARM, 1, stderr=subprocess.DEVNULL)))
                off.append(int(run(*wrapper, *ARM, 0, stderr=subprocess.DEVNULL)))
                while captured_nr():
                    time.sleep(0.1)
            table.row("arm", name, nr, sorted(on)[1], "", "", "", "")
            table.row("disarm", name, nr, sorted(off)[1], "", "", "", "")
        measure.write(TRACING / "kprobe_events", "")


def main():
    mounts()
    measure.mounts()
    table = Table("what", "way", "functions", "value", "cost", "base", "least", "most")
    pair = measure.start_memcached()
    sleeper = subprocess.Popen(["sleep", "100000"])
    called = measure.calls((pair,))
    chosen, _ = measure.choose(called, TEN)
    functions = [c["function"] for c in chosen]
    say(f"most called by memcached: {' '.join(functions)}")
    with shadow("traced"):
        traced(table)
        with open(TRACING / "available_filter_functions", encoding="ascii") as f:
            many = [w for w in f.read().split() if w.startswith("__x64_sys_")]
        arming(table, many[:100])
    with shadow("quiet"):
        bystander(table, functions, pair, sleeper)
        sleeper.kill()
        sleeper.wait()
    pair.end()


main()
