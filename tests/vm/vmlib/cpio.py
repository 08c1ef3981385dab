# SPDX-License-Identifier: GPL-2.0
"""Writes the "newc" archives that the kernel unpacks as its first root."""

import os
import pathlib
import stat


class Writer:
    def __init__(self, out):
        self.out = out
        self.inode = 0
        self.made = set()

    def entry(self, name, mode, data=b"", rdev=(0, 0), mtime=0):
        self.inode += 1
        raw = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, mtime, len(data), 0, 0, *rdev, len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        self.out.write(head + b"\0" * (-len(head) % 4))
        self.out.write(data)
        self.out.write(b"\0" * (-len(data) % 4))

    def parents(self, name):
        for parent in reversed(pathlib.PurePath(name).parents[:-1]):
            self.folder(str(parent))

    def folder(self, name, mode=0o755):
        if name not in self.made:
            self.made.add(name)
            self.parents(name)
            self.entry(name, stat.S_IFDIR | mode)

    def data(self, name, data, mode=0o644):
        self.parents(name)
        self.entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self.parents(name)
        self.entry(name, stat.S_IFLNK | 0o777, target.encode())

    def file(self, name, path):
        """Adds a file, link or device of the host, as NAME."""
        st = os.lstat(path)
        if stat.S_ISLNK(st.st_mode):
            self.link(name, os.readlink(path))
        elif stat.S_ISREG(st.st_mode):
            self.data(name, pathlib.Path(path).read_bytes(), stat.S_IMODE(st.st_mode))
        elif stat.S_ISDIR(st.st_mode):
            self.folder(name, stat.S_IMODE(st.st_mode))

    def tree(self, path, under=""):
        """Adds everything below PATH, as UNDER/..."""
        path = pathlib.Path(path)
        for folder, dirs, files in os.walk(path):
            dirs.sort()
            at = pathlib.Path(folder)
            for name in sorted(dirs + files):
                inside = (at / name).relative_to(path)
                self.file(str(pathlib.PurePath(under) / inside), at / name)

    def end(self):
        self.entry("TRAILER!!!", 0)
