#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The demo's part in the guest: two servers, their load, and four ways to trace one of them.

Prints its progress on standard error, and all measurements as JSON."""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.append("/usr/lib/shadowk/tests/lib")
from every_function import every_function  # noqa: E402
from servers import TRACING, mounts, start_lighttpd, start_memcached  # noqa: E402

SHADOW = "lighttpd"
# Operations of each server that the function tracer sees, to choose the functions.
SAMPLE_OPS = 25


def say(text):
    print(f"demo: {text}", file=sys.stderr, flush=True)


def run(*args, check=True):
    done = subprocess.run([str(a) for a in args], check=False, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, args))}: {done.stderr.strip()}")
    return done


def write(path, text):
    """Writes by one call and without a seek, which some files of tracefs refuse."""
    fd = os.open(path, os.O_WRONLY | (os.O_APPEND if text else os.O_TRUNC))
    try:
        os.write(fd, text.encode() or b"\n")
    finally:
        os.close(fd)


# --- choice of functions -------------------------------------------------------------

def calls(pairs):
    """Returns how often each kernel function is called while both serve, by the function tracer."""
    write(TRACING / "set_ftrace_pid", "\n")
    for pair in pairs:
        for task in os.listdir(f"/proc/{pair.server.pid}/task"):
            write(TRACING / "set_ftrace_pid", task)
    (TRACING / "buffer_size_kb").write_text("16384")
    (TRACING / "tracing_on").write_text("0")
    (TRACING / "current_tracer").write_text("function")
    (TRACING / "trace").write_text("")
    (TRACING / "tracing_on").write_text("1")
    for pair in pairs:
        pair.ask(f"ops {SAMPLE_OPS}")
    for pair in pairs:
        pair.answer()
    (TRACING / "tracing_on").write_text("0")
    called = collections.Counter()
    with open(TRACING / "trace", encoding="ascii") as trace:
        for line in trace:
            at = line.rfind(" <-")
            if at > 0:
                called[line[line.rfind(" ", 0, at) + 1:at]] += 1
    (TRACING / "current_tracer").write_text("nop")
    write(TRACING / "set_ftrace_pid", "")
    (TRACING / "trace").write_text("")
    (TRACING / "tracing_on").write_text("1")
    return called


def kernel_probes_it(function):
    try:
        write(TRACING / "kprobe_events", f"p:demo/try {function}")
    except OSError:
        return False
    try:
        (TRACING / "events/demo/try/enable").write_text("1")
        return True
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            (TRACING / "events/demo/try/enable").write_text("0")
        write(TRACING / "kprobe_events", "-:demo/try")


def choose(called, wanted):
    """Returns the most called functions that all ways can probe, and those that were skipped."""
    chosen, refused = [], []
    run("shadowctl", "create", "try")
    for function, times in called.most_common():
        if len(chosen) == wanted:
            break
        ours = run("shadowctl", "probe", "add", "try", function, check=False)
        kernels = kernel_probes_it(function)
        if ours.returncode == 0 and kernels:
            chosen.append({"function": function, "calls": times})
        else:
            refused.append({"function": function, "calls": times, "kprobes": kernels,
                            "shadow": ours.returncode == 0})
    run("shadowctl", "destroy", "try")
    return chosen, refused


# --- four ways -----------------------------------------------------------------------

class Nothing:
    """No probes."""
    name = "no probes"

    def __init__(self, functions, pid):
        self.functions, self.pid = functions, pid

    def arm(self):
        pass

    def disarm(self):
        pass

    def counting(self, wanted):
        """Switches the counting of hits on or off, if it has a cost."""

    def hits(self):
        """Returns the number of all hits, and of those that are reported as lighttpd's."""
        return 0, 0


class KprobeEvents(Nothing):
    name = "kprobe events, pid filter"

    def arm(self):
        for n, function in enumerate(self.functions):
            write(TRACING / "kprobe_events", f"p:demo/p{n} {function}")
        (TRACING / "events/demo/filter").write_text(f"common_pid == {self.pid}")
        (TRACING / "events/demo/enable").write_text("1")

    def disarm(self):
        (TRACING / "events/demo/enable").write_text("0")
        write(TRACING / "kprobe_events", "")
        (TRACING / "trace").write_text("")

    def hits(self):
        profile = (TRACING / "kprobe_profile").read_text().split("\n")
        total = sum(int(line.split()[1]) for line in profile if line.strip())
        return total, recorded()


def recorded():
    """Returns how many records went to the ring buffer, including overwritten and dropped ones."""
    total = 0
    for stats in TRACING.glob("per_cpu/cpu*/stats"):
        fields = dict(re.findall(r"^([\w ]+): (\d+)$", stats.read_text(), re.M))
        total += sum(int(fields[f]) for f in ("entries", "overrun", "dropped events"))
    return total


class Bpftrace(Nothing):
    name = "bpftrace, pid filter"

    def arm(self):
        probes = ", ".join(f"kprobe:{f}" for f in self.functions)
        script = (f'BEGIN {{ @end = 1; printf("ready\\n"); }} '
                  f'{probes} /pid == {self.pid}/ {{ @hits = count(); }}')
        self.process = subprocess.Popen(["bpftrace", "-e", script], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for line in self.process.stdout:
            if "ready" in line:
                return
        raise RuntimeError("bpftrace gave up")

    def disarm(self):
        # bpftrace 0.17 loses a signal that arrives between two of its polls, so repeat it.
        while self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.communicate(timeout=10)
        self.counting(False)

    def counting(self, wanted):
        # With this on, the kernel counts the runs of each program.
        pathlib.Path("/proc/sys/kernel/bpf_stats_enabled").write_text(str(int(wanted)))

    def hits(self):
        programs = {}
        for info in pathlib.Path(f"/proc/{self.process.pid}/fdinfo").iterdir():
            fields = dict(re.findall(r"^(\w+):\s*(\S+)$", info.read_text(), re.M))
            if "run_cnt" in fields:
                programs[fields["prog_id"]] = int(fields["run_cnt"])
        # This signal makes bpftrace print its maps.
        self.process.send_signal(signal.SIGUSR1)
        seen = {}
        while not {"@hits", "@end"} <= seen.keys():
            name, _, value = self.process.stdout.readline().partition(":")
            if not name:
                raise RuntimeError("bpftrace is gone")
            if value:
                seen[name] = int(value)
        return sum(programs.values()), seen["@hits"]


class Shadow(Nothing):
    name = "in lighttpd's shadow"
    kind = "count"

    def arm(self):
        run("shadowctl", "create", SHADOW)
        for function in self.functions:
            run("shadowctl", "probe", "add", SHADOW, function, "--kind", self.kind)
        run("shadowctl", "attach", SHADOW, "--pid", self.pid)

    def disarm(self):
        run("shadowctl", "detach", "--pid", self.pid)
        run("shadowctl", "destroy", SHADOW)

    def hits(self):
        probes = json.loads(run("shadowctl", "probe", "list", SHADOW, "--json").stdout)
        total = sum(p["hits"] + p["async_hits"] for p in probes)
        return total, total


class ShadowEvents(Shadow):
    name = "in lighttpd's shadow, events"
    kind = "event"
    enable = TRACING / "events/shadowk/shadowk_probe/enable"

    def arm(self):
        super().arm()
        self.enable.write_text("1")

    def disarm(self):
        self.enable.write_text("0")
        super().disarm()
        (TRACING / "trace").write_text("")


WAYS = (Nothing, KprobeEvents, Bpftrace, Shadow, ShadowEvents)


def measure(way, bystander, traced, cfg):
    """Measures one way once: each server alone, both together, and then the hits."""
    way.arm()
    try:
        result = {"alone": {}, "together": {}}
        # Let the kernel do work that arming, or the previous way, has deferred.
        time.sleep(1)
        for pair in (bystander, traced):
            pair.do(2 * cfg.operations)
            result["alone"][pair.name] = [pair.do(cfg.operations) for _ in range(3)]
        for pair in (bystander, traced):
            pair.ask(f"ns {cfg.together_ms * 1000000}")
        for pair in (bystander, traced):
            result["together"][pair.name] = pair.answer()

        way.counting(True)
        for pair in (bystander, traced):        # warms up, and makes bpftrace's map exist
            pair.do(5)
        before = way.hits()
        bystander.do(cfg.operations)
        between = way.hits()
        for pair in (bystander, traced):
            pair.ask(f"ops {cfg.operations}")
        for pair in (bystander, traced):
            pair.answer()
        after = way.hits()
        result["hits"] = {
            "operations_of_each": cfg.operations,
            "all": after[0] - between[0],
            "reported": after[1] - between[1],
            "while_only_memcached_works": between[0] - before[0],
            "reported_then": between[1] - before[1],
        }
        return result
    finally:
        way.disarm()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--probes", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--operations", type=int, default=300)
    parser.add_argument("--together-ms", type=int, default=400)
    parser.add_argument("--few-ways", action="store_true")
    cfg = parser.parse_args()
    mounts()
    bystander, traced = start_memcached(), start_lighttpd()
    say("memcached and lighttpd serve")
    called = calls((bystander, traced))
    chosen, refused = choose(called, cfg.probes)
    functions = [c["function"] for c in chosen]
    say(f"the function tracer saw {sum(called.values())} calls of {len(called)} functions;"
        f" most called of those that can be probed: {' '.join(functions)}")
    ways = [way(functions, traced.server.pid) for way in WAYS]
    rounds = []
    for n in range(cfg.rounds):
        result = {}
        # Each round has another order, so that no way always follows the same one.
        order = ways[n % len(ways):] + ways[:n % len(ways)]
        for way in order[::-1] if n % 2 else order:
            say(f"round {n + 1} of {cfg.rounds}: {way.name}")
            result[way.name] = measure(way, bystander, traced, cfg)
        rounds.append(result)
    # A kprobe at a function that is refused would end bpftrace.
    refused_names = {r["function"] for r in refused}
    every = every_function(bystander, traced, [f for f, _ in called.most_common()
                                               if f not in refused_names], cfg.few_ways, say)
    json.dump({
        "kernel": os.uname().release,
        "functions": chosen,
        "refused": refused,
        "calls_traced": sum(called.values()),
        "functions_traced": len(called),
        "operations_alone": cfg.operations,
        "ns_together": cfg.together_ms * 1000000,
        "ways": [way.name for way in ways],
        "rounds": rounds,
        "every_function": every,
    }, sys.stdout)
    for pair in (bystander, traced):
        pair.end()


if __name__ == "__main__":
    main()
