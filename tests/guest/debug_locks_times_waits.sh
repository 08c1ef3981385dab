#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=240
# The profile 'debug-locks' times what processes inside wait for a lock that others have, and the
# tracepoint tells from where.
PYTHONPATH=${0%/*}/lib exec python3 - <<'END'
import os
import subprocess
import sys
import time

import check
from check import ctl, finish, is_

EVENT = "/sys/kernel/tracing/events/shadowk/shadowk_probe/"
# Directories are made and removed under a lock of the one that they are in.
JOB = """
import os
os.makedirs('/tmp/waits', exist_ok=True)
name = f'/tmp/waits/{os.getpid()}'
while True:
    os.mkdir(name)
    os.rmdir(name)
"""


def probes():
    return {p["name"].removeprefix("debug-locks:"): p for p in ctl("probe", "list", "l")}


def trace():
    with open(EVENT + "hist", encoding="ascii", errors="replace") as f:
        return f.read()


def told(hist):
    return "rwsem-write-wait-caller" in hist and ("do_mkdirat" in hist or "do_rmdir" in hist)


if os.cpu_count() < 2:
    print("nobody waits on one CPU")
    sys.exit(77)
if "debug" in os.uname().release:
    print("not one of Debian's kernels: with lockdep their locks have other names")
    sys.exit(77)
left_out = {i["item"] for i in ctl("create", "l", "--profile", "debug-locks")["left_out"]}
is_("left out", {i for i in left_out if not i.startswith(("mutex-", "percpu", "sema", "spin-wait-g",
                                                         "rwlock"))}, set())
with open(EVENT + "trigger", "w", encoding="ascii") as f:
    f.write("hist:keys=probe,stacktrace")
jobs = [subprocess.Popen(["shadowctl", "run", "l", "--", "python3", "-c", JOB]) for _ in range(4)]
end = time.monotonic() + 100
# Python waits for other locks, too, when it starts.
while time.monotonic() < end and not (probes()["rwsem-write-wait"]["histogram"] and told(trace())):
    time.sleep(0.2)
for job in jobs:
    job.kill()
    job.wait()
seen = probes()
is_("waits", len(seen["rwsem-write-wait"]["histogram"]) > 0, True)
is_("locks taken are more", seen["rwsem-write"]["hits"] > seen["rwsem-write-wait"]["hits"], True)
is_("callers", seen["rwsem-write-wait-caller"]["hits"] > 0, True)
hist = trace()
with open(EVENT + "trigger", "w", encoding="ascii") as f:
    f.write("!hist:keys=probe,stacktrace")
is_("told from where", told(hist), True)
if check.failures:
    print(hist[:3000])
finish()
END
