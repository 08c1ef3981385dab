#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The costs for processes outside of each policy for asynchronous work. There is a shadow of the
policy with a probe, and an idle process inside it.

It measures as outside.py does."""

from lib import MODULE, another, compare, run, shadow, sleeper

# Operations per measurement, measurements per round.
OPS = {"null": (1000, 3), "pipe": (1, 15), "interrupt": (1, 60), "softirq": (1, 15),
       "fork": (1, 30)}
ROUNDS = 3
POLICIES = ("base", "inherit", "owner", "causal", "union")
LINE, THREAD = "owner, of a line", "owner, of a line and a thread"
STATES = ("absent", *POLICIES[:3], LINE, THREAD, *POLICIES[3:], "removed",
          "another module and process")


def walk(measure):
    measure(STATES[0])
    with another():
        measure(STATES[-1])
    run("insmod", MODULE)
    for policy in POLICIES:
        with shadow("idle", ["vfs_read"], options=["--async", policy]) as name, sleeper(name):
            measure(policy)
            if policy != "owner":
                continue
            # The measured processes use neither of these.
            run("shadowctl", "own", name, "--device", "ttyS0")
            measure(LINE)
            run("shadowctl", "own", name, "--kthread", "kauditd")
            measure(THREAD)
    run("rmmod", "shadowk")
    measure(STATES[-2])


compare(OPS, STATES, ROUNDS, walk)
