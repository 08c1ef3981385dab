# SPDX-License-Identifier: GPL-2.0
"""Debian's kernels and their headers, kept in the cache and never installed.

A kernel is a folder: vmlinuz, config, release, version, lib/modules/RELEASE, and
build, the tree to build modules against. A folder of that shape made by hand is as good
as one of ours. "debug" is no package: see debugkernel.py."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from . import cache, debs, debugkernel

FLAVOURS = {
    "6.1": "cloud-amd64",
    "6.12": "6.12-cloud-amd64",
    "6.1-generic": "amd64",
    "6.12-generic": "6.12-amd64",
}


def resolve(flavour):
    """Name of the image package that a metapackage stands for, and its version."""
    depends = debs.field(f"linux-image-{flavour}", "Depends")
    found = re.match(r"linux-image-(\S+) \(= (\S+)\)", depends or "")
    if not found:
        raise debs.Unavailable(f"apt knows no linux-image-{flavour}")
    return found.groups()


def unpacked(debs_folder):
    """All packages of a folder unpacked together, without the files for people."""
    tree = debs_folder / "tree"
    tree.mkdir()
    debs.unpack(sorted(debs_folder.glob("*.deb")), tree)
    for deb in debs_folder.glob("*.deb"):
        deb.unlink()
    shutil.rmtree(tree / "usr/share/doc", ignore_errors=True)
    return tree


def relocate(tree, release):
    """Headers name their other halves by absolute path: point them into TREE."""
    headers = tree / f"usr/src/linux-headers-{release}"
    for path in headers.rglob("*"):
        if path.is_symlink() and os.readlink(path).startswith("/usr/"):
            target = str(tree) + os.readlink(path)
            path.unlink()
            path.symlink_to(os.path.relpath(target, path.parent))
    for name in ("Makefile", ".kernelvariables"):
        path = headers / name
        if path.exists() and not path.is_symlink():
            # Where the tree is, seen from make itself: it may be renamed later.
            here = "$(abspath $(dir $(lastword $(MAKEFILE_LIST)))../../..)"
            text = re.sub(r"(?<![\w.])/usr/src/", here + "/usr/src/", path.read_text())
            path.write_text(text)
    return headers


def build(folder, release, version):
    """Fill FOLDER with the kernel of an image package."""
    with tempfile.TemporaryDirectory(dir=folder) as tmp:
        tmp = pathlib.Path(tmp)
        common = re.sub(r"-(cloud-)?amd64$", "-common", release)
        short = re.match(r"\d+\.\d+", release).group()
        kbuild = next(k for k in (f"linux-kbuild-{release.removesuffix('-amd64').removesuffix('-cloud')}",
                                  f"linux-kbuild-{short}") if debs.field(k, "Version"))
        names = [f"linux-image-{release}", f"linux-headers-{release}",
                 f"linux-headers-{common}", kbuild]
        debs.fetch([f"{n}={version}" for n in names], tmp)
        tree = unpacked(tmp)
        for name in ("vmlinuz", "config", "System.map"):
            shutil.move(tree / f"boot/{name}-{release}", folder / name)
        modules = next(m for m in (tree / "lib/modules", tree / "usr/lib/modules")
                       if (m / release / "kernel").is_dir())
        (folder / "lib").mkdir()
        shutil.move(modules, folder / "lib/modules")
        (folder / "headers").mkdir()
        shutil.move(tree / "usr", folder / "headers/usr")
    for link in ("build", "source"):
        cache.remove(folder / "lib/modules" / release / link)
    headers = relocate(folder / "headers", release)
    (folder / "build").symlink_to(headers.relative_to(folder))
    subprocess.run(["depmod", "-b", folder, release], check=True)
    (folder / "version").write_text(version + "\n")
    (folder / "release").write_text(release + "\n")


def current(name):
    """The link to the kernel that NAME last stood for, and whether to look again."""
    link = cache.root() / "kernels" / name
    stale = True
    if (link / "release").exists():
        lists = debs.LISTS.stat().st_mtime if debs.LISTS.exists() else 0
        stale = lists > link.lstat().st_mtime
    return link, stale


def get(name):
    """The folder of a kernel named as in FLAVOURS, "debug", or given as a path."""
    if name == "debug":
        return debugkernel.get(cache.root() / "kernels" / name)
    if name not in FLAVOURS:
        folder = pathlib.Path(name)
        if not (folder / "release").exists():
            raise debs.Unavailable(f"kernel '{name}': not one of {' '.join(FLAVOURS)} debug"
                                   " and no folder with a 'release' file")
        return folder.resolve()
    link, stale = current(name)
    if not stale:
        return link.resolve()
    try:
        try:
            release, version = resolve(FLAVOURS[name])
        except debs.Unavailable:
            debs.update()               # a fresh container has no lists at all
            release, version = resolve(FLAVOURS[name])
        folder = cache.make(f"kernels/{release}_{version}",
                            lambda path: build(path, release, version))
    except debs.Unavailable:
        if (link / "release").exists():
            return link.resolve()       # no network: what we have will do
        raise
    aside = link.with_name(f".{name}.{os.getpid()}")
    aside.symlink_to(folder.name)
    aside.rename(link)
    return folder


def release(folder):
    return (folder / "release").read_text().strip()


def slowness(folder):
    """How much longer things take than on a kernel of Debian's, about."""
    return 8 if "CONFIG_KASAN=y\n" in (folder / "config").read_text() else 1
