#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Figure 3 of the paper: switch to a text with private pages, call socket(), switch back.

Two processes pass a byte to and fro. The one in the other text calls socket() and close() in
between.

  neither   no other text
  ours      that process is inside a shadow with the given number of private pages
  paper's   bench_remap remaps that number of pages at each context switch

The guest's clock decides whether instructions or time are measured. Under Xen hypercalls are
counted, too, if instructions are."""

import json
import os
import pathlib

from lib import INSIDE, REMAP, Counter, Table, hypercalls, mounts, privatised, run, say

PAGES = (1, 10, 100, 500, 1000, 0)      # 0: all pages
N = 10


def partner(counter):
    counter.ticks(1)        # the partner exists afterwards
    pid = counter.process.pid
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]


def measure(way, pages, counter):
    least, *_, most = ticks = counter.ticks(repeats)
    calls = hypercalls(counter) if with_hypercalls else ("", "")
    table.row(way, pages, least / N, ticks[len(ticks) // 2] / N, most / N, *calls)
    say(f"{way}, {pages} pages: {least / N:.0f}")


def neither():
    with Counter("socket", N) as counter:
        measure("neither", 0, counter)


def ours(pages):
    with privatised("bench", pages), Counter("socket", N) as counter:
        run("shadowctl", "attach", "bench", "--pid", partner(counter))
        shown = json.loads(run("shadowctl", "show", "bench", "--json"))
        measure("ours", shown["private_pages"], counter)


def papers(pages):
    run("insmod", REMAP, f"pages={pages or 1 << 20}")
    shown = INSIDE.with_name("pages").read_text().strip()
    with Counter("socket", N, enter=INSIDE) as counter:
        measure("paper's", shown, counter)
    run("rmmod", "bench_remap")


mounts()
counting = os.environ["SHADOWK_VM"] == "icount"
with_hypercalls = counting and os.path.exists("/sys/hypervisor/guest_type")
repeats = 15 if counting else 150
if not counting:
    os.environ["BENCH_NS"] = "1"
pathlib.Path("/proc/sys/kernel/sched_rt_runtime_us").write_text("-1")
table = Table("way", "pages", "least", "median", "most", "hypercalls", "operations")
neither()
for n in PAGES:
    ours(n)
run("rmmod", "shadowk")
for n in PAGES:
    papers(n)
neither()
