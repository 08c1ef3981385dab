#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Runs the tools of table.py in a guest: measure.py [TOOL...].

Each tool runs twice while a process performs N operations. A bystander performs the same operations
all the time. First the tool acts on the whole machine, with its own pid filter if it has one. Then
`shadowctl capture` runs it, without a filter, and the base is checked meanwhile: its ftrace sites,
kprobes, keys of tracepoints, and the text where the target has probes.

Prints a line for each tool, and fails if a result is not the one that table.py has."""

import contextlib
import json
import os
import pathlib
import re
import shlex
import signal
import struct
import subprocess
import sys
import time

import table

HERE = pathlib.Path(__file__).resolve().parent
TRACING = pathlib.Path("/sys/kernel/tracing")
PROBES = pathlib.Path("/sys/kernel/debug/kprobes/list")
WORK = pathlib.Path("/var/tools")      # on ext4
INSIDE, OUTSIDE = "work_in", "work_out"
SAMPLES, PAUSE = 8, 0.1     # of a tool that waits
TICKS = 15                  # of 10 ms: what such a tool may execute meanwhile
PATIENCE = 180              # seconds for a tool to compile its program and to arm


class Base:
    """What tools change for the whole machine: ftrace sites, kprobes, tracepoints and text."""

    def __init__(self):
        lines = [line.split() for line in pathlib.Path("/proc/kallsyms").read_text().splitlines()]
        self.symbols = {words[2]: int(words[0], 16) for words in lines if len(words) == 3}
        self.keys = {name.removeprefix("__tracepoint_"): addr for name, addr in self.symbols.items()
                     if name.startswith("__tracepoint_")}
        self.kcore = open("/proc/kcore", "rb", buffering=0)
        self.segments = list(self.read_segments())
        self.start = self.symbols["_stext"]
        self.text = self.read(self.start, self.symbols["_etext"] - self.start)

    def read_segments(self):
        """Yields (address, size, offset) of each segment of the ELF file /proc/kcore."""
        header = self.kcore.read(64)
        offset, = struct.unpack_from("<Q", header, 32)
        size, number = struct.unpack_from("<HH", header, 54)
        self.kcore.seek(offset)
        headers = self.kcore.read(size * number)
        for i in range(number):
            kind, _, at, address, _, length = struct.unpack_from("<IIQQQQ", headers, i * size)
            if kind == 1:
                yield address, length, at

    def read(self, address, length):
        for start, size, offset in self.segments:
            if start <= address and address + length <= start + size:
                return os.pread(self.kcore.fileno(), length, offset + address - start)
        raise RuntimeError(f"/proc/kcore lacks {address:#x}")

    def key(self, address):
        """Returns the count of a tracepoint's static key, which is its second member."""
        return struct.unpack("<i", self.read(address + 8, 4))[0]

    def armed(self):
        """Returns the names of all that is armed for the whole machine."""
        sites = {"ftrace:" + line.split()[0]
                 for line in (TRACING / "enabled_functions").read_text().splitlines() if line[:1].strip()}
        probes = {"kprobe:" + line.split()[2] for line in PROBES.read_text().splitlines()
                  if "DISABLED" not in line}
        keys = {"tracepoint:" + name for name, addr in self.keys.items() if self.key(addr) > 0}
        return sites | probes | keys

    def changed(self, places):
        """Returns the functions of PLACES whose first 16 bytes, or those of the probe, differ from
        the text at the start."""
        for place in places:
            if "function" not in place or place["function"] not in self.symbols:
                continue
            for at in (0, place["offset"]):
                address = self.symbols[place["function"]] + at
                was = self.text[address - self.start:][:16]
                if len(was) == 16 and self.read(address, 16) != was:
                    yield "text:" + place["function"]


class Actor:
    """A workload.py."""

    def __init__(self, name):
        self.process = subprocess.Popen([sys.executable, HERE / "workload.py", name, WORK / name],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.expect("ready")

    def expect(self, word):
        said = self.process.stdout.readline().strip()
        if said != word:
            raise RuntimeError(f"a workload says '{said}'")

    def say(self, operation, count):
        self.process.stdin.write(f"{operation} {count}\n")
        self.process.stdin.flush()

    def perform(self, operation, count):
        self.say(operation, count)
        self.expect("done")

    @contextlib.contextmanager
    def performing(self, operation):
        """Repeats the operation within this context."""
        self.say(operation, 0)
        try:
            yield
        finally:
            self.say("nothing", 1)
            self.expect("done")     # of the repetition
            self.expect("done")


def family(pid):
    """Returns the process and its descendants."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    return found


def state(pids):
    """Returns (all of them wait, their processor time)."""
    waits, ticks = True, 0
    for pid in pids:
        with contextlib.suppress(OSError):
            words = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            waits &= words[0] in "SZ"
            ticks += int(words[11]) + int(words[12])
    return waits, ticks


def idle(process, armed):
    """Waits until the tool and its children wait, and armed() is true. Returns whether it is. A tool
    that waits for long without that has armed nothing."""
    history, quiet, stable, last = [], 0, 0, None
    for _ in range(int(PATIENCE / PAUSE)):
        if process.poll() is not None:
            return False
        waits, ticks = state(family(process.pid))
        history = [*history[-SAMPLES:], ticks]
        quiet = quiet + 1 if len(history) > SAMPLES and ticks - history[0] <= TICKS else 0
        # A tool that arms many kprobes sleeps between them.
        now = armed() if quiet and waits else None
        stable = stable + 1 if now and now == last else 0
        last = now
        if stable >= 3:
            return True
        if quiet >= 5 * SAMPLES:
            return False
        time.sleep(PAUSE)
    raise RuntimeError("the tool neither waits nor ends")


def interrupt(process):
    """Ends a tool by SIGINT. bpftrace 0.17 loses a signal that comes between two polls."""
    for _ in range(20):
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
    process.kill()
    process.wait()


def captured():
    """Returns what `shadowctl capture --list` has, without its hits."""
    done = subprocess.run(["shadowctl", "--json", "capture", "--list"], stdout=subprocess.PIPE,
                          check=True, text=True)
    return [{k: v for k, v in place.items() if "hits" not in k} for place in json.loads(done.stdout)]


def words_of(row, pid, with_filter):
    text = row.command
    if with_filter and row.filter:
        text = text.replace("{filter}", row.filter)
    # Tools that SIGINT kills print each line before.
    return ["stdbuf", "-oL", *shlex.split(text.replace("{filter}", "").format(pid=pid))]


class Result:
    """What one run of a tool has given."""

    def __init__(self, row, out, err, pids):
        self.out, self.err = out, err
        self.inside, self.outside = (row.get(out, name, pid)
                                     for name, pid in zip((INSIDE, OUTSIDE), pids))
        self.refused = re.findall(r"shadowctl: (\w+)\(\) was refused", err)


class Guest:
    def __init__(self):
        WORK.mkdir()
        self.base = Base()
        self.inside, self.outside = Actor(INSIDE), Actor(OUTSIDE)
        # Hooks of shadowk itself, which are there while a tool is captured, count as of the base.
        with subprocess.Popen(["shadowctl", "capture", "--pid", str(self.inside.pid), "--", "cat"],
                              stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as tool:
            time_out = time.monotonic() + 60
            while b"cat" not in self.children_names(tool.pid):
                if time.monotonic() > time_out:
                    raise RuntimeError("shadowctl capture does not start cat")
                time.sleep(PAUSE)
            self.own = self.base.armed()
            tool.stdin.close()

    @staticmethod
    def children_names(pid):
        names = b""
        for child in family(pid):
            with contextlib.suppress(OSError):
                names += pathlib.Path(f"/proc/{child}/comm").read_bytes()
        return names

    def armed(self):
        """Returns what is armed for the whole machine, without that of shadowk itself."""
        return self.base.armed() - self.own

    def run(self, row, command, armed, look):
        """Runs a tool while the operations are performed. Calls look() when it has armed and when
        the operations were performed."""
        for path in WORK.iterdir():
            if path.is_file():
                path.unlink()
        with open(WORK / "out", "w") as out, open(WORK / "err", "w") as err:
            tool = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                    cwd=WORK)
        try:
            idle(tool, armed)
            look()
            with self.outside.performing(row.operation):
                if tool.poll() is None:
                    self.inside.perform(row.operation, table.N)
                look()
            if tool.poll() is None:
                idle(tool, lambda: [True])
        finally:
            interrupt(tool)
        text = (WORK / "out").read_text(errors="replace")
        if row.report:
            text += subprocess.run(row.report, shell=True, cwd=WORK, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, check=False).stdout
        return Result(row, text, (WORK / "err").read_text(errors="replace"),
                      (self.inside.pid, self.outside.pid))

    def globally(self, row):
        seen = set()
        result = self.run(row, words_of(row, self.inside.pid, True), self.armed,
                          lambda: seen.update(self.armed()))
        result.armed = seen
        return result

    def privately(self, row):
        leaks, places = set(), []
        pid = str(self.inside.pid)
        target = ["--pid", pid]

        def look():
            found = captured()
            places.extend(p for p in found if p not in places)
            leaks.update(self.armed() - set(row.base))
            leaks.update(self.base.changed(found))

        if row.policy:
            shadowctl("create", "tools", "--async", row.policy)
            shadowctl("attach", "tools", "--pid", pid)
            target = ["tools"]
        try:
            result = self.run(row, ["shadowctl", "capture", *target, "--",
                                    *words_of(row, self.inside.pid, False)], captured, look)
        finally:
            if row.policy:
                shadowctl("detach", "--pid", pid)
                shadowctl("destroy", "tools")
        result.leaks, result.places = leaks, places
        return result

    def settled(self):
        """Waits until nothing is captured, and nothing is armed in the base."""
        for _ in range(600):
            if not captured() and not self.armed():
                return
            time.sleep(PAUSE)
        raise RuntimeError(f"left behind: {captured()} {self.armed()}")

    def measure(self, row):
        """Returns (verdict, numbers as text, faults, refused)."""
        for command in row.before:
            subprocess.run(command, shell=True, check=True)
        try:
            everywhere = self.globally(row)
            self.settled()
            private = self.privately(row)
            self.settled()
        finally:
            for command in row.after:
                subprocess.run(command, shell=True, check=True)
        return judge(row, everywhere, private)


def shadowctl(*words):
    subprocess.run(["shadowctl", *words], check=True)


def judge(row, everywhere, private):
    """Compares the two runs of a tool. Returns (verdict, numbers, faults, refused)."""
    faults = []
    if private.leaks:
        faults.append("armed in the base: " + " ".join(sorted(private.leaks)[:5]))
    numbers = f"{everywhere.inside}/{private.inside}"
    wanted = everywhere.inside if row.wanted is None else row.wanted
    same = private.inside == wanted and wanted > 0
    if row.wanted is not None and row.filtered and everywhere.inside != wanted:
        same = False
    refused = ", ".join(private.refused)
    if same:
        verdict = "equal"
    elif not private.places and refused:
        verdict = "refused"
    elif not private.places:
        verdict = "not scoped"
    else:
        verdict = "differs"
    if verdict in ("equal", "differs") and private.outside and row.names_tasks:
        faults.append(f"{private.outside} events of the bystander")
    if everywhere.inside < (row.wanted or 0):
        faults.append(f"the global run reports less than {row.wanted}")
    if verdict != "not scoped" and not everywhere.armed:
        faults.append("the check has not seen that the tool arms anything in the base")
    if verdict == "refused" and private.inside:
        faults.append(f"{private.inside} events, although it was refused")
    if not everywhere.inside and not private.inside:
        verdict = "no reference"
        faults = faults[:bool(private.leaks)]
    if "kprobes and tracepoints are captured" not in private.err:
        verdict = "failed"
        faults.append("shadowctl has not started the tool")
    return verdict, numbers, refused, faults


def main():
    names = sys.argv[1:]
    for name in names:
        if not table.rows([name]):
            sys.exit(f"table.py has no tool or group named '{name}'")
    for kind, at in (("tracefs", TRACING), ("debugfs", "/sys/kernel/debug")):
        if not os.path.ismount(at):
            subprocess.run(["mount", "-t", kind, kind, at], check=True)
    verbose = os.environ.get("TOOLS_VERBOSE")
    release = os.uname().release
    guest = Guest()
    bad = total = 0
    for row in table.rows(names):
        begun = time.monotonic()
        try:
            verdict, numbers, refused, faults = guest.measure(row)
        except (RuntimeError, OSError, subprocess.CalledProcessError) as e:
            verdict, numbers, refused, faults = "failed", "", "", [str(e)]
        expected = row.expected(release)
        if verdict not in expected.split("|"):
            faults.append(f"expected: {expected}")
        bad += bool(faults)
        note = f" ({refused})" if refused else ""
        print(f"{row.name:28} {verdict:12} {numbers:>9}{note} [{time.monotonic() - begun:.0f} s]"
              + "".join(f"\n    FAIL {fault}" for fault in faults), flush=True)
        if faults and verbose:
            for name in ("out", "err"):
                print((WORK / name).read_text(errors="replace")[-1500:])
        total += 1
    print(f"{total - bad} of {total} tools as table.py has them")
    sys.exit(bool(bad))


main()
