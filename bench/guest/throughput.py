#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The throughput of processes outside. The states are: without the module; with shadows, one of
which has a private copy of each page of text; with a shadow of each policy for asynchronous work.

Clocks of emulated machines and of their hosts are noisy. So values are compared within a round
only, and each round begins with another state."""

import contextlib
import os
import pathlib
import statistics

from lib import MODULE, Counter, Table, mounts, run, say, shadow, sleeper

# Operations per measurement. "interrupt" is missing: it waits for the timer by a fixed number of
# instructions, which are no measure of time.
OPS = {"null": 20000, "pipe": 500, "softirq": 500, "fork": 30, "exec": 30, "module": 3}
REPEATS = 3
ROUNDS = 7


@contextlib.contextmanager
def loaded():
    run("insmod", MODULE)
    yield
    run("rmmod", "shadowk")


@contextlib.contextmanager
def private():
    with loaded(), shadow("probed", ["vfs_read"]) as name, sleeper(name), \
            shadow("private") as other, sleeper(other):
        run("shadowctl", "raw", "privatise", other, "--all")
        yield


@contextlib.contextmanager
def policy(which):
    with loaded(), shadow("probed", ["vfs_read"], options=["--async", which]) as name, \
            sleeper(name):
        if which == "owner":
            # The measured processes use neither of these.
            run("shadowctl", "own", name, "--device", "ttyS0", "--kthread", "kauditd")
        yield


STATES = {"absent": contextlib.nullcontext, "all text private": private,
          **{f"--async {which}": lambda which=which: policy(which)
             for which in ("inherit", "owner", "causal", "union")}}


def main():
    mounts()
    os.environ["BENCH_NS"] = "1"
    pathlib.Path("/proc/sys/kernel/sched_rt_runtime_us").write_text("-1")
    counters = {op: Counter(op, n) for op, n in OPS.items()}
    table = Table("operation", "state", "round", "absent_ns", "ns", "throughput")
    names = list(STATES)

    def measure(state):
        with STATES[state]():
            return {op: statistics.median(counters[op].ticks(REPEATS)) / n
                    for op, n in OPS.items()}

    for turn in range(ROUNDS + 1):
        say(f"round {turn} of {ROUNDS}" if turn else "a round to warm up")
        first = turn % len(names)
        seen = {state: measure(state) for state in names[first:] + names[:first]}
        for state in names[1:] if turn else ():
            for op in OPS:
                absent, live = seen["absent"][op], seen[state][op]
                table.row(op, state, turn, absent, live, absent / live)


main()
