#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The cost of one hit, by kprobes of the kernel and by probes of a shadow at the same address."""

import subprocess

from lib import (COUNT, Table, bpftrace, count, funclatency, inside, kprobe_events, kprobes, mounts,
                 probes_of, run, say, shadow, tracepoint)

FUNCTION = "__x64_sys_getppid"
N, REPEATS = 1000, 7
# So many bytes of the function have each kind of instruction.
BYTES = 48


def least(*wrapper):
    return count("null", N, REPEATS, *wrapper)[0] / N


def map_function():
    """Returns {offset: arm} of the instructions that are executed once per call. The arm is that of
    a shadow."""
    with shadow("map") as name:
        for offset in range(BYTES):
            subprocess.run(["shadowctl", "probe", "add", name, f"{FUNCTION}+{offset}"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        run(*inside(name), COUNT, "null", 100, 1)
        found = probes_of(name)
    # A warm-up and one repeat; the C library may add calls of its own.
    return {p["offset"]: p["arm"] for p in found if 200 <= p["hits"] <= 205}


def name_of(offset):
    return f"{FUNCTION}+{offset:#x}"


def optimisable(offset):
    with kprobes([name_of(offset)], optimised=True) as armed:
        return set(armed.values()) == {"jump"}


def choose(where):
    """Returns {place: offset} for the comparison. A jump of the kernel may replace several
    instructions."""
    def first(arm, wish):
        offsets = sorted(o for o, a in where.items() if a == arm)
        return next((o for o in offsets if wish(o)), offsets[0])

    return {"entry": 0,
            "behind the entry": first("int3", lambda o: True),
            "short instruction": first("int3", optimisable),
            "5 bytes or more": first("jump", optimisable)}


def main():
    mounts()
    table = Table("place", "instruction", "who", "arm", "does", "instructions_per_hit",
                  "hits_per_call")
    base = least()
    say(f"one getppid(): {base} instructions")
    where = map_function()
    say(f"instructions once per call: {where}")
    places = choose(where)

    with shadow("none") as name:
        table.row("", "", "shadow", "none", "no probe, inside", least(*inside(name)) - base, 0)

    for place, offset in places.items():
        at = name_of(offset)

        for optimised in (False, True):
            for handler, does in (("empty", "empty handler"), ("count", "count")):
                with kprobes([at], handler, optimised) as armed:
                    arm, = set(armed.values())
                    if optimised == (arm == "jump"):
                        table.row(place, at, "kernel", arm, does, least() - base, 1)
        for filter_ in (None, "common_pid == 0"):
            with kprobe_events([at], filter_) as armed:
                table.row(place, at, "kprobe event", *set(armed.values()),
                          "filter that refuses" if filter_ else "record", least() - base, 1)
        if offset == 0:
            with bpftrace([FUNCTION]) as armed:
                table.row(place, at, "bpftrace", *set(armed.values()), "count",
                          least() - base, 1)
            with kprobe_events([at], returns=True):
                table.row(place, at, "kprobe event", "ftrace", "latency, by two events",
                          least() - base, 1)
            with funclatency(FUNCTION):
                table.row(place, at, "bpftrace", "ftrace", "latency", least() - base, 1)
            # The pointer to the registers is never 1.
            table.row(place, at, "shadow", "call", "filter that refuses",
                      least("shadowctl", "trace", f"{FUNCTION}(arg1 == 1)", "--") - base, 1)

        ways = [("count", []), ("count", ["--int3"]), ("event", ["--kind", "event"])]
        if offset == 0:
            ways.append(("latency", ["--kind", "latency"]))
        for does, words in ways:
            with shadow("hit", [f"{FUNCTION}+{offset}", *words]) as name, \
                    tracepoint(does == "event"):
                cost = least(*inside(name)) - base
                probe = probes_of(name)[0]
                hits = round(probe["hits"] / (N * (REPEATS + 1)), 3)
                table.row(place, at, "shadow", probe["arm"], does, cost, hits)


main()
