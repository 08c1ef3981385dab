#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Section 5.2 of the paper: the costs of making a shadow, of making its pages private, and of
attaching, in instructions and memory. Pages are of 4 KB and, if the machine has them, of 2 MB."""

import json
import pathlib

from lib import Table, mounts, run, stext

PRIVATISE = "/usr/lib/shadowk/bench/privatise"
PAGES = (1, 10, 100, 500, 1000, 2000, 0)        # 0: all pages
THRESHOLD = pathlib.Path("/sys/module/shadowk/parameters/huge_threshold")


mounts()
table = Table("largest", "pages", "step", "instructions", "memory", "huge")
usual = THRESHOLD.read_text()
for largest, threshold in (("4 KB", "0"), ("2 MB", usual)):
    THRESHOLD.write_text(threshold)
    lines = [json.loads(line) for line in run(PRIVATISE, stext(), *PAGES).splitlines()]
    # Without huge pages the second half would repeat the first.
    if largest == "4 KB" or any(huge for *_, huge in lines):
        for line in lines:
            table.row(largest, *line)
