#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Performs operations whose calls of the kernel the tools count: workload.py NAME FOLDER.

NAME becomes the name of the task. Lines of standard input are "OPERATION COUNT", which is answered by
"done" when the operation was performed COUNT times; COUNT 0 repeats it until the next line."""

import contextlib
import os
import pathlib
import select
import signal
import socket
import sys
import time


class Workload:
    def __init__(self, name, folder):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        pathlib.Path("/proc/self/comm").write_text(name)
        (self.folder / f"file_{name}").write_text("a file\n")
        self.path = str(self.folder / f"file_{name}")
        self.null = os.open("/dev/null", os.O_WRONLY)
        self.file = os.open(self.path, os.O_RDWR)
        self.child = str(self.folder / f"kid_{name}")
        pathlib.Path(self.child).symlink_to("/bin/true")
        (self.folder / "mount").mkdir()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)

    def nothing(self):
        pass

    def open(self):
        os.close(os.open(self.path, os.O_RDONLY))

    def write(self):
        os.write(self.null, b"x")

    def fsync(self):
        os.pwrite(self.file, b"a file\n", 0)
        os.fsync(self.file)

    def missing(self):
        """Looks a name up that the directory cache does not know."""
        self.number = getattr(self, "number", 0) + 1
        with contextlib.suppress(OSError):
            os.access(f"{self.folder}/none_{self.name}_{self.number}", os.F_OK)

    def unlink(self):
        path = f"{self.folder}/gone_{self.name}"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        os.unlink(path)

    def kill(self):
        os.kill(os.getpid(), signal.SIGUSR1)

    def mount(self):
        target = str(self.folder / "mount")
        libc_mount(target)

    def bind(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))

    def listen(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen(7)

    def connect(self):
        """Connects to a socket of its own, sends, receives, and closes both ends."""
        with socket.socket() as s:
            s.connect(self.address)
            with self.listener.accept()[0] as other:
                s.sendall(b"hello")
                other.recv(100)

    def execute(self):
        os.waitpid(os.posix_spawn(self.child, [self.child], {}), 0)

    def sleep(self):
        time.sleep(0.002)

    def compute(self):
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass


def libc_mount(target):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", target.encode(), b"tmpfs", 0, None) or libc.umount2(target.encode(), 0):
        raise OSError(ctypes.get_errno(), "mount")


def main():
    workload = Workload(*sys.argv[1:3])
    print("ready", flush=True)
    pending = sys.stdin.buffer.raw
    while line := pending.readline().decode().split():
        operation, count = getattr(workload, line[0]), int(line[1])
        if count:
            for _ in range(count):
                operation()
        else:
            while not select.select([pending], [], [], 0.005)[0]:
                operation()
        os.write(1, b"done\n")


main()
