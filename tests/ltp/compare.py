#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""In a guest: runs each test of /root/ltp/list outside and inside, for tests/ltp/run."""

import collections
import os
import pathlib
import shlex
import subprocess
import sys

LTP = pathlib.Path("/root/ltp")
TIMEOUT = 20                # seconds; a test that takes longer is not compared
TRIES = 3                   # further runs of a test whose status inside differs
TCONF = 32                  # LTP's status if the machine lacks something that a test needs
ENV = {**os.environ, "LTPROOT": str(LTP), "TMPDIR": "/tmp", "KCONFIG_SKIP_CHECK": "1",
       "PATH": f"{LTP}/bin:{os.environ['PATH']}", "LTP_COLORIZE_OUTPUT": "n"}
SHADOW = "ltp"
INSIDE = ["shadowctl", "run", SHADOW, "--"]
GROUP = pathlib.Path("/sys/fs/cgroup/shadowk-ltp")


def once(command):
    """Runs a command. Returns its status, or None if the time is up."""
    with subprocess.Popen(["sh", "-c", f'echo $$ >{GROUP}/cgroup.procs; exec "$@"', "-", *command],
                          env=ENV, cwd="/tmp", stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          start_new_session=True) as process:
        try:
            return process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            return None
        finally:
            # By the cgroup, since children may have process groups of their own.
            (GROUP / "cgroup.kill").write_text("1")


def both(command):
    return once(command), once([*INSIDE, *command])


def compare(command):
    """Runs a test outside and inside. Returns (result, statuses).

      same      the statuses are equal
      another   they differ
      unsteady  they differ, but vary outside or do not always differ
      late      it takes longer than TIMEOUT
      unbuilt   it does not exist
      needs     the machine lacks something that it needs"""
    outside = once(command)
    if outside in (127, None):
        return "unbuilt" if outside else "late", ""
    if outside == TCONF:
        return "needs", ""
    inside = once([*INSIDE, *command])
    if outside == inside:
        return "same", ""
    seen = [(outside, inside)] + [both(command) for _ in range(TRIES)]
    text = ", ".join(f"{o} {i}" for o, i in seen)
    if any(o == i for o, i in seen) or len({o for o, _ in seen}) > 1:
        return "unsteady", text
    return "another", text


def main():
    subprocess.run(["shadowctl", "create", SHADOW], check=True)
    subprocess.run(["shadowctl", "raw", "privatise", SHADOW, "--all"], check=True,
                   stdout=subprocess.DEVNULL)
    GROUP.mkdir()
    wanted = set(sys.argv[1:])
    counts = collections.Counter()
    for line in (LTP / "list").read_text().splitlines():
        name, *command = shlex.split(line)
        if wanted and name not in wanted:
            continue
        if not (LTP / "bin" / command[0]).exists():
            counts["unbuilt"] += 1
            continue
        print(f"ltp: {name}", file=open("/dev/kmsg", "w"))
        outcome, text = compare(command)
        counts[outcome] += 1
        if text:
            print(f"{outcome} {name}: status outside and inside: {text}", flush=True)
        elif sum(counts.values()) % 100 == 0:
            print(f"{sum(counts.values())} tests, {counts['same']} the same", flush=True)
    verified = subprocess.run(["shadowctl", "verify", SHADOW]).returncode
    print(f"{counts['same']} the same, {counts['another']} not; not compared: "
          f"{counts['unsteady']} unsteady, {counts['late']} of more than {TIMEOUT} s, "
          f"{counts['needs']} need what this guest lacks, {counts['unbuilt']} not built")
    return 1 if counts["another"] or not counts["same"] or verified else 0


if __name__ == "__main__":
    sys.exit(main())
