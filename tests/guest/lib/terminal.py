# SPDX-License-Identifier: GPL-2.0-only
"""A command in a terminal of its own, the keys that are typed there, and its screen.

    top = Terminal(["shadowctl", "top", "--pid", "1"])
    top.until("Sorted by")          # waits for a line that has these words
    top.type("q")
    status = top.wait()

The screen understands what ncurses writes to a vt100."""
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

KEYS = {"up": "\x1bOA", "down": "\x1bOB", "enter": "\n", "escape": "\x1b"}
CONTROL = re.compile(r"\x1b\[[?]?([0-9;]*)([A-Za-z])|\x1b[()][A-Z0-9]|\x1b[=>78MD]|"
                     r"[\x00-\x1f]|[^\x00-\x1f]+")


class Screen:
    """What a vt100 shows after the text that it was sent."""

    def __init__(self, lines, columns):
        self.resize(lines, columns)
        self.rest = ""

    def resize(self, lines, columns):
        self.rows = [[" "] * columns for _ in range(lines)]
        self.region = (0, lines - 1)
        self.y = self.x = 0
        self.saved = (0, 0)

    def lines(self):
        return ["".join(row).rstrip() for row in self.rows]

    def feed(self, text):
        text = self.rest + text
        # A sequence that has not come to its end waits for the rest.
        begun = re.search(r"\x1b(\[[?]?[0-9;]*|[()])?$", text)
        self.rest = text[begun.start():] if begun else ""
        for found in CONTROL.finditer(text[:begun.start()] if begun else text):
            self.control(found)

    def control(self, found):
        text = found.group()
        if found.group(2):
            numbers = [int(n or 0) for n in found.group(1).split(";")]
            self.sequence(found.group(2), numbers)
        elif text == "\r":
            self.x = 0
        elif text == "\b":
            self.x = max(self.x - 1, 0)
        elif text in ("\n", "\x1bD"):
            self.down()
        elif text == "\x1bM":
            self.up()
        elif text == "\x1b7":
            self.saved = (self.y, self.x)
        elif text == "\x1b8":
            self.y, self.x = self.saved
        elif text == "\t":
            self.x = min((self.x // 8 + 1) * 8, len(self.rows[0]) - 1)
        elif text[0] >= " ":
            self.write(text)

    def write(self, text):
        for c in text:
            if self.x == len(self.rows[0]):
                self.x = 0
                self.down()
            self.rows[self.y][self.x] = c
            self.x += 1

    def down(self):
        top, bottom = self.region
        if self.y == bottom:
            del self.rows[top]
            self.rows.insert(bottom, [" "] * len(self.rows[0]))
        else:
            self.y = min(self.y + 1, len(self.rows) - 1)

    def up(self):
        top, bottom = self.region
        if self.y == top:
            del self.rows[bottom]
            self.rows.insert(top, [" "] * len(self.rows[0]))
        else:
            self.y = max(self.y - 1, 0)

    def sequence(self, letter, numbers):
        first = max(numbers[0], 1)
        last_y, last_x = len(self.rows) - 1, len(self.rows[0]) - 1
        if letter == "H":
            self.y = min(first, last_y + 1) - 1
            self.x = min(max((numbers + [1])[1], 1), last_x + 1) - 1
        elif letter in "AB":
            self.y = min(max(self.y + (first if letter == "B" else -first), 0), last_y)
        elif letter in "CD":
            self.x = min(max(self.x + (first if letter == "C" else -first), 0), last_x)
        elif letter in "JK":
            self.erase(letter, numbers[0])
        elif letter == "r":
            bottom = (numbers + [0])[1] or last_y + 1
            self.region, self.y, self.x = (first - 1, bottom - 1), 0, 0
        elif letter not in "mhl":
            raise ValueError(f"the screen does not know CSI {numbers} {letter}")

    def erase(self, letter, which):
        row, columns = self.rows[self.y], len(self.rows[0])
        if which == 0:
            row[self.x:] = [" "] * (columns - min(self.x, columns))
        elif which == 1:
            row[:self.x + 1] = [" "] * (self.x + 1)
        if which == 2:
            begin, end = (0, len(self.rows)) if letter == "J" else (self.y, self.y + 1)
        elif letter == "K":
            return
        else:
            begin, end = (self.y + 1, len(self.rows)) if which == 0 else (0, self.y)
        for i in range(begin, end):
            self.rows[i] = [" "] * columns


class Terminal:
    def __init__(self, command, lines=24, columns=80):
        self.screen = Screen(lines, columns)
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.environ["TERM"] = "vt100"
            self.fd = 0
            self.set_size(lines, columns)
            os.execvp(command[0], command)

    def set_size(self, lines, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, lines, columns):
        self.screen.resize(lines, columns)
        self.set_size(lines, columns)

    def read(self, seconds):
        """Reads what comes in this time. Returns False when the command has ended."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.fd], [], [], left)[0]:
                break
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                return False
            self.screen.feed(data.decode(errors="replace"))
        return True

    def text(self):
        return "\n".join(self.screen.lines())

    def until(self, pattern, seconds=240):
        """Waits until the screen matches. Returns the match, or None."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text(), re.M)) and time.monotonic() < end:
            if not self.read(0.2):
                return re.search(pattern, self.text(), re.M)
        return found

    def becomes(self, function, wanted, seconds=60):
        """Reads until FUNCTION() is WANTED, or the time is up. Returns its last value.

        FUNCTION may find less than it needs, since a screen may be half drawn."""
        def value():
            try:
                return function()
            except (IndexError, KeyError, ValueError) as error:
                return error

        end = time.monotonic() + seconds
        while value() != wanted and time.monotonic() < end:
            self.read(0.2)
        return value()

    def type(self, *keys):
        """Types texts, and keys by their names."""
        for key in keys:
            os.write(self.fd, KEYS.get(key, key).encode())

    def wait(self):
        while self.read(1):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
