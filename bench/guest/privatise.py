#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Section 5.2 of the paper: what it costs to make a shadow, to make its pages private, and to
attach, in instructions and in memory, with pages of 4 KB and, where there are such, of 2 MB."""

import json
import pathlib

from lib import Table, mounts, run, stext

PRIVATISE = "/usr/lib/shadowk/bench/privatise"
PAGES = (1, 10, 100, 500, 1000, 2000, 0)        # 0: all
THRESHOLD = pathlib.Path("/sys/module/shadowk/parameters/huge_threshold")


mounts()
table = Table("largest", "pages", "step", "instructions", "memory", "huge")
usual = THRESHOLD.read_text()
for largest, threshold in (("4 KB", "0"), ("2 MB", usual)):
    THRESHOLD.write_text(threshold)
    lines = [json.loads(line) for line in run(PRIVATISE, stext(), *PAGES).splitlines()]
    # The machine may have no others.
    if largest == "4 KB" or any(huge for *_, huge in lines):
        for line in lines:
            table.row(largest, *line)
