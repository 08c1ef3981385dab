#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What processes outside pay: the module absent, loaded, with shadows live and probed.

The same processes are measured all the time, round after round; what an operation
costs in a state is the least that it took in any round."""

import pathlib
import subprocess

from lib import BASELINE, MODULE, Counter, Table, mounts, run, say, shadow

# Operations per measurement, measurements per round.
OPS = {"null": (1000, 5), "pipe": (1, 60), "thread": (1, 60),
       "fork": (1, 60), "exec": (1, 60)}
ROUNDS = 4
STATES = ("absent", "loaded", "shadow with 10 probes, nobody inside", "a process inside, idle",
          "removed", "another module")
# Functions that these operations pass through.
PROBED = ("__rcu_read_lock", "__rcu_read_unlock", "_raw_spin_lock", "_raw_spin_unlock",
          "_raw_spin_lock_irqsave", "vfs_read", "vfs_write", "copy_process", "do_exit",
          "__x64_sys_getppid")


def main():
    mounts()
    pathlib.Path("/proc/sys/kernel/sched_rt_runtime_us").write_text("-1")
    counters = {op: Counter(op, n) for op, (n, _) in OPS.items()}
    # Of each round: (state, operation) -> sorted ticks.
    rounds = []

    def measure(state):
        for op, (_, repeats) in OPS.items():
            rounds[-1][state, op] = counters[op].ticks(repeats)

    for i in range(ROUNDS + 1):
        say(f"round {i} of {ROUNDS}" if i else "a round to warm up")
        rounds.append({})
        measure(STATES[0])
        # One that does nothing, and has some memory of each kind.
        run("insmod", BASELINE)
        measure(STATES[5])
        run("rmmod", "bench_kprobes")
        run("insmod", MODULE)
        measure(STATES[1])
        with shadow("idle", *([f] for f in PROBED)) as name:
            measure(STATES[2])
            sleeper = subprocess.Popen(["shadowctl", "run", name, "--", "sleep", "100000"])
            measure(STATES[3])
            sleeper.kill()
            sleeper.wait()
        run("rmmod", "shadowk")
        measure(STATES[4])
    del rounds[0]

    table = Table("operation", "module", "instructions_per_operation", "more_than_absent",
                  "round_least", "round_most", "median", "measurements")
    for op, (n, _) in OPS.items():
        absent = min(r[STATES[0], op][0] for r in rounds)
        for state in STATES:
            least = [r[state, op][0] for r in rounds]
            ticks = sorted(t for r in rounds for t in r[state, op])
            table.row(op, state, min(least) / n, (min(least) - absent) / n, min(least) / n,
                      max(least) / n, ticks[len(ticks) // 2] / n, len(ticks))


main()
