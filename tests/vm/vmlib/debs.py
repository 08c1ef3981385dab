# SPDX-License-Identifier: GPL-2.0
"""Debian packages, downloaded and unpacked without installing them.

The archive changes under a machine's package lists: packages of one source are there at
different versions, and what a list names may be gone. So each package is looked up by
itself, and a download that fails is looked up again once the lists are new (fresh())."""

import functools
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from . import cache

STARTED = time.time()


class Unavailable(Exception):
    """Something that a guest is made of cannot be had; one line, with the remedy."""


class NotInArchive(Unavailable):
    """A package that apt does not know or cannot download."""


def run(args, **kw):
    kw.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(args, check=True, text=True, **kw).stdout


# --- the package lists -------------------------------------------------------------

@functools.cache
def lists():
    """Where apt keeps its package lists."""
    words = shlex.split(run(["apt-config", "shell", "LISTS", "Dir::State::lists/d"]))
    return pathlib.Path(words[0].removeprefix("LISTS="))


def lists_time():
    return lists().stat().st_mtime if lists().exists() else 0


def may_update():
    return os.access(lists() if lists().exists() else lists().parent, os.W_OK)


@functools.cache
def update():
    """Fetch the package lists, once in a process. Returns whether they may be new."""
    if not may_update():
        return False
    with cache.lock("apt-lists"):
        if lists_time() <= STARTED:         # else another process has just done it
            print("vm: fetching apt's package lists", file=sys.stderr, flush=True)
            # One source that does not answer is no reason to do without the others.
            subprocess.run(["apt-get", "-qq", "update"], stdout=sys.stderr, check=False)
    return True


def fresh(attempt):
    """What ATTEMPT returns, which is made again with new lists if a package is not there.

    It must look its packages up itself: their versions may be others then."""
    try:
        return attempt()
    except NotInArchive as e:
        if not update():
            raise
        print(f"vm: once more with new package lists, since: {e}", file=sys.stderr, flush=True)
    return attempt()


def latest(link, make):
    """The cache's entry for what the archive has now, which MAKE returns; LINK remembers it.

    It is looked for when the lists are newer than the link, unless what is built is to be
    used: that was built for the entry as it was then."""
    known = link.exists()
    if known and (os.environ.get("SHADOWK_NO_BUILD") or lists_time() <= link.lstat().st_mtime):
        return link.resolve()
    try:
        path = fresh(make)
    except NotInArchive as e:
        if not known:
            raise
        print(f"vm: {link.name} as it was, since: {e}", file=sys.stderr, flush=True)
        return link.resolve()
    aside = link.with_name(f".{link.name}.{os.getpid()}")
    aside.symlink_to(path.name)
    aside.rename(link)
    return path


def not_in_archive(what, why):
    remedy = ("check the network, and that apt's sources have Debian's main and security archives"
              if may_update() else "as root, run: apt-get update")
    return NotInArchive(f"{what}: {why}; {remedy}")


# --- what they say -----------------------------------------------------------------

def apt_cache(*args):
    """apt-cache's output. Its index is kept beside ours: some machines keep none, and making
    it takes a second."""
    index = cache.root() / "apt"
    index.mkdir(exist_ok=True)
    return subprocess.run(["apt-cache", "-o", f"Dir::Cache::pkgcache={index}/pkgcache.bin",
                           "-o", "Dir::Cache::srcpkgcache=", *args],
                          capture_output=True, text=True, check=False).stdout


def shown(*args):
    """Stanzas that apt-cache shows, each as a dictionary."""
    return [dict(re.findall(r"^([\w-]+): (.*)$", stanza, re.M))
            for stanza in apt_cache("show", *args).split("\n\n") if stanza.strip()]


def candidate(package):
    """The version that apt would install."""
    for stanza in shown("--no-all-versions", package):
        if "Version" in stanza:
            return stanza["Version"]
    raise not_in_archive(package, "apt knows no such package")


def pick(package, version):
    """VERSION if the archive has it, else the candidate: (PACKAGE, version)."""
    if version and shown(f"{package}={version}"):
        return package, version
    return package, candidate(package)


def dependency(package, version, pattern):
    """The first dependency of a package whose name matches: (name, version).

    Its version is the one that the dependency names, if the archive has that, else the
    candidate."""
    depends = next((s.get("Depends", "") for s in shown(f"{package}={version}")), "")
    for clause in re.split(r"[,|]", depends):
        found = re.match(r"\s*(\S+)(?: \([<>=]+ (\S+)\))?", clause)
        if found and re.fullmatch(pattern, found[1]):
            return pick(*found.groups())
    raise not_in_archive(f"{package} {version}", f"depends on no {pattern}")


def names(prefix):
    """Packages that begin so."""
    return apt_cache("pkgnames", prefix).split()


def versions(package):
    return list(dict.fromkeys(s["Version"] for s in shown("-a", package) if "Version" in s))


def is_older(a, b):
    return not subprocess.run(["dpkg", "--compare-versions", a, "lt", b], check=False).returncode


# --- downloads ---------------------------------------------------------------------

def apt(what, args, **kw):
    """apt-get, which says nothing but why it fails."""
    done = subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", *args],
                          stdout=sys.stderr, stderr=subprocess.PIPE, text=True, check=False, **kw)
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        why = [line.removeprefix("E: ") for line in said if line.startswith("E: ")]
        raise not_in_archive(f"cannot download {what}", (why or said or ["apt-get failed"])[0])


def fetch(packages, folder):
    """Download just these, each as (name, version)."""
    words = [f"{name}={version}" for name, version in packages]
    apt(" ".join(words), ["download", *words], cwd=folder)


def fetch_closure(packages, folder):
    """Download these packages and all that they depend on, as for an empty system."""
    state = folder / "state"
    (state / "partial").mkdir(parents=True, exist_ok=True)
    (state / "status").write_text("")
    apt(f"{packages[0]} and {len(packages) - 1} more",
        ["-y", "--download-only", "-o", f"Dir::State::status={state}/status",
         "-o", f"Dir::State::extended_states={state}/extended",
         "-o", f"Dir::Cache::archives={folder}",
         "-o", "Debug::NoLocking=1", "-o", "APT::Install-Recommends=false",
         "install", *packages])


def unpack_one(deb, folder):
    # --keep-directory-symlink: packages ship files below /lib, a link to usr/lib.
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb],
                          stdout=subprocess.PIPE) as p:
        run(["tar", "-x", "--keep-directory-symlink", "-C", folder],
            stdin=p.stdout)
    if p.returncode:
        raise Unavailable(f"{deb} is damaged; remove the cache and try again")


def unpack(debs, folder, jobs=2):
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda deb: unpack_one(deb, folder), debs))
