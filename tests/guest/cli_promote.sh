#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=120
# shadowctl patch promote names the tasks that it waits for; interrupted, it says what goes on;
# it can be resumed, and cancelled.
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
    signal.pause()                        # which livepatch wakes, too, after 15 s
"""


def add():
    run("patch", "add", "canary", "--livepatch", KO, "--name", "fix")


def promote(*args):
    """Done; on a slow machine it says whom it waits for meanwhile."""
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
    """A process that sleeps in what the livepatch changes, where signals but its own wake it."""
    process = subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE)
    process.stdout.readline()
    while pathlib.Path(f"/proc/{process.pid}/syscall").read_text().split()[0] != "34":
        time.sleep(0.02)
    return process


def interrupt_promotion(pid):
    """It names the sleeper, and says what goes on when it is interrupted."""
    process = subprocess.Popen(["shadowctl", "patch", "promote", "canary", "fix"],
                               stderr=subprocess.PIPE, text=True)
    first = process.stderr.readline()
    is_(f"{first.strip()} names it", f"{pid} (python3" in first, True)
    process.send_signal(signal.SIGINT)
    rest = process.communicate()[1]
    is_(f"{rest.strip()} says how", "goes on; 'shadowctl patch promote canary fix'" in rest, True)
    is_("status", process.returncode, 1)


run("create", "canary")
add()
is_("not promoted", ctl("patch", "list", "canary")[0]["promoted"], False)
is_("nothing to cancel", "is not promoted, since" in
    run("patch", "promote", "--cancel", "canary", "fix", status=1), True)

one = sleeper()
interrupt_promotion(one.pid)
is_("told", ctl("patch", "list", "canary")[0]["promoted"], True)
is_("in words", "promoted" in run("patch", "list", "canary"), True)
promote("--cancel")
is_("cancelled: the kernel's", SYSFS.exists(), False)
is_("cancelled: outside", outside(), b"0")
is_("cancelled: inside", inside(), "4242")
is_("a second time", "was promoted before" in run("patch", "promote", "canary", "fix", status=1),
    True)
run("patch", "remove", "canary", "fix")
is_("its module is gone", gone(pathlib.Path("/sys/module", MODULE)), True)

add()
interrupt_promotion(one.pid)
one.send_signal(signal.SIGUSR1)
one.wait()
promote()
is_("the shadow lets go", ctl("patch", "list", "canary"), [])
is_("promoted: outside", outside(), b"4242")
(SYSFS / "enabled").write_text("0")
is_("it can be taken back", gone(SYSFS), True)
subprocess.check_call(["rmmod", MODULE])
run("destroy", "canary")
finish()
END
