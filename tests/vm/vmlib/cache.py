# SPDX-License-Identifier: GPL-2.0
"""A folder for things that take long to make. Each is made once, and is complete if it exists."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[3]


def say(text):
    print(f"vm: {text}", file=sys.stderr, flush=True)


def root():
    base = os.environ.get("SHADOWK_CACHE")
    if not base:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        base = os.path.join(home, "shadowk")
    path = pathlib.Path(base).absolute()
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def lock(name):
    """Only one process holds the lock. It is released when the process ends, in whatever way."""
    folder = root() / "lock"
    folder.mkdir(exist_ok=True)
    with open(folder / name.replace("/", "-"), "w", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def make(name, build):
    """Returns the entry NAME, made by build(path) if it is absent.

    It is built aside and renamed, so an entry that exists is complete."""
    path = root() / name
    if path.exists():
        return path
    with lock(name):
        if path.exists():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.glob(f".new-{path.name}-*"):
            remove(old)                 # left by a maker that was killed
        aside = pathlib.Path(tempfile.mkdtemp(
            prefix=f".new-{path.name}-", dir=path.parent))
        aside.chmod(0o755)
        say(f"making {path}")
        try:
            made = build(aside) or aside
            os.rename(made, path)
        finally:
            remove(aside)
    return path


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def point(link, path, time_ns=None):
    """Makes LINK name PATH beside it, atomically, whether LINK exists or not. Its time is
    TIME_NS."""
    aside = link.with_name(f".{link.name}.{os.getpid()}")
    aside.symlink_to(path.name)
    if time_ns is not None:
        os.utime(aside, ns=(time_ns, time_ns), follow_symlinks=False)
    aside.rename(link)


def drop_older(folder, keep, pattern):
    """Deletes entries that a newer one has replaced, so the cache stays bounded."""
    for path in (root() / folder).glob(pattern):
        if path != keep:
            remove(path)
