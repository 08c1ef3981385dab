#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Prints the two screens of README.md, in a guest: lighttpd serves ab, and is looked at.

    tests/vm/run --copy demo/screens.py -- python3 screens.py"""
import pathlib
import shlex
import subprocess
import sys
import time

sys.path.append("/usr/lib/shadowk/tests/lib")
from terminal import Terminal

CONF = """
server.document-root = "/root/www"
server.port = 8080
server.bind = "127.0.0.1"
"""
COLUMNS = 80


def serve():
    pathlib.Path("/root/www").mkdir(exist_ok=True)
    pathlib.Path("/root/www/page.html").write_text("shadow" * 512, encoding="ascii")
    pathlib.Path("/root/lighttpd.conf").write_text(CONF, encoding="ascii")
    server = subprocess.Popen(["lighttpd", "-D", "-f", "/root/lighttpd.conf"])
    time.sleep(2)
    load = subprocess.Popen(
        ["ab", "-k", "-q", "-t", "600", "-n", "10000000", "http://127.0.0.1:8080/page.html"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return server, load


def screen_of_top(pid):
    top = Terminal(["shadowctl", "top", "--pid", str(pid), "--latency", "tcp_sendmsg", "--latency",
                    "tcp_recvmsg", "--interval", "5"], lines=11, columns=COLUMNS)
    top.until("Sorted by", 120)
    top.type("/tcp_\n", "a")
    top.until(r"Sorted by mean.*\n.*\n.*\n.*[1-9]\.[0-9].* < \d+ ", 30)
    top.read(6)
    screen = top.text()
    top.type("q")
    top.wait()
    return screen


def main():
    server, load = serve()
    print(f"shadowctl top --pid {server.pid} --latency tcp_sendmsg --latency tcp_recvmsg\n")
    print(screen_of_top(server.pid))
    command = ["shadowctl", "trace", "--pid", str(server.pid), "--duration", "1",
               "tcp_sendmsg(size > 1000) > 0"]
    print("\n" + shlex.join(command) + "\n", flush=True)
    traced = subprocess.run(command, capture_output=True, text=True, check=True)
    print("\n".join(traced.stdout.split("\n")[:3]))
    load.kill()
    server.kill()


if __name__ == "__main__":
    main()
