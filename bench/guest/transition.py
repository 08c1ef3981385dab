#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The time from the command to the effect, while 128 threads block in a patched function: one
livepatch module, in a shadow and in the kernel.

Another thread of the process sees the effect. It calls another function of the patch all the
time."""

import ctypes
import pathlib
import subprocess
import sys
import threading
import time

from lib import BASELINE, Table, run, say, shadow

THREADS, VALUE = 128, 424242
LIVEPATCH = BASELINE.parent / "bench_transition.ko"
SYSFS = pathlib.Path("/sys/kernel/livepatch/bench_transition")
MODULE = pathlib.Path("/sys/module/bench_transition")


def watch():
    """Prints the times at which the effect comes and goes. Runs in a process of its own."""
    libc = ctypes.CDLL(None)
    threading.stack_size(1 << 17)
    for _ in range(THREADS):
        threading.Thread(target=libc.pause, daemon=True).start()
    while sum(path.read_text().startswith("34 ")
              for path in pathlib.Path("/proc/self/task").glob("*/syscall")) < THREADS:
        time.sleep(0.01)
    print("ready", flush=True)
    patched = False
    while True:
        if (libc.getppid() == VALUE) != patched:
            patched = not patched
            print(time.monotonic_ns(), flush=True)
        time.sleep(0.0001)


def until(done):
    while not done():
        time.sleep(0.001)
    return time.monotonic_ns()


def measure(way, pid, watcher, command, complete):
    """Runs the command. Adds a row with the milliseconds until it returned, until the effect was
    seen, and until the transition was complete."""
    began = time.monotonic_ns()
    command()
    returned = time.monotonic_ns()
    done = complete() or returned
    seen = int(watcher.stdout.readline())
    still = sum(path.read_text().startswith("34 ")
                for path in pathlib.Path(f"/proc/{pid}/task").glob("*/syscall"))
    table.row(way, *((t - began) / 1e6 for t in (returned, seen, done)), still)
    say(f"{way}: {(seen - began) / 1e6:.3f} ms, complete in {(done - began) / 1e6:.1f} ms")


def begin(*wrapper):
    watcher = subprocess.Popen([*wrapper, "python3", __file__, "watch"], text=True,
                               stdout=subprocess.PIPE)
    assert watcher.stdout.readline() == "ready\n"
    return watcher


if sys.argv[1:] == ["watch"]:
    watch()
table = Table("way", "command_ms", "effect_ms", "complete_ms", "threads_blocked_then")
with shadow("p") as name:
    process = begin("shadowctl", "run", name, "--")
    measure("ours: add", process.pid, process,
            lambda: run("shadowctl", "patch", "add", name, "--livepatch", LIVEPATCH, "--unsafe-now", "--name", "k"),
            lambda: None)
    measure("ours: remove", process.pid, process,
            lambda: run("shadowctl", "patch", "remove", name, "k"), lambda: None)
    process.kill()
    process.wait()
until(lambda: not MODULE.exists() or
      subprocess.run(["rmmod", MODULE.name], check=False).returncode == 0)
process = begin()
measure("livepatch: enable", process.pid, process, lambda: run("insmod", LIVEPATCH),
        lambda: until(lambda: (SYSFS / "transition").read_text().strip() == "0"))
measure("livepatch: disable", process.pid, process, lambda: (SYSFS / "enabled").write_text("0"),
        lambda: until(lambda: not SYSFS.exists()))
process.kill()
