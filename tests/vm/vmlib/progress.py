# SPDX-License-Identifier: GPL-2.0
"""Where the making of a guest is told: not in the command's own output."""

import contextlib
import os
import sys


def open_terminal():
    """The terminal of the caller, whatever its stderr is; None if it has none."""
    try:
        return os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY)
    except OSError:
        return None


@contextlib.contextmanager
def apart(path):
    """Inside, what this process and its children write to stderr goes to the terminal, or,
    without one, to the file PATH."""
    fd = open_terminal()
    if fd is None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(fd, 2)
    os.close(fd)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
