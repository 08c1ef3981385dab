#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=120
# `shadowctl patch promote` names the tasks for which it waits. If it is interrupted, it says that
# the promotion goes on and how to wait for it again. A promotion can be resumed and cancelled.
PYTHONPATH=${0%/*}/lib exec python3 - <<'END'
import glob
import os
import pathlib
import signal
import subprocess
import sys
import time

from check import ctl, finish, is_, run

MODULE = "shk_livepatch_pause"
KO = f"/lib/modules/{os.uname().release}/extra/{MODULE}.ko"
SYSFS = pathlib.Path("/sys/kernel/livepatch", MODULE)
SLEEPER = """
import signal
woken = []
signal.signal(signal.SIGUSR1, lambda *a: woken.append(1))
print(flush=True)
while not woken:
    signal.pause()                        # livepatch wakes it, too, after 15 s
"""


def add():
    run("patch", "add", "canary", "--livepatch", KO, "--name", "fix")


def promote(*args):
    """Promotes, which must succeed. On a slow machine it may print the tasks for which it waits."""
    done = subprocess.run(["shadowctl", "patch", "promote", *args, "canary", "fix"],
                          stderr=subprocess.PIPE, text=True)
    others = [line for line in done.stderr.splitlines() if "the kernel waits for" not in line]
    is_(" ".join(["promote", *args]), (done.returncode, others), (0, []))


def outside():
    return subprocess.check_output([sys.executable, "-c", "import os; print(os.getuid())"]).strip()


def inside():
    return run("run", "canary", "--", sys.executable, "-c", "import os; print(os.getuid())").strip()


def gone(path):
    for _ in range(1000):
        if not path.exists():
            return True
        time.sleep(0.02)
    return False


def sleeper():
    """Returns a process that sleeps in the function that the livepatch changes, until SIGUSR1."""
    process = subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE)
    process.stdout.readline()
    while pathlib.Path(f"/proc/{process.pid}/syscall").read_text().split()[0] != "34":
        time.sleep(0.02)
    return process


def interrupt_promotion(pid):
    """The promotion names the sleeper. When it is interrupted, it says that it goes on."""
    process = subprocess.Popen(["shadowctl", "patch", "promote", "canary", "fix"],
                               stderr=subprocess.PIPE, text=True)
    first = process.stderr.readline()
    is_(f"{first.strip()} names the sleeper", f"{pid} (python3" in first, True)
    process.send_signal(signal.SIGINT)
    rest = process.communicate()[1]
    is_(f"{rest.strip()} says how to go on", "goes on; 'shadowctl patch promote canary fix'" in rest, True)
    is_("status", process.returncode, 1)


run("create", "canary")
add()
is_("not promoted", ctl("patch", "list", "canary")[0]["promoted"], False)
is_("nothing to cancel", "is not promoted, since" in
    run("patch", "promote", "--cancel", "canary", "fix", status=1), True)

one = sleeper()
interrupt_promotion(one.pid)
is_("promoted in the list", ctl("patch", "list", "canary")[0]["promoted"], True)
is_("promoted in the table", "promoted" in run("patch", "list", "canary"), True)
promote("--cancel")
is_("cancelled: the kernel has the livepatch", SYSFS.exists(), False)
is_("cancelled: outside", outside(), b"0")
is_("cancelled: inside", inside(), "4242")
is_("promoting a second time", "was promoted before" in run("patch", "promote", "canary", "fix", status=1),
    True)
run("patch", "remove", "canary", "fix")
is_("the module was unloaded", gone(pathlib.Path("/sys/module", MODULE)), True)

add()
interrupt_promotion(one.pid)
one.send_signal(signal.SIGUSR1)
one.wait()
promote()
is_("patches after the promotion", ctl("patch", "list", "canary"), [])
is_("promoted: outside", outside(), b"4242")
(SYSFS / "enabled").write_text("0")
is_("the livepatch can be disabled", gone(SYSFS), True)
subprocess.check_call(["rmmod", MODULE])
run("destroy", "canary")
finish()
END
