# SPDX-License-Identifier: GPL-2.0-only
"""For tests in Python. They import these functions and call finish() at the end."""
import json
import subprocess
import sys

failures = 0


def is_(what, got, wanted):
    global failures
    if got != wanted:
        print(f"{what}: {got!r}, expected {wanted!r}")
        failures += 1


def run(*args, status=0):
    """Runs shadowctl. Returns its output, or its one line of error output if status is not 0."""
    done = subprocess.run(["shadowctl", *args], capture_output=True, text=True, check=False)
    is_(" ".join(args), (done.returncode, done.stderr.count("\n")), (status, int(status > 0)))
    return done.stdout if status == 0 else done.stderr


def ctl(*args):
    return json.loads(run(*args, "--json"))


def finish():
    sys.exit(failures != 0)
