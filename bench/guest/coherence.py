#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The costs for processes outside while shadows follow the kernel's own patching, and interrupts
execute the base. The states are: without the module, and with shadows, one of which has a private
copy of each page of text.

It measures as outside.py does. Patching has operations of its own, since it has more to do."""

from lib import MODULE, compare, run, shadow, sleeper

# Operations per measurement, measurements per round.
OPS = {"pipe": (1, 20), "interrupt": (1, 40), "fork": (1, 40), "module": (1, 10),
       "key": (1, 10)}
ROUNDS = 4
STATES = ("absent", "loaded", "a shadow with a probe, a process inside",
          "a shadow whose text is all private, a process inside", "removed")


def walk(measure):
    measure(STATES[0])
    run("insmod", MODULE)
    measure(STATES[1])
    with shadow("probed", ["vfs_read"]) as name, sleeper(name):
        measure(STATES[2])
        with shadow("private") as other, sleeper(other):
            run("shadowctl", "raw", "privatise", other, "--all")
            measure(STATES[3])
    run("rmmod", "shadowk")
    measure(STATES[4])


compare(OPS, STATES, ROUNDS, walk)
