# SPDX-License-Identifier: GPL-2.0
"""The files that one run adds to a guest: process 1, the command, the build, copied files."""

import os
import pathlib
import subprocess

from . import cache, cpio, roots

GUEST = cache.TOP / "tests/vm/guest"


def agent():
    """Returns process 1, linked statically, since it starts before there is a root."""
    path = cache.TOP / "build/vm/init"
    sources = sorted(GUEST.glob("*.[ch]"))
    if path.exists() and all(s.stat().st_mtime < path.stat().st_mtime for s in sources):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".init.{os.getpid()}")
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", aside,
                    *(s for s in sources if s.suffix == ".c")], check=True)
    aside.rename(path)
    return path


def with_dependencies(cfg, modules):
    """Returns the files of kernel modules and their dependencies, in loading order."""
    done = subprocess.run(
        ["modprobe", "-d", cfg.kernel_dir, "-S", cfg.release, "--show-depends",
         "-a", *modules], capture_output=True, text=True, check=True)
    paths = [line.split()[1] for line in done.stdout.splitlines()
             if line.startswith("insmod ")]
    return [pathlib.Path(p) for p in dict.fromkeys(paths)]


def conf(cfg):
    """Returns the contents of /vm/conf, which setup.c reads."""
    words = []
    if cfg.root_device:
        words.append(f"root={cfg.root_device}")
    if cfg.module:
        words.append(f"module=/lib/modules/{cfg.release}/updates/{cfg.module.name}")
    if cfg.address:
        words.append(f"host={cfg.address}")
    words.append(f"log={int(cfg.log)}")
    words.append(f"tty={int(cfg.interactive)}")
    words += [f"env={k}={v}" for k, v in cfg.env.items()]
    return b"\0".join(w.encode() for w in words + ["", *cfg.command]) + b"\0"


class OverRoot(cpio.Writer):
    """Writes for a root that is unpacked first: a folder in the archive would replace its link."""

    def entry(self, name, mode, *args, **kw):
        first = name.split("/")[0]
        if first in roots.MERGED:
            if name == first:
                return
            name = f"usr/{name}"
        super().entry(name, mode, *args, **kw)


def early_modules(cfg, archive):
    """Adds the modules that the kernel needs for its disk, and for its dom0."""
    for n, path in enumerate(with_dependencies(cfg, cfg.early_modules)):
        archive.file(f"vm/modules/{n:03}-{path.name}", path)


def write_host(cfg, out, address, modules, files):
    """Writes the archive of a Xen dom0 that only runs a domU: see relay.c."""
    archive = cpio.Writer(out)
    archive.file("init", agent())
    words = [f"root={cfg.root_device}", f"relay={address}", "env=PATH=/usr/sbin:/usr/bin",
             f"env=VM_ADDRESS={address}",
             "", "/vm/domu", *modules]
    archive.data("vm/conf", b"\0".join(w.encode() for w in words) + b"\0")
    early_modules(cfg, archive)
    for name in ("domu", "hotplug"):
        archive.file(f"vm/overlay/vm/{name}", GUEST / name)
    for name, content in files.items():
        if isinstance(content, bytes):
            archive.data(f"vm/overlay/{name}", content)
        else:
            archive.file(f"vm/overlay/{name}", content)
    archive.end()


def write(cfg, out):
    """Writes the archive of this run. The root is in memory, or on a disk."""
    archive = cpio.Writer(out) if cfg.root_device else OverRoot(out)
    archive.file("init", agent())
    archive.data("vm/conf", conf(cfg))
    prefix = ""
    if cfg.root_device:
        prefix = "vm/overlay/"
        early_modules(cfg, archive)
    if cfg.stage:
        archive.tree(cfg.stage, prefix)
    archive.file(f"{prefix}boot/config-{cfg.release}", cfg.kernel_dir / "config")
    for path in map(pathlib.Path, cfg.copy):
        inside = f"{prefix}root/{path.resolve().name}"
        if path.is_dir():
            archive.folder(inside)
            archive.tree(path, inside)
        else:
            archive.file(inside, path.resolve())
    archive.end()
