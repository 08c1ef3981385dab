#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The cost of a call of a patched function: one livepatch module, in a shadow and in the kernel."""

import pathlib
import subprocess
import time

from lib import BASELINE, Table, count, inside, mounts, run, shadow

FUNCTION = "__x64_sys_getppid"
LIVEPATCH = BASELINE.parent / "bench_livepatch.ko"
MODULE = pathlib.Path("/sys/module/bench_livepatch")
SYSFS = pathlib.Path("/sys/kernel/livepatch/bench_livepatch")
N, REPEATS = 1000, 7


def least(*wrapper):
    return count("null", N, REPEATS, *wrapper)[0] / N


def wait(done):
    for _ in range(600):
        if done():
            return
        time.sleep(0.1)
    raise RuntimeError("livepatch's transition does not end")


mounts()
table = Table("who", "patch", "instructions_per_call")
table.row("outside", "none", least())
with shadow("p") as name:
    table.row("inside", "none", least(*inside(name)))
    run("shadowctl", "patch", "add", name, "--livepatch", LIVEPATCH, "--name", "klp")
    table.row("inside", "ours: the module's body", least(*inside(name)))
    table.row("outside", "in the shadow only", least())
    run("shadowctl", "probe", "add", name, FUNCTION)
    table.row("inside", "ours: the module's body, and a probe", least(*inside(name)))
    run("shadowctl", "patch", "remove", name, "klp")
with shadow("p", [FUNCTION]) as name:
    table.row("inside", "a probe alone", least(*inside(name)))
with shadow("p") as name:
    run("shadowctl", "patch", "add", name, FUNCTION, "--return", "1")
    table.row("inside", "ours: returns a value", least(*inside(name)))
# The kernel's livepatch needs the module, too, so unload it first.
wait(lambda: not MODULE.exists() or subprocess.run(["rmmod", MODULE.name], check=False).returncode == 0)
run("insmod", LIVEPATCH)
wait(lambda: (SYSFS / "transition").read_text().strip() == "0")
table.row("outside", "the kernel's livepatch", least())
(SYSFS / "enabled").write_text("0")
wait(lambda: not SYSFS.exists())
run("rmmod", "bench_livepatch")
table.row("outside", "none, at the end", least())
