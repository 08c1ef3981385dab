#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Figure 4 of the paper: the time in which lighttpd, in another text, serves a file of 217 KB.

A client in the base makes 100 requests, one after the other.

  neither   no other text
  ours      lighttpd is inside a shadow with the given number of private pages
  paper's   bench_remap remaps that number of pages at each context switch"""

import json
import pathlib
import subprocess
import time

from lib import INSIDE, REMAP, Table, load, mounts, privatised, run, say

PAGES = (1, 10, 100, 500, 1000, 2000, 0)        # 0: all pages
REQUESTS, TIMES, PORT = 100, 3, 8080
CONF = f"""
server.document-root = "/root/www"
server.port = {PORT}
server.bind = "127.0.0.1"
server.max-keep-alive-requests = 65535
"""


def serve(measure, *wrapper):
    server = subprocess.Popen([*wrapper, "lighttpd", "-D", "-f", "/root/lighttpd.conf"],
                              stderr=subprocess.DEVNULL)
    time.sleep(1)
    with load("http", PORT, "/file") as ask:
        ask("ops 5")
        measure(server.pid, lambda: min(ask(f"ops {REQUESTS}") for _ in range(TIMES)))
    server.terminate()
    server.wait()


def row(way, pages, least):
    table.row(way, pages, least)
    say(f"{way}, {pages} pages: {least:.0f}")


def ours(pages):
    def measure(pid, least):
        with privatised("bench", pages):
            run("shadowctl", "attach", "bench", "--pid", pid)
            shown = json.loads(run("shadowctl", "show", "bench", "--json"))
            row("ours", shown["private_pages"], least())
            run("shadowctl", "detach", "--pid", pid)
    serve(measure)


def papers(pages):
    run("insmod", REMAP, f"pages={pages or 1 << 20}")
    shown = INSIDE.with_name("pages").read_text().strip()
    serve(lambda _, least: row("paper's", shown, least()),
          "sh", "-c", f'echo 1 >{INSIDE}; exec "$@"', "sh")
    INSIDE.write_text("0")
    run("rmmod", "bench_remap")


mounts()
run("ip", "link", "set", "lo", "up")
www = pathlib.Path("/root/www")
www.mkdir()
(www / "file").write_bytes(bytes(217 * 1024))
pathlib.Path("/root/lighttpd.conf").write_text(CONF)
table = Table("way", "pages", "instructions_per_request")
serve(lambda _, least: row("neither", 0, least()))
for n in PAGES:
    ours(n)
run("rmmod", "shadowk")
for n in PAGES:
    papers(n)
serve(lambda _, least: row("neither", 0, least()))
