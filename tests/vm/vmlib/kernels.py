# SPDX-License-Identifier: GPL-2.0
"""Debian's kernels and their headers, kept in the cache and never installed.

A kernel is a folder: vmlinuz, config, release, version, lib/modules/RELEASE, and build, the tree
to build modules against. A folder of that shape may also be made by hand. built.py has the kernels
that are not packages."""

import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from . import built, cache, chroots, debs, suites

# The end of the image's name, in the machine's own suites and in each of the others.
FLAVOURS = {
    "6.1": "cloud-amd64",
    "6.12": "6.12-cloud-amd64",
    "6.1-generic": "amd64",
    "6.12-generic": "6.12-amd64",
    "6.1-rt": "rt-amd64",
    "6.12-rt": "6.12-rt-amd64",
    **{suite: "cloud-amd64" for suite in suites.SUITES},
}
# The oldest and the newest kernel of a series in the archive: a prefix of releases, and which end.
ENDS = {f"{series}-{end}": (series, end) for series in ("6.1", "6.12")
        for end in ("oldest", "newest")}
NAMES = (*FLAVOURS, *ENDS, *built.RECIPES)
UNLINKED_KEPT = 24 * 3600       # seconds


def resolve(name):
    """Returns the packages of a kernel, image first, as (package, version)."""
    if name in ENDS:
        return end_of_series(*ENDS[name])
    meta = f"linux-image-{FLAVOURS[name]}"
    return packages(debs.dependency(meta, debs.candidate(meta), r"linux-image-\d.*"))


def packages(image):
    """Returns the image, the packages into which newer images are split, and those with which its
    modules are built: the headers, the common headers, kbuild. Each has its own version."""
    headers = debs.pick(image[0].replace("image", "headers", 1), image[1])
    return [image, *debs.matching(*image, r"linux-(base|binary|modules)-\d.*"), headers,
            debs.dependency(*headers, r"linux-headers-.*-common(-rt)?"),
            debs.dependency(*headers, r"linux-kbuild-.*")]


def end_of_series(series, end):
    """Returns the oldest or newest cloud kernel of a series of which all packages exist."""
    pattern = re.compile(rf"linux-image-{re.escape(series)}\.\d.*-cloud-amd64")
    images = [(name, version) for name in debs.names(f"linux-image-{series}.")
              if pattern.fullmatch(name) for version in debs.versions(name)]
    order = functools.cmp_to_key(lambda a, b: -1 if debs.is_older(a[1], b[1]) else 1)
    for image in sorted(images, key=order, reverse=end == "newest"):
        try:
            return packages(image)
        except debs.NotInArchive:
            pass            # its headers are gone already
    raise debs.not_in_archive(f"linux-image-{series}.*-cloud-amd64",
                              "apt knows none that has its headers")


def unpacked(debs_folder):
    """Unpacks all packages of a folder together, without documentation."""
    tree = debs_folder / "tree"
    tree.mkdir()
    debs.unpack(sorted(debs_folder.glob("*.deb")), tree)
    for deb in debs_folder.glob("*.deb"):
        deb.unlink()
    shutil.rmtree(tree / "usr/share/doc", ignore_errors=True)
    return tree


def relocate(tree, release):
    """Makes absolute paths in the headers, which name other packages, point into TREE."""
    headers = tree / f"usr/src/linux-headers-{release}"
    for path in headers.rglob("*"):
        if path.is_symlink() and os.readlink(path).startswith("/usr/"):
            target = str(tree) + os.readlink(path)
            path.unlink()
            path.symlink_to(os.path.relpath(target, path.parent))
    for name in ("Makefile", ".kernelvariables"):
        path = headers / name
        if path.exists() and not path.is_symlink():
            # The tree's place as make finds it, since the tree may be renamed later.
            here = "$(abspath $(dir $(lastword $(MAKEFILE_LIST)))../../..)"
            text = re.sub(r"(?<![\w.])/usr/src/", here + "/usr/src/", path.read_text())
            path.write_text(text)
    return headers


def build(folder, release, wanted):
    """Fills FOLDER with the kernel of these packages."""
    with tempfile.TemporaryDirectory(dir=folder) as tmp:
        tmp = pathlib.Path(tmp)
        debs.fetch(wanted, tmp)
        tree = unpacked(tmp)
        modules = next(m for m in (tree / "lib/modules", tree / "usr/lib/modules")
                       if (m / release / "kernel").is_dir())
        for name in ("vmlinuz", "config", "System.map"):
            path = tree / f"boot/{name}-{release}"
            # Newer packages have them beside the modules.
            shutil.move(path if path.exists() else modules / release / name, folder / name)
        (folder / "lib").mkdir()
        shutil.move(modules, folder / "lib/modules")
        (folder / "headers").mkdir()
        shutil.move(tree / "usr", folder / "headers/usr")
    for link in ("build", "source"):
        cache.remove(folder / "lib/modules" / release / link)
    headers = relocate(folder / "headers", release)
    (folder / "build").symlink_to(headers.relative_to(folder))
    subprocess.run(["depmod", "-b", folder, release], check=True)
    (folder / "version").write_text(wanted[0][1] + "\n")
    (folder / "release").write_text(release + "\n")


def build_current(name):
    """Returns the folder of a kernel as the archive has it now."""
    wanted = resolve(name)
    release = wanted[0][0].removeprefix("linux-image-")
    folder = cache.make(f"kernels/{release}_{wanted[0][1]}",
                        lambda path: build(path, release, wanted))
    if suite_of(name) and not chroots.is_linked(folder):
        chroots.link(folder, wanted[-3], wanted[-1])
    return folder


def suite_of(name):
    """Returns the suite of a kernel, or None: it is in the machine's own."""
    return name if name in suites.SUITES else None


def drop_unlinked():
    """Removes kernels, with their images, that have had no name for a day, and chroots that no
    kernel has named for so long, so that the cache stays bounded. Until then a run may still use
    one."""
    root = cache.root()
    linked = {p.resolve() for p in (root / "kernels").iterdir() if p.is_symlink()}
    linked |= {(p / "chroot").resolve() for p in linked}
    for path in (*(root / "kernels").glob("*_*"), *(root / "chroots").glob("*")):
        if path.resolve() not in linked and path.stat().st_mtime < time.time() - UNLINKED_KEPT:
            for image in (root / "images").glob(f"*-{path.name}-*"):
                cache.remove(image)
            cache.remove(path)


def get(name):
    """Returns the folder of a kernel named as in NAMES, or given as a path."""
    if name in built.RECIPES:
        return built.get(name, cache.root() / "kernels" / name)
    if name not in NAMES:
        folder = pathlib.Path(name)
        if not (folder / "release").exists():
            raise debs.Unavailable(f"kernel '{name}': not one of {' '.join(NAMES)}"
                                   " and no folder with a 'release' file")
        return folder.resolve()
    suite = suite_of(name)
    if suite and os.geteuid():
        raise debs.Unavailable(f"kernel '{name}': its compiler runs in a chroot; run this as root")
    link = cache.root() / "kernels" / name
    if suite and not chroots.is_linked(link) and not os.environ.get("SHADOWK_NO_BUILD"):
        cache.remove(link)      # a chroot of an older recipe, or none
    with suites.use(suite):
        folder = debs.latest(link, lambda: build_current(name))
    drop_unlinked()
    return folder


def release(folder):
    return (folder / "release").read_text().strip()


def slowness(folder):
    """Returns about how much longer tests take than on a kernel of Debian."""
    config = (folder / "config").read_text()
    return 8 if "CONFIG_KASAN=y\n" in config else 4 if "CONFIG_KCSAN=y\n" in config else 1
