# SPDX-License-Identifier: GPL-2.0-only
"""memcached and lighttpd in a guest, each with a client that loads it when it is asked to, and
verbs of shadowctl that look at them meanwhile.

    mounts()
    pair = start_lighttpd()
    pair.do(100)                    # {"operations": 100, "ns": 123456}
    session = Session("count", "--pid", pair.pid, "tcp_*")
    pair.do(100)
    session.end()                   # the JSON of the verb
    pair.end()"""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

CGROUPS = pathlib.Path("/sys/fs/cgroup")
TRACING = pathlib.Path("/sys/kernel/tracing")
LOAD = "/usr/lib/shadowk/bench/load"
MEMCACHED_PORT, LIGHTTPD_PORT = 11211, 8080
LIGHTTPD_CONF = f"""
server.document-root = "/root/www"
server.port = {LIGHTTPD_PORT}
server.bind = "127.0.0.1"
server.max-keep-alive-requests = 65535
"""


def mounts():
    for kind, path in (("tracefs", TRACING), ("cgroup2", CGROUPS),
                       ("debugfs", "/sys/kernel/debug")):
        if not os.path.ismount(path):
            subprocess.run(["mount", "-t", kind, kind, path], check=True)
    (CGROUPS / "cgroup.subtree_control").write_text("+cpu")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class Pair:
    """A server and its client, with half of the machine's time for the two."""

    def __init__(self, name, server, client):
        self.name = name
        self.group = CGROUPS / name
        self.group.mkdir(exist_ok=True)
        self.server = self.spawn(server)
        time.sleep(1)
        self.client = self.spawn(client, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 text=True)

    def spawn(self, command, **kw):
        group = self.group / "cgroup.procs"
        return subprocess.Popen(
            command, preexec_fn=lambda: group.write_text("0"),
            stderr=open(f"/root/{self.name}.log", "a", encoding="utf-8"), **kw)

    def ask(self, command):
        self.client.stdin.write(command + "\n")
        self.client.stdin.flush()

    def answer(self):
        line = self.client.stdout.readline().split()
        if len(line) != 2:
            log = pathlib.Path(f"/root/{self.name}.log").read_text()
            raise RuntimeError(f"the client of {self.name} is gone: {log}")
        return {"operations": int(line[0]), "ns": int(line[1])}

    @property
    def pid(self):
        return str(self.server.pid)

    def do(self, operations):
        self.ask(f"ops {operations}")
        return self.answer()

    def cost(self, operations=200, times=6):
        """Returns the time of one operation, of all processes that take part: the lowest value.

        First the kernel gets time for work that arming probes has deferred. The measurement is
        short: after a fifth of a second of work without a pause, the scheduler recomputes the
        groups' weights at each switch. This costs one per cent, with and without probes."""
        time.sleep(1)
        self.do(2 * operations)
        return min(r["ns"] / r["operations"] for r in (self.do(operations) for _ in range(times)))

    @contextlib.contextmanager
    def under_load(self):
        """Within this context the client makes operations, with pauses for other processes."""
        over = threading.Event()

        def load():
            while not over.wait(0.02):
                self.do(1)

        thread = threading.Thread(target=load)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def end(self):
        for process in (self.client, self.server):
            process.kill()
            process.wait()


def start_memcached():
    pair = Pair("memcached", ["memcached", "-u", "root", "-t", "1", "-l", "127.0.0.1",
                              "-p", str(MEMCACHED_PORT)],
                [LOAD, "memcached", str(MEMCACHED_PORT)])
    pair.do(50)
    return pair


def start_lighttpd():
    pathlib.Path("/root/www").mkdir(exist_ok=True)
    pathlib.Path("/root/www/page.html").write_text("shadow" * 512, encoding="ascii")
    pathlib.Path("/root/lighttpd.conf").write_text(LIGHTTPD_CONF, encoding="ascii")
    pair = Pair("lighttpd", ["lighttpd", "-D", "-f", "/root/lighttpd.conf"],
                [LOAD, "http", str(LIGHTTPD_PORT), "/page.html"])
    pair.do(50)
    return pair


class Session:
    """A verb of shadowctl, such as top or count, that looks at a process until end().

    Its process is the only one that is inside a shadow."""

    def __init__(self, *command):
        self.verb = subprocess.Popen(["shadowctl", *command, "--json"], text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not self.is_inside():
            if self.verb.poll() is not None:
                raise RuntimeError(f"shadowctl {command[0]}: {self.verb.stderr.read()}")
            time.sleep(0.1)

    @staticmethod
    def is_inside():
        shadows = subprocess.run(["shadowctl", "list", "--json"], check=True, text=True,
                                 stdout=subprocess.PIPE).stdout
        return any(shadow["nr_processes"] for shadow in json.loads(shadows))

    def end(self):
        """Returns what the verb prints at its end."""
        self.verb.send_signal(signal.SIGINT)
        return json.loads(self.verb.communicate()[0])
