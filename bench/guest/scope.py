#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The costs of being inside for several system calls, for one, and by a cgroup."""

import json

from lib import Table, mounts, run

SCOPE = "/usr/lib/shadowk/bench/scope"

mounts()
table = Table("what", "of", "instructions")
for line in run(SCOPE, 1, 10, 100, 1000).splitlines():
    table.row(*json.loads(line))
