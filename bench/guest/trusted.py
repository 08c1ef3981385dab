#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The costs of system calls inside a shadow with the profile 'trusted', and outside."""

import json

from lib import Table, count, inside, mounts, run, say

OPS = ("null", "pread", "pwrite", "open", "stat", "fstat", "fcntl", "mmap", "send", "getsockopt")
THUNKS = ("--without", "retpolines", "--without", "returns")
N, REPEATS = 100, 7


def shadow(name, *words):
    return json.loads(run("shadowctl", "create", name, *words, "--json"))


def least(op, *wrapper):
    return count(op, N, REPEATS, *wrapper)[0] / N


mounts()
shadow("equal")
left_out = [i["item"] for i in shadow("all", "--profile", "trusted")["left_out"]]
say(f"left out: {left_out}")
shadow("thunks", "--profile", "trusted", *THUNKS)
table = Table("operation", "outside", "inside", "trusted", "trusted_with_thunks", "left_out")
for op in OPS:
    table.row(op, least(op), *(least(op, *inside(name)) for name in ("equal", "all", "thunks")),
              " ".join(left_out))
