#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The cost of a request to lighttpd outside, inside a shadow without edits, and inside 'trusted'.

Each run outside is followed by one inside, and their ratio is the result."""

import pathlib
import subprocess
import time

from lib import Table, inside, load, mounts, run

REQUESTS, TIMES, PAIRS, PORT = 100, 3, 3, 8080
SIZES = (1, 16, 217)        # KB
CONF = f"""
server.document-root = "/root/www"
server.port = {PORT}
server.bind = "127.0.0.1"
server.max-keep-alive-requests = 65535
"""


def serve(*wrapper):
    """Returns the instructions of a request for each size: the lowest value."""
    server = subprocess.Popen([*wrapper, "lighttpd", "-D", "-f", "/root/lighttpd.conf"],
                              stderr=subprocess.DEVNULL)
    time.sleep(1)
    least = []
    for size in SIZES:
        with load("http", PORT, f"/{size}") as ask:
            ask("ops 5")
            least.append(min(ask(f"ops {REQUESTS}") for _ in range(TIMES)))
    server.terminate()
    server.wait()
    return least


mounts()
run("ip", "link", "set", "lo", "up")
www = pathlib.Path("/root/www")
www.mkdir()
for kb in SIZES:
    (www / str(kb)).write_bytes(bytes(kb * 1024))
pathlib.Path("/root/lighttpd.conf").write_text(CONF)
run("shadowctl", "create", "equal")
run("shadowctl", "create", "trusted", "--profile", "trusted")
table = Table("pair", "where", "kb", "outside", "inside", "ratio")
for pair in range(PAIRS):
    for where in ("equal", "trusted"):
        for kb, base, text in zip(SIZES, serve(), serve(*inside(where))):
            table.row(pair, where, kb, base, text, text / base)
