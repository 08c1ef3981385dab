#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: icount timeout=300
# On servers under load, `shadowctl top` lists the functions that the function tracer sees in the
# same process, `shadowctl count` counts them by a pattern, and `shadowctl latency` measures calls of
# a command. Where instructions are the clock, a timer's interrupt hits few requests.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
need_icount

PYTHONPATH=${0%/*}/lib python3 - <<'END'
import collections
import json
import re
import subprocess

from check import finish, is_
from servers import TRACING, Session, mounts, start_lighttpd, start_memcached

REQUESTS = 30
# flags of the context, function, caller
TRACED = re.compile(r"\[\d+\] \S\S(\S)\S\S +[\d.]+: (\S+) <-(\S+)")
# Functions that begin or end an interrupt or a softirq, outside of what the kernel counts as one. They
# execute the base. The last alternative is called only for the tracer's set_ftrace_pid.
EDGES = re.compile(r"(asm_)?sysvec_|__?common_interrupt|(__)?irq_(enter|exit)|"
                   r"handle_softirqs|__do_softirq|__traceiter_")


def run(*args):
    return subprocess.run(["shadowctl", *args], check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def traced(pair):
    """Returns how often the tracer sees each function in process context while the server answers
    REQUESTS.

    The third flag of a line tells the context: "." is the process, all else is asynchronous."""
    instance = TRACING / "instances/everyday"
    instance.mkdir()
    (instance / "set_ftrace_pid").write_text(pair.pid)
    (instance / "buffer_size_kb").write_text("16384")
    (instance / "current_tracer").write_text("function")
    (instance / "trace").write_text("")
    pair.do(REQUESTS)
    (instance / "tracing_on").write_text("0")
    calls = collections.Counter(
        function for context, function, caller in TRACED.findall((instance / "trace").read_text())
        if context == "." and not EDGES.match(function) and not EDGES.match(caller))
    (instance / "current_tracer").write_text("nop")
    instance.rmdir()
    return calls


def hits(text):
    """Returns the hits of each function in the JSON of a verb, without the names of modules."""
    return {f["function"].split(":")[-1]: f["hits"] for f in json.loads(text)["functions"]}


def can_be_probed(functions):
    """Returns those functions that are not refused."""
    run("create", "try")
    lines = subprocess.run(["shadowctl", "probe", "add", "try", *functions, "--dry-run"], text=True,
                           capture_output=True, check=False).stdout
    run("destroy", "try")
    return {line.split(":")[-1] for line in lines.split("\n")} & set(functions)


mounts()
memcached, lighttpd = start_memcached(), start_lighttpd()
with memcached.under_load():
    calls = traced(lighttpd)
    with lighttpd.under_load():
        top = hits(run("top", "--pid", lighttpd.pid, "--once", "--json"))
        count = hits(run("count", "--pid", lighttpd.pid, "tcp_*", "--duration", "2", "--json"))
    # The client makes one request before those that it is asked for.
    session = Session("count", "--pid", lighttpd.pid, "tcp_sendmsg")
    lighttpd.do(REQUESTS)
    messages = session.end()["functions"][0]["hits"]

# What a request calls, it calls in each. Fewer calls may come from a connection's begin, or from an
# accident of the scheduler.
of_requests = {f for f, n in calls.items() if n >= REQUESTS}
is_("over 50 functions of requests are traced", len(of_requests) > 50, True)
missing = [f for f in of_requests if not top.get(f)]
if missing:
    is_("functions that top does not list", sorted(can_be_probed(missing)), [])
not_tcp = [f for f in count if not f.startswith("tcp_")]
is_("functions counted that do not match the pattern", not_tcp, [])
is_("functions of TCP that count does not list",
    sorted(f for f in of_requests if f.startswith("tcp_") and f in top and not count.get(f)), [])
is_("messages of lighttpd, beside those of memcached and of clients", messages, REQUESTS + 1)

latency = json.loads(run("latency", "vfs_write", "--json", "--", "dd", "if=/dev/zero",
                         "of=/root/copy", "bs=4k", "count=500", "status=none"))["functions"][0]
is_("calls that are measured", (latency["function"], latency["count"], latency["missed"]),
    ("vfs_write", 500, 0))
is_("mean, median and 99 %",
    0 < latency["mean"] < latency["max_below"] and
    0 < latency["p50_below"] <= latency["p99_below"] <= latency["max_below"], True)
for pair in (memcached, lighttpd):
    pair.end()
finish()
END
status=$?
is "shadows left" "$(shadowctl list --json | tr -d "\n")" "[]"
[ $status = 0 ] && [ $failures = 0 ]
