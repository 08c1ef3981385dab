# SPDX-License-Identifier: GPL-2.0
"""The tools, and what is expected of each under `shadowctl capture`.

| result | meaning |
| --- | --- |
| equal | the tool reports the same as globally with its filter, or exactly the target's operations |
| refused | the tool arms in a way that is refused; it reports nothing |
| not scoped | the tool arms nothing that is captured, and acts as without capture |
| differs | it is captured, and reports something else: .note has the reason |
| no reference | the tool reports nothing on this kernel, with and without capture |"""

import dataclasses
import re
import typing

N = 20


def lines(pattern="{name}"):
    """Counts the lines that match. {name} and {pid} are those of a workload."""
    def get(text, name, pid):
        found = re.compile(pattern.format(name=re.escape(name), pid=pid))
        return sum(bool(found.search(line)) for line in text.splitlines())
    return get


def total(pattern):
    """Adds the numbers that match group 1. {name} and {pid} are those of a workload."""
    def get(text, name, pid):
        return sum(map(int, re.findall(pattern.format(name=re.escape(name), pid=pid), text, re.M)))
    return get


def histogram():
    """Adds the counts of a histogram of bcc or bpftrace."""
    return total(r"^(?:\s*\d+ -> \d+\s*:|[\[(][^|]*[)\]])\s*(\d+)\s*\|")


@dataclasses.dataclass
class Row:
    name: str
    command: str            # {filter} and {pid} are replaced
    operation: str          # of workload.py
    get: typing.Callable = lines()
    filter: str = ""        # in the global run
    wanted: int = None      # default: what the global run reports
    expect: str = "equal"   # "A|B": either; or a dictionary by kernel, such as "6.12", "": others
    note: str = ""
    policy: str = ""        # --async of the target
    base: tuple = ()        # what is armed in the base all the same
    report: str = ""        # a command whose output is added to the tool's
    before: tuple = ()
    after: tuple = ()

    @property
    def filtered(self):
        """True if the global run reports the target only."""
        return bool(self.filter) or self.names_tasks

    @property
    def names_tasks(self):
        return getattr(self.get, "__qualname__", "").startswith("lines")

    def expected(self, release):
        if isinstance(self.expect, str):
            return self.expect
        return self.expect.get(".".join(release.split(".")[:2]), self.expect.get(""))


P = "-p {pid}"
NOT_6_12 = {"6.12": "no reference", "": "equal"}
SOFTIRQS = "softirqs execute the base, and some run on other tasks"
# tracefs notes the names of tasks while an event is on: docs/capture.md, Limits
NAMES_OF_TASKS = ("tracepoint:sched_switch", "tracepoint:sched_wakeup", "tracepoint:sched_wakeup_new")
ALL = [
    # bpftrace's own scripts
    Row("opensnoop.bt", "opensnoop.bt", "open", expect="refused"),
    Row("syncsnoop.bt", "syncsnoop.bt", "fsync", expect="refused"),
    Row("dcsnoop.bt", "dcsnoop.bt", "missing"),

    # libbpf-tools
    Row("opensnoop", "opensnoop {filter}", "open", filter=P, expect="refused"),
    Row("execsnoop", "execsnoop", "execute", expect="refused"),
    Row("mountsnoop", "mountsnoop {filter}", "mount", filter=P, expect="refused"),
    Row("syscount", "syscount {filter}", "open", total(r"^openat\s+(\d+)"), filter=P,
        expect="refused"),
    Row("killsnoop", "sigsnoop -k {filter}", "kill", filter=P, expect="refused"),
    Row("sigsnoop", "sigsnoop {filter}", "kill", filter=P),
    Row("vfsstat", "vfsstat 1", "write", total(r"^\d\d:.*:\s+\d+\s+(\d+)"), wanted=N + 1),
    Row("filetop", "filetop -C -a {filter} 2", "write", total(r"^\d+\s+{name}\s+\d+\s+(\d+)"),
        filter=P),
    Row("filelife", "filelife {filter}", "unlink", filter=P, expect=NOT_6_12),
    Row("bindsnoop", "bindsnoop {filter}", "bind", filter=P, expect=NOT_6_12),
    Row("solisten", "solisten {filter}", "listen", filter=P),
    Row("tcpconnect", "tcpconnect {filter}", "connect", filter=P),
    Row("tcptracer", "tcptracer {filter}", "connect", filter=P),
    Row("tcpconnlat", "tcpconnlat {filter}", "connect", filter=P, expect="equal|differs",
        note=SOFTIRQS),
    Row("tcpstates", "tcpstates", "connect", expect="differs", note=SOFTIRQS),
    Row("tcplife", "tcplife {filter}", "connect", filter=P, expect="differs", note=SOFTIRQS),
    Row("tcplife, inherit", "tcplife {filter}", "connect", filter=P, policy="inherit",
        expect="equal|differs", note=SOFTIRQS),
    Row("tcprtt", "tcprtt -i 1000", "connect", histogram(), expect="differs", note=SOFTIRQS),
    Row("funclatency", "funclatency {filter} vfs_write", "write", histogram(), filter=P),
    Row("exitsnoop", "exitsnoop", "execute", expect="differs",
        note="the kernel calls sched_process_exit behind exit_mm(), in the base"),
    Row("capable", "capable {filter}", "mount", filter=P),
    Row("ext4slower", "ext4slower -m 0 {filter}", "fsync", filter=P),
    Row("ext4dist", "ext4dist {filter}", "fsync", histogram(), filter=P),
    Row("slabratetop", "slabratetop -C {filter} 2", "open", total(r"^filp\s+(\d+)"), filter=P,
        expect=NOT_6_12),
    Row("runqlat", "runqlat {filter}", "sleep", histogram(), filter=P, expect="differs"),
    Row("offcputime", "offcputime {filter}", "sleep", lines(), filter=P, expect="differs"),
    Row("cpudist", "cpudist {filter}", "sleep", histogram(), filter=P,
        expect="differs|no reference"),
    Row("biolatency", "biolatency", "fsync", histogram(), expect="differs"),
    Row("bitesize", "bitesize", "fsync", histogram(), expect="differs"),

    # perf and trace-cmd
    Row("perf trace", "perf trace -e openat {filter}", "open", lines(r"openat\("), filter=P,
        expect="refused",
        report="cat err"),
    Row("perf stat -e probe:", "perf stat -x, -o stat -e probe:shk_write {filter}", "write",
        total(r"^(\d+),,probe:shk_write"), filter=P, report="cat stat",
        before=("perf probe -q shk_write=vfs_write",), after=("perf probe -q -d probe:shk_write",)),
    Row("perf record -e probe:", "perf record -q -o data -e probe:shk_write {filter}", "write",
        lines("{name}.*shk_write"), filter=P, report="perf script -i data",
        before=("perf probe -q shk_write=vfs_write",), after=("perf probe -q -d probe:shk_write",)),
    Row("perf stat -e signal:", "perf stat -x, -o stat -e signal:signal_generate {filter}", "kill",
        total(r"^(\d+),,signal:"), filter=P, report="cat stat"),
    Row("perf record -e sched:", "perf record -q -o data -e sched:sched_process_exec -a", "execute",
        lines("kid_{name}.*sched_process_exec"), report="perf script -i data"),
    Row("perf record, cpu-clock", "perf record -q -o data -e cpu-clock -a", "compute",
        lines("{name}.*cpu-clock"), report="perf script -i data", expect="not scoped"),
    Row("trace-cmd record", "trace-cmd record -q -o data -e signal:signal_generate {filter}",
        "kill",
        lines("{name}.*signal_generate"), filter="-P {pid}", report="trace-cmd report -i data",
        base=NAMES_OF_TASKS),
    Row("trace-cmd, function", "trace-cmd record -q -o data -p function -l vfs_write {filter}",
        "write",
        lines("{name}.*vfs_write"), filter="-P {pid}", report="trace-cmd report -i data",
        expect="refused"),
]


def group(row):
    """Returns the package that a tool is of, in short."""
    first = row.command.split()[0]
    return "bpftrace" if first.endswith(".bt") else first if first in ("perf", "trace-cmd") else "libbpf"


def rows(names):
    """Returns the rows with these names, or of these groups, or all."""
    return [row for row in ALL if not names or {row.name, group(row)} & set(names)]
