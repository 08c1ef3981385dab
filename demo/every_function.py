# SPDX-License-Identifier: GPL-2.0
"""The demo's second part in the guest: all functions that lighttpd calls, while memcached works.

Each way is armed once. Its result says how many functions it probes, how long it takes to arm and to
disarm by the guest's clock, and what an operation of each server costs meanwhile."""

import contextlib
import json
import re
import signal
import subprocess
import threading
import time

from servers import TRACING, Session

# bpftrace gives up at 512 probes or programs by default.
BPFTRACE_PROBES = 500
# Seconds of the guest's clock in which a tracer has to attach its probes.
BPFTRACE_TIMEOUT = 120
COST_OPS = 100
DD = ["dd", "if=/dev/zero", "of=/root/copy", "bs=4k", "count=500", "status=none"]


class Refused(Exception):
    """A tool says that it cannot do it. The text is its reason."""


class Nothing:
    """No probes."""
    name = "no probes"
    functions = None

    def __init__(self, traced, called):
        self.traced, self.called = traced, called

    def arm(self):
        pass

    def disarm(self):
        """Returns the number of functions of which it has shown calls, or None."""


class Bpftrace(Nothing):
    name = "bpftrace kprobe:*, pid filter"

    def probes(self):
        return "kprobe:*"

    def arm(self):
        script = (f'BEGIN {{ printf("ready\\n"); }} '
                  f'{self.probes()} /pid == {self.traced.pid}/ {{ @[func] = count(); }}')
        self.process = subprocess.Popen(["bpftrace", "-e", script], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        timer = threading.Timer(BPFTRACE_TIMEOUT, self.process.kill)
        timer.start()
        try:
            for line in self.process.stdout:
                attaching = re.match(r"Attaching (\d+) probes", line)
                if attaching:
                    self.functions = int(attaching[1]) - 1
                if "ready" in line:
                    return
        finally:
            timer.cancel()
        if self.process.wait() == -signal.SIGKILL:
            raise Refused(f"not armed within {BPFTRACE_TIMEOUT} s")
        said = self.process.stderr.read()
        numbers = re.search(r"(\d+ (?:probes|BPF programs)).* limit of (\d+)", said)
        raise Refused("{}, its limit is {}".format(*numbers.groups()) if numbers else
                      said.strip().split("\n")[0] or "bpftrace has died")

    def disarm(self):
        said = ""
        # bpftrace 0.17 loses a signal that arrives between two of its polls, so repeat it.
        while self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                said = self.process.communicate(timeout=10)[0]
        return len(set(re.findall(r"^@\[(\w+)\]: \d+$", said, re.M)))


class BpftraceMost(Bpftrace):
    name = f"bpftrace, {BPFTRACE_PROBES} functions, pid filter"

    def probes(self):
        return ", ".join(f"kprobe:{f}" for f in self.called[:BPFTRACE_PROBES])


class FunctionTracer(Nothing):
    name = "function tracer, set_ftrace_pid"

    def arm(self):
        with open(TRACING / "available_filter_functions", encoding="ascii") as file:
            self.functions = sum(1 for _ in file)
        (TRACING / "buffer_size_kb").write_text("16384")
        (TRACING / "set_ftrace_pid").write_text(self.traced.pid)
        (TRACING / "current_tracer").write_text("function")

    def disarm(self):
        (TRACING / "current_tracer").write_text("nop")
        (TRACING / "set_ftrace_pid").write_text("\n")


class Top(Nothing):
    name = "shadowctl top --once"
    command = ["top", "--once"]

    def arm(self):
        self.session = Session(*self.command, "--pid", self.traced.pid, "--duration", "100000")

    def disarm(self):
        result = self.session.end()
        self.functions = result["probed"]
        return sum(1 for f in result["functions"] if f["hits"])


class Count(Top):
    name = "shadowctl count 'tcp_*'"
    command = ["count", "tcp_*"]


WAYS = (Nothing, Bpftrace, BpftraceMost, FunctionTracer, Count, Top)
# Without the ways that take longest.
FEW_WAYS = (Nothing, Bpftrace, FunctionTracer, Count)


def measure(way, bystander):
    row = {"way": way.name}
    begun = time.monotonic()
    try:
        way.arm()
    except Refused as e:
        row["refused"] = str(e)
        return row
    armed = time.monotonic()
    row["per_operation"] = {p.name: p.cost(COST_OPS, 3) for p in (bystander, way.traced)}
    ending = time.monotonic()
    row["shown"] = way.disarm()
    row.update(functions=way.functions, arm_s=armed - begun, disarm_s=time.monotonic() - ending)
    return row


def latency():
    """Returns the numbers of one function while a command executes, and the time of all."""
    begun = time.monotonic()
    out = subprocess.run(["shadowctl", "latency", "vfs_write", "--json", "--", *DD], check=True,
                         text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    result = {"seconds": time.monotonic() - begun, **json.loads(out)["functions"][0]}
    begun = time.monotonic()
    subprocess.run(DD, check=True)
    return {"command": " ".join(DD), "seconds_without": time.monotonic() - begun, **result}


def every_function(bystander, traced, called, few, say):
    """@called: the names of functions, from the most called on. Returns rows and other numbers."""
    rows = []
    for way in FEW_WAYS if few else WAYS:
        say(f"every function: {way.name}")
        rows.append(measure(way(traced, called), bystander))
    say("every function: shadowctl latency")
    return {"rows": rows, "latency": latency(),
            "left_out": [way.name for way in WAYS if few and way not in FEW_WAYS]}
