# SPDX-License-Identifier: GPL-2.0
"""Suites of Debian other than this machine's: their packages, and chroots with their compilers.

Each suite has an apt configuration of its own in the cache. The machine's sources give the
addresses, and its configuration is not changed."""

import contextlib
import hashlib
import inspect
import os
import pathlib
import re
import shutil
import stat
import tempfile
import time

from . import cache, debs, roots

# Suite by suite: sources as (archive, suite), and the suite whose kernels are preferred.
SUITES = {
    "trixie": ([("main", "trixie"), ("security", "trixie-security")], None),
    "backports": ([("main", "trixie"), ("security", "trixie-security"),
                   ("main", "trixie-backports")], "trixie-backports"),
    "sid": ([("main", "sid")], None),
}
KEYRING = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")
UPDATE_AFTER = 24 * 3600    # seconds
CONFIG = """Dir::Etc::main "/dev/null";
Dir::Etc::parts "{top}/none";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{top}/sources";
Dir::Etc::preferences "{top}/preferences";
Dir::Etc::preferencesparts "{top}/none";
Dir::State "{top}/state";
Dir::State::status "{top}/status";
Dir::Cache "{top}/cache";
APT::Architecture "amd64";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";     # a mirror of sid may lag; signatures are checked
"""
# What kbuild and its scripts run, besides the compiler and what Debian's kbuild packages depend on.
TOOLS = ("binutils", "make", "libc6-dev", "bash", "coreutils", "dash", "diffutils", "findutils", "grep",
         "gawk", "sed", "perl-base")
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}


# --- the packages of a suite -------------------------------------------------------

def archives():
    """Returns the addresses of Debian's archives in the machine's sources, by name."""
    found = {}
    said = debs.run(["apt-get", "update", "--print-uris"])
    for uri, suite, security in re.findall(
            r"^'(\S+?)/*/dists/(bookworm|stable|oldstable)(-security)?/InRelease'", said, re.M):
        found.setdefault("security" if security else "main", uri)
    return found


def configure(name, top):
    """Writes the apt configuration of a suite into TOP. Returns its path."""
    here = archives()
    if "main" not in here:
        raise debs.Unavailable(f"{name}: apt's sources name no archive of Debian's bookworm, in "
                               "which to look for other suites; add it to the sources")
    for folder in ("none", "sources", "state/lists/partial", "cache/archives/partial"):
        (top / folder).mkdir(parents=True, exist_ok=True)
    (top / "status").touch()
    sources, preferred = SUITES[name]
    signed = f"Signed-By: {KEYRING}\n" if KEYRING.exists() else ""
    write(top / "sources/debian.sources", "\n".join(
        f"Types: deb\nURIs: {here[archive]}\nSuites: {suite}\nComponents: main\n{signed}"
        for archive, suite in sources if archive in here))
    write(top / "preferences", f"Package: linux-*\nPin: release n={preferred}\nPin-Priority: 900\n"
          if preferred else "")
    # Proxies, and what else the machine has set for its network.
    network = [line for line in debs.run(["apt-config", "dump"]).splitlines()
               if re.match(r"Acquire::|APT::Get::AllowUnauthenticated", line)]
    write(top / "apt.conf", "\n".join(network) + "\n" + CONFIG.format(top=top))
    return top / "apt.conf"


def write(path, text):
    """Writes a file, atomically since other processes may read it. Its time tells of a change."""
    if path.exists() and path.read_text() == text:
        return
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    aside.write_text(text)
    aside.rename(path)


@contextlib.contextmanager
def use(name):
    """Within this context, apt and the functions of debs are about the suite NAME, or about the
    machine's own sources if it is None."""
    if name is None:
        yield
        return
    top = cache.root() / "suites" / name
    with debs.configured(configure(name, top)):
        stamp = debs.update_stamp()
        if not os.environ.get("SHADOWK_NO_BUILD") and (
                not stamp.exists() or stamp.stat().st_mtime < time.time() - UPDATE_AFTER):
            debs.update()
        yield


# --- chroots -----------------------------------------------------------------------

def recipe():
    """Returns a name that changes if a chroot would be made differently."""
    text = repr((TOOLS, DEVICES, roots.MERGED, roots.PRUNED, inspect.getsource(build_chroot)))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def link_chroot(kernel, name, headers, kbuild):
    """Makes the link "chroot" in a kernel's folder: the root in which the compiler of the suite
    NAME builds modules for these headers. HEADERS and KBUILD are packages as (name, version)."""
    compiler = debs.dependency(*headers, r"gcc-[\d.]+(-for-host)?")
    wanted = sorted({compiler[0], *TOOLS, *debs.dependencies(*kbuild)})
    root = cache.make(
        f"chroots/{name}-{compiler[0]}_{compiler[1]}_{debs.candidate('libc6')}-{recipe()}",
        lambda aside: build_chroot(aside, wanted))
    aside = kernel / f".chroot.{os.getpid()}"
    aside.symlink_to(os.path.relpath(root, kernel))
    aside.rename(kernel / "chroot")


def has_chroot(kernel):
    """True if a kernel's folder has a link to a chroot that is made by this recipe."""
    link = kernel / "chroot"
    return link.exists() and link.resolve().name.endswith(f"-{recipe()}")


def build_chroot(aside, wanted):
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
