# SPDX-License-Identifier: GPL-2.0
"""Keeps the harness's messages out of the command's output."""

import contextlib
import os
import subprocess
import sys


def open_terminal():
    """Returns the terminal of the caller, whatever its stderr is, or /dev/null if it has none."""
    try:
        return open("/dev/tty", "wb")
    except OSError:
        return open("/dev/null", "wb")


@contextlib.contextmanager
def apart(path):
    """Redirects stderr of this process and its children to the terminal and to the file PATH."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open_terminal() as terminal:
        with subprocess.Popen(["tee", path], stdin=subprocess.PIPE, stdout=terminal) as tee:
            os.dup2(tee.stdin.fileno(), 2)
            try:
                yield
            finally:
                sys.stderr.flush()
                os.dup2(kept, 2)
                os.close(kept)
