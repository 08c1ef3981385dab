#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: icount timeout=300
# While `shadowctl top` probes every function of the kernel for lighttpd, memcached beside it executes
# as many instructions for an operation as without probes.
# shellcheck source=tests/guest/lib/check.sh
. "${0%/*}/lib/check.sh"
need_icount
PYTHONPATH=${0%/*}/lib python3 - <<'END'
from check import finish, is_
from servers import TRACING, Session, mounts, start_lighttpd, start_memcached

MOST = 0.005        # more instructions of an operation that the measurement may add by itself
REQUESTS = 20


def more():
    """Returns how much more an operation of memcached costs than without probes."""
    return memcached.cost() / without - 1


mounts()
memcached, lighttpd = start_memcached(), start_lighttpd()
without = memcached.cost()

top = Session("top", "--pid", lighttpd.pid, "--once", "--duration", "100000")
beside = more()
lighttpd.do(REQUESTS)
after_requests = more()
result = top.end()
hits = {f["function"]: f["hits"] for f in result["functions"]}
is_("over 30000 functions are probed", result["probed"] > 30000, True)
is_("each request of lighttpd is counted", hits.get("tcp_sendmsg", 0) >= REQUESTS, True)
for when, measured in (("beside top", beside), ("after requests", after_requests)):
    if abs(measured) > MOST:
        is_(f"an operation of memcached, {when}, in instructions", f"{100 * measured:+.2f} %",
            f"within {100 * MOST} %")

# The measurement works: what is armed for all processes costs memcached more than that.
(TRACING / "set_ftrace_pid").write_text(lighttpd.pid)
(TRACING / "set_ftrace_filter").write_text("tcp_*")
(TRACING / "current_tracer").write_text("function")
armed_for_all = more()
(TRACING / "current_tracer").write_text("nop")
(TRACING / "set_ftrace_filter").write_text("\n")
(TRACING / "set_ftrace_pid").write_text("\n")
is_("the function tracer for lighttpd costs memcached more", armed_for_all > MOST, True)
for pair in (memcached, lighttpd):
    pair.end()
finish()
END
