#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The costs for processes outside: without the module, with it, and with a shadow that has probes.

The same processes are measured in all rounds. The cost of an operation in a state is its lowest
value in any round."""

from lib import MODULE, another, compare, run, shadow, sleeper

# Operations per measurement, measurements per round.
OPS = {"null": (1000, 5), "pipe": (1, 60), "thread": (1, 60),
       "fork": (1, 60), "exec": (1, 60)}
ROUNDS = 4
STATES = ("absent", "loaded", "shadow with 10 probes, no process inside", "a process inside, idle",
          "removed", "another module and process")
# Functions that these operations call.
PROBED = ("__rcu_read_lock", "__rcu_read_unlock", "_raw_spin_lock", "_raw_spin_unlock",
          "_raw_spin_lock_irqsave", "vfs_read", "vfs_write", "copy_process", "do_exit",
          "__x64_sys_getppid")


def walk(measure):
    measure(STATES[0])
    with another():
        measure(STATES[5])
    run("insmod", MODULE)
    measure(STATES[1])
    with shadow("idle", *([f] for f in PROBED)) as name:
        measure(STATES[2])
        with sleeper(name):
            measure(STATES[3])
    run("rmmod", "shadowk")
    measure(STATES[4])


compare(OPS, STATES, ROUNDS, walk)
