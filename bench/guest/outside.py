#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What processes outside pay: the module absent, loaded, with shadows live and probed.

The same processes are measured all the time, round after round; what an operation
costs in a state is the least that it took in any round."""

import pathlib
import subprocess

from lib import MODULE, Counter, Table, mounts, run, say, shadow

# Operations per measurement, measurements per round.
OPS = {"null": (1000, 5), "pipe": (1, 60), "thread": (1, 60),
       "fork": (1, 60), "exec": (1, 60)}
ROUNDS = 4
# Functions that these operations pass through.
PROBED = ("__rcu_read_lock", "__rcu_read_unlock", "_raw_spin_lock", "_raw_spin_unlock",
          "_raw_spin_lock_irqsave", "vfs_read", "vfs_write", "copy_process", "do_exit",
          "__x64_sys_getppid")


def main():
    mounts()
    pathlib.Path("/proc/sys/kernel/sched_rt_runtime_us").write_text("-1")
    counters = {op: Counter(op, n) for op, (n, _) in OPS.items()}
    found = {}

    def measure(state):
        for op, (n, repeats) in OPS.items():
            found.setdefault(state, {}).setdefault(op, []).extend(
                counters[op].ticks(repeats))

    for i in range(ROUNDS + 1):
        say(f"round {i} of {ROUNDS}" if i else "a round to warm up")
        measure("absent")
        run("insmod", MODULE)
        measure("loaded")
        with shadow("idle", *([f] for f in PROBED)) as name:
            measure("shadow with 10 probes, nobody inside")
            sleeper = subprocess.Popen(["shadowctl", "run", name, "--", "sleep", "100000"])
            measure("a process inside, idle")
            sleeper.kill()
            sleeper.wait()
        run("rmmod", "shadowk")
        measure("removed")
        if not i:
            found.clear()

    table = Table("operation", "module", "instructions_per_operation", "more_than_absent",
                  "median", "measurements")
    for op, (n, _) in OPS.items():
        least = {state: min(ticks[op]) for state, ticks in found.items()}
        for state, ticks in found.items():
            middle = sorted(ticks[op])[len(ticks[op]) // 2]
            table.row(op, state, least[state] / n, (least[state] - least["absent"]) / n,
                      middle / n, len(ticks[op]))


main()
