#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Figure 2: the cost for memcached of probes for another process, by each way of probing.

The probed functions are those that memcached calls most. The other process sleeps."""

import contextlib
import subprocess
import sys

from lib import (HERE, TRACING, Table, bpftrace, kprobe_events, kprobes, mounts, probes_of, run,
                 say, settle, shadow)

sys.path.insert(0, str(HERE.parent / "demo"))
import measure  # noqa: E402  (server, client and choice of functions of the demo)

HOW_MANY = (1, 2, 3, 5, 10)


def behind_the_entry(functions):
    """Returns for each function SYMBOL+OFFSET of the first instruction with a breakpoint kprobe."""
    with shadow("behind", *([f, "--int3"] for f in functions)) as name:
        address = {p["symbol"]: int(p["address"], 16) for p in probes_of(name)}
    symbols = {}
    with open("/proc/kallsyms", encoding="ascii") as f:
        for line in f:
            value, _, symbol = line.split()[:3]
            if symbol in address:
                symbols.setdefault(symbol, int(value, 16))
    return {f: f"{f}+{address[f] - symbols[f]:#x}" for f in functions}


@contextlib.contextmanager
def function_tracer(functions, pid):
    (TRACING / "set_ftrace_pid").write_text(str(pid))
    (TRACING / "set_ftrace_filter").write_text("\n".join(functions))
    (TRACING / "current_tracer").write_text("function")
    yield {}
    (TRACING / "current_tracer").write_text("nop")
    (TRACING / "set_ftrace_filter").write_text("\n")
    (TRACING / "set_ftrace_pid").write_text("\n")


@contextlib.contextmanager
def in_its_shadow(functions, pid):
    with shadow("traced", *([f] for f in functions)) as name:
        run("shadowctl", "attach", name, "--pid", pid)
        yield {p["symbol"]: p["arm"] for p in probes_of(name)}
        hits = sum(p["hits"] + p["async_hits"] for p in probes_of(name))
        assert hits == 0, f"{hits} hits of a process that sleeps"
        run("shadowctl", "detach", "--pid", pid)


def main():
    mounts()
    measure.mounts()
    pair = measure.start_memcached()
    sleeper = subprocess.Popen(["sleep", "100000"])
    chosen, _ = measure.choose(measure.calls((pair,)), max(HOW_MANY))
    functions = [c["function"] for c in chosen]
    behind = behind_the_entry(functions)
    say(f"most called by memcached: {' '.join(behind.values())}")
    pid = sleeper.pid

    ways = {
        "int3 kprobe, empty handler":
            lambda f: kprobes([behind[g] for g in f], optimised=False),
        "kprobe optimised to jmp, empty handler":
            lambda f: kprobes([behind[g] for g in f], optimised=True),
        "kprobe on ftrace, empty handler": kprobes,
        "kprobe event, pid filter": lambda f: kprobe_events(f, f"common_pid == {pid}"),
        "bpftrace, pid filter": lambda f: bpftrace(f, f" /pid == {pid}/"),
        "function tracer, set_ftrace_pid": lambda f: function_tracer(f, pid),
        "in that process's shadow": lambda f: in_its_shadow(f, pid),
    }
    table = Table("way", "functions", "throughput", "instructions_per_operation", "armed")
    base = pair.cost()
    table.row("no probes", 0, 1.0, base, "")
    for name, way in ways.items():
        for n in HOW_MANY:
            say(f"{name}, {n}")
            with way(functions[:n]) as armed:
                spent = pair.cost()
            kinds = sorted(armed.values())
            table.row(name, n, base / spent, spent,
                      " ".join(f"{kinds.count(k)} {k}" for k in sorted(set(kinds))))
    settle()
    last = pair.cost()
    table.row("no probes, at the end", 0, base / last, last, "")
    pair.end()
    sleeper.kill()


main()
