#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: timeout=240
# The profile debug-locks measures how long processes inside wait for locks that others hold. The
# tracepoint gives the stacks of the waiting tasks.
PYTHONPATH=${0%/*}/lib exec python3 - <<'END'
import os
import subprocess
import sys
import time

import check
from check import ctl, finish, is_

EVENT = "/sys/kernel/tracing/events/shadowk/shadowk_probe/"
# mkdir and rmdir take a lock of the parent directory.
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
    print("on one CPU no process waits for another")
    sys.exit(77)
if "debug" in os.uname().release:
    print("not one of Debian's kernels: with lockdep the lock functions have other names")
    sys.exit(77)
left_out = {i["item"] for i in ctl("create", "l", "--profile", "debug-locks")["left_out"]}
is_("left out", {i for i in left_out if not i.startswith(("mutex-", "percpu", "sema", "spin-wait-g",
                                                         "rwlock"))}, set())
with open(EVENT + "trigger", "w", encoding="ascii") as f:
    f.write("hist:keys=probe,stacktrace")
jobs = [subprocess.Popen(["shadowctl", "run", "l", "--", "python3", "-c", JOB]) for _ in range(4)]
end = time.monotonic() + 100
# Python also waits for other locks when it starts.
while time.monotonic() < end and not (probes()["rwsem-write-wait"]["histogram"] and told(trace())):
    time.sleep(0.2)
for job in jobs:
    job.kill()
    job.wait()
seen = probes()
is_("waits were measured", len(seen["rwsem-write-wait"]["histogram"]) > 0, True)
is_("more locks were taken than waited for", seen["rwsem-write"]["hits"] > seen["rwsem-write-wait"]["hits"], True)
is_("hits of callers", seen["rwsem-write-wait-caller"]["hits"] > 0, True)
hist = trace()
with open(EVENT + "trigger", "w", encoding="ascii") as f:
    f.write("!hist:keys=probe,stacktrace")
is_("stacks of waiting tasks in the trace", told(hist), True)
if check.failures:
    print(hist[:3000])
finish()
END
