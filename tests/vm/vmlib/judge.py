# SPDX-License-Identifier: GPL-2.0
"""The kernel log as a second judge: lines that mean that the kernel has a fault."""

import re

BAD = re.compile("|".join((
    r"\bWARNING:", r"\bBUG:", r"\bBUG at\b", r"\bOops\b", r"general protection fault",
    r"Unable to handle kernel", r"\bKASAN\b", r"\bKFENCE\b", r"\bUBSAN\b", r"\bKCSAN\b",
    r"possible circular locking", r"possible recursive locking", r"inconsistent lock state",
    r"possible irq lock inversion", r"suspicious RCU usage", r"sleeping function called",
    r"bad unlock balance", r"held lock freed", r"lock held when returning",
    r"DEBUG_LOCKS_WARN_ON", r"non-static key", r"locking correctness validator", r"kmemleak: \d+ new suspected", r"Call Trace:",
    r"rcu: INFO: .*stall", r"soft lockup", r"hard LOCKUP", r"hung task",
    r"blocked for more than \d+ seconds", r"Kernel panic", r"shadowk: .*WARN",
    r"\bOut of memory: Killed",
    r"Bad page state", r"refcount_t:", r"list_(add|del) corruption",
)))
# Lines that match one of these patterns are no fault. They tell how the kernel is built, or report
# a race of which neither side is in shadowk. Or they tell that a program crashed, whose name may be
# anything (show_signal(), show_signal_msg()).
FINE = re.compile("|".join((
    r"\btraps: .{1,15}\[\d+\] (?:trap )?[\w ]+ ip:[0-9a-f]+ sp:[0-9a-f]+ error:",
    r"(?:^|[] ;]).{1,15}\[\d+\]: segfault at [0-9a-f]+ ip [0-9a-f]+ sp [0-9a-f]+ error",
    r"RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable",
    r"Speculative Return Stack Overflow: WARNING: See",
    r"BUG: KCSAN: [\w-]+ in (?!.*\[shadowk\])",
    r"KFENCE: initiali[sz]ed", r"kfence: initiali[sz]ed", r"KernelAddressSanitizer initialized",
)), re.I)
# A failed allocation and the OOM killer print a trace, which ends with TRACE_END. The caller that
# failed, or the parent of the killed program, reports whether that is a fault. A machine without
# memory is a fault in any case: see BAD.
DENIED = (r"page allocation failure|vmalloc error|percpu: allocation failed|"
          r"invoked oom-killer")
TRACE_END = r"</TASK>"
BEFORE, AFTER, MOST = 3, 40, 200


def environment():
    """Returns the patterns as environment variables, for tests/vm/guest/many."""
    return [f"BAD={BAD.pattern}", f"FINE={FINE.pattern}", f"DENIED={DENIED}",
            f"TRACE_END={TRACE_END}"]


def bad_lines(log):
    """Returns the lines that show a fault, with lines around them, or none."""
    lines = log.splitlines()
    wanted, denied = set(), False
    for at, line in enumerate(lines):
        denied |= bool(re.search(DENIED, line))
        if denied:
            denied = not re.search(TRACE_END, line)
        elif BAD.search(line) and not FINE.search(line):
            wanted.update(range(max(0, at - BEFORE), min(len(lines), at + AFTER)))
    shown, last = [], None
    for at in sorted(wanted)[:MOST]:
        if last is not None and at != last + 1:
            shown.append("...")
        shown.append(lines[at])
        last = at
    return shown
