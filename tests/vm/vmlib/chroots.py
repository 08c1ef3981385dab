# SPDX-License-Identifier: GPL-2.0
"""Chroots with the compilers of other suites, which also have the C library that the programs in
those suites' headers need. tests/vm/inside runs commands in them."""

import hashlib
import inspect
import os
import pathlib
import shutil
import stat
import tempfile

from . import cache, debs, roots

# What kbuild and its scripts run, besides the compiler and what Debian's kbuild packages depend on.
TOOLS = ("binutils", "make", "libc6-dev", "bash", "coreutils", "dash", "diffutils", "findutils",
         "grep", "gawk", "sed", "perl-base")
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}


def recipe():
    """Returns a name that changes if a chroot would be made differently."""
    return digest(TOOLS, DEVICES, roots.MERGED, roots.PRUNED, inspect.getsource(build))


def digest(*values):
    return hashlib.sha256(repr(values).encode()).hexdigest()[:12]


def link(kernel, headers, kbuild):
    """Makes the link "chroot" in a kernel's folder: the root in which modules are built for these
    headers. HEADERS and KBUILD are packages of the suite in use, as (name, version). Kernels that
    need the same packages share a chroot."""
    compiler = debs.dependency(*headers, r"gcc-[\d.]+(-for-host)?")[0].removesuffix("-for-host")
    wanted = sorted({compiler, *TOOLS, *debs.dependencies(*kbuild)})
    versions = f"{compiler}_{debs.candidate(compiler)}_{debs.candidate('libc6')}"
    root = cache.make(f"chroots/{versions}-{digest(wanted)}-{recipe()}",
                      lambda aside: build(aside, wanted))
    os.utime(root)                  # kernels.drop_unlinked() counts from here
    aside = kernel / f".chroot.{os.getpid()}"
    aside.symlink_to(os.path.relpath(root, kernel.resolve()))
    aside.rename(kernel / "chroot")


def is_linked(kernel):
    """True if a kernel's folder has a link to a chroot that is made by this recipe."""
    root = kernel / "chroot"
    return root.exists() and root.resolve().name.endswith(f"-{recipe()}")


def build(aside, wanted):
    tree = aside / "tree"
    for folder in roots.MERGED:
        (tree / "usr" / folder).mkdir(parents=True)
        (tree / folder).symlink_to(f"usr/{folder}")
    for folder in ("dev", "etc", "proc", "tmp", "var/tmp"):
        (tree / folder).mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=aside) as tmp:
        tmp = pathlib.Path(tmp)
        (tmp / "partial").mkdir()
        debs.fetch_closure(wanted, tmp)
        debs.unpack(sorted(tmp.glob("*.deb")), tree)
    for folder in roots.PRUNED:
        if folder != "usr/share/perl":
            shutil.rmtree(tree / folder, ignore_errors=True)
    awk = tree / "usr/bin/awk"
    if not awk.is_symlink():
        awk.symlink_to("gawk")
    for device, (major, minor) in DEVICES.items():
        # Never a mount of the machine's /dev: what a script does to its /dev must stay in there.
        os.mknod(tree / "dev" / device, stat.S_IFCHR | 0o666, os.makedev(major, minor))
        (tree / "dev" / device).chmod(0o666)
    for folder in ("tmp", "var/tmp"):
        (tree / folder).chmod(0o1777)
    debs.run(["ldconfig", "-r", tree])
    return tree
