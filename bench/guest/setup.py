#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The costs of setting up: instructions and memory, with 1 to 1,000 shadows and processes.

Instructions are those of the calling process, in the kernel. "until done" also has the work of
other kernel threads meanwhile, and idle time."""

import json

from lib import Table, mounts, run, say

SETUP = "/usr/lib/shadowk/bench/setup"


def main():
    mounts()
    table = Table("step", "shadows", "processes", "instructions", "until_done", "bytes")
    for shadows, processes in ((1, 1), (10, 10), (100, 100), (1000, 1000), (1, 1000),
                               (1000, 1)):
        say(f"{shadows} shadows, {processes} processes")
        for line in run(SETUP, shadows, processes).splitlines():
            step, busy, elapsed, memory = json.loads(line)
            table.row(step, shadows, processes, busy, elapsed, memory)


main()
