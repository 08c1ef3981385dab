#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The costs of system calls whose functions are compiled by a process's profile, or with other
flags. With the argument "train", prints the profiles: OPERATION FILE BASE64."""

import base64
import contextlib
import pathlib
import sys

from lib import COUNT, HERE, Table, count, inside, mounts, run, say

OPS = {"transfer": "unix", "unix": "transfer"}      # and the one whose profile is of another work
MODULES = HERE.parent / "specialise"
N, REPEATS = 200, 9


def train():
    for op in OPS:
        folder = pathlib.Path("/root/profile") / op
        folder.parent.mkdir(exist_ok=True)
        say(run("shadowctl", "train", "-o", folder, MODULES / "shk_train.ko", "--", COUNT, op,
                "2000", "3"))
        for file in sorted(folder.glob("*.gc??")):
            print(op, file.name, base64.b64encode(file.read_bytes()).decode())


def least(op, *wrapper):
    return count(op, N, REPEATS, *wrapper)[0] / N


@contextlib.contextmanager
def shadow(name):
    """A shadow with the bodies of a module. The kernel has no room for all of them at once."""
    run("shadowctl", "create", name)
    try:
        if name != "empty":
            run("shadowctl", "patch", "add", name, MODULES / f"shk_{name}.ko", "--name", name)
        yield inside(name)
    finally:
        if name != "empty":
            run("shadowctl", "patch", "remove", name, name)
        run("shadowctl", "destroy", name)


def measure():
    costs = {("outside", op): least(op) for op in OPS}
    for name in ("empty", "same", "o3", *(f"by_{op}" for op in OPS)):
        say(name)
        with shadow(name) as wrapper:
            costs.update({(name, op): least(op, *wrapper) for op in OPS})
    table = Table("operation", "outside", "empty", "same", "o3", "own", "other")
    for op, other in OPS.items():
        table.row(op, *(costs[name, op] for name in
                        ("outside", "empty", "same", "o3", f"by_{op}", f"by_{other}")))


mounts()
if sys.argv[1:] == ["train"]:
    train()
else:
    measure()
