# SPDX-License-Identifier: GPL-2.0
"""The host's half of the frames in tests/vm/guest/vm.h: a command's input, output
and status over one byte stream."""

import fcntl
import os
import selectors
import signal
import struct
import sys
import termios
import time
import tty

STDIN_WINDOW = 2048             # VM_STDIN_WINDOW
STDIN_FRAME = 512
ESCAPE = b"\x1d"                # Ctrl-] in a terminal ends the guest


class Channel:
    """One command in one guest; run() returns when its last frame is in."""

    def __init__(self, sock, interactive, boot_timeout, timeout, alive):
        self.sock = sock
        self.interactive = interactive
        self.boot_timeout = boot_timeout
        self.timeout = timeout
        self.alive = alive          # whether the emulator still runs
        self.buffer = bytearray()
        self.credit = STDIN_WINDOW
        self.booted = False
        self.failed = None          # the guest's error if it could not start
        self.status = None
        self.log = bytearray()
        self.timed_out = False
        self.closed = False
        self.stdin_open = False
        self.selector = selectors.DefaultSelector()

    def send(self, kind, data=b""):
        try:
            self.sock.sendall(struct.pack("<cH", kind, len(data)) + data)
        except OSError:
            self.closed = True

    def send_window(self, *_):
        rows, cols, *_ = struct.unpack(
            "HHHH", fcntl.ioctl(1, termios.TIOCGWINSZ, b"\0" * 8))
        self.send(b"W", struct.pack("<HH", rows, cols))

    @staticmethod
    def write_out(fd, data):
        while data:
            try:
                data = data[os.write(fd, data):]
            except BlockingIOError:
                time.sleep(0.01)
            except BrokenPipeError:
                return

    def start_input(self):
        """Called after the boot: a guest that still boots would lose or echo its input."""
        if self.interactive:
            self.send_window()
            signal.signal(signal.SIGWINCH, self.send_window)
        try:
            self.selector.register(0, selectors.EVENT_READ)
            self.stdin_open = True
        except PermissionError:     # a plain file, always readable: feed on credit
            self.stdin_open = None
            self.feed()
        except (ValueError, KeyError, OSError):
            self.send(b"I")         # closed

    def feed(self):
        while self.credit and not self.closed:
            data = os.read(0, min(self.credit, STDIN_FRAME))
            if self.interactive and ESCAPE in data:
                self.closed = True
                return
            self.send(b"I", data)
            self.credit -= len(data)
            if not data:
                if self.stdin_open:
                    self.selector.unregister(0)
                self.stdin_open = False
            if self.stdin_open is not None:
                break

    def watch_input(self):
        """Watches stdin while the guest can take more."""
        if self.stdin_open is None:
            self.feed()
        elif self.stdin_open:
            known = 0 in self.selector.get_map()
            if self.credit and not known:
                self.selector.register(0, selectors.EVENT_READ)
            elif not self.credit and known:
                self.selector.unregister(0)

    def take(self, kind, data):
        if kind == b"O":
            self.write_out(1, data)
        elif kind == b"E":
            self.write_out(2, data)
        elif kind == b"C":
            self.credit += struct.unpack("<H", data)[0]
        elif kind == b"K":
            self.log += data
        elif kind == b"F":
            self.failed = data.decode(errors="replace")
        elif kind == b"X":
            self.status = data[0]
        elif kind == b"B":
            self.booted = True
            self.start_input()

    def skip_firmware(self):
        """Skips the firmware's text, which is on every serial port and has no NUL. The first frame
        is B or F."""
        while len(self.buffer) >= 3 and (self.buffer[0] not in b"BF" or self.buffer[2]):
            del self.buffer[0]

    def parse(self):
        if not self.booted:
            self.skip_firmware()
        while len(self.buffer) >= 3:
            kind, length = struct.unpack_from("<cH", self.buffer)
            if len(self.buffer) < 3 + length:
                return
            data = bytes(self.buffer[3:3 + length])
            del self.buffer[:3 + length]
            self.take(kind, data)

    def run(self):
        saved = None
        if self.interactive:
            saved = termios.tcgetattr(0)
            tty.setraw(0, termios.TCSADRAIN)
        try:
            self.loop()
        finally:
            if saved:
                termios.tcsetattr(0, termios.TCSADRAIN, saved)
        sys.stdout.flush()

    def loop(self):
        self.selector.register(self.sock, selectors.EVENT_READ)
        start = time.monotonic()
        booted = False
        while self.status is None and self.failed is None and not self.closed:
            if self.booted and not booted:
                booted, start = True, time.monotonic()
            limit = self.timeout if booted else self.boot_timeout
            left = start + limit - time.monotonic() if limit else 1
            if left <= 0:
                self.timed_out = True
                return
            for key, _ in self.selector.select(min(left, 1)):
                if key.fd == 0:
                    self.feed()
                    continue
                data = self.sock.recv(65536)
                self.closed |= not data
                self.buffer += data
                self.parse()
            self.watch_input()
            if not self.alive():
                self.closed = True
