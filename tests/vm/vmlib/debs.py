# SPDX-License-Identifier: GPL-2.0
"""Debian packages, downloaded and unpacked without installing them.

The archive changes while a machine's package lists stay: packages of one source may have different
versions, and a list may name a file that is gone. So the version of each package is looked up
separately, and again with new lists after a download has failed."""

import contextlib
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
    """A part of a guest is not available. The text is one line, with the remedy."""


class NotInArchive(Unavailable):
    """A package that apt does not know, or whose file the archive does not have."""


def run(args, **kw):
    kw.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(args, check=True, text=True, **kw).stdout


# --- the package lists -------------------------------------------------------------

@contextlib.contextmanager
def configured(path):
    """Within this context apt has the configuration of the file PATH, which is apart from that of
    the machine: see suites.py."""
    outer = os.environ.get("APT_CONFIG")
    os.environ["APT_CONFIG"] = str(path)
    try:
        yield
    finally:
        if outer is None:
            del os.environ["APT_CONFIG"]
        else:
            os.environ["APT_CONFIG"] = outer


def configuration():
    """Returns the file of apt's configuration, or None: it is the machine's."""
    return os.environ.get("APT_CONFIG")


def lists():
    """Returns the folder of apt's package lists."""
    return lists_of(configuration())


@functools.cache
def lists_of(_configuration):
    words = shlex.split(run(["apt-config", "shell", "LISTS", "Dir::State::lists/d"]))
    return pathlib.Path(words[0].removeprefix("LISTS="))


def lists_time():
    return lists().stat().st_mtime_ns if lists().exists() else 0


def may_update():
    return os.access(lists() if lists().exists() else lists().parent, os.W_OK)


def update_stamp():
    """Returns the file whose time is that of the last update()."""
    return own_folder() / "apt-lists-fetched"


def own_folder():
    """Returns the cache's folder for apt's files: one for the machine, and one for each suite."""
    path = pathlib.Path(configuration() or "/").parent
    return path if path.is_relative_to(cache.root()) else cache.root()


def update():
    """Fetches the package lists, once in a process. Returns whether they may be new."""
    return update_of(configuration())


@functools.cache
def update_of(_configuration):
    if not may_update():
        return False
    stamp = update_stamp()
    with cache.lock(f"apt-lists-{stamp.parent.name}"):
        if not stamp.exists() or stamp.stat().st_mtime < STARTED:
            cache.say("fetching apt's package lists")
            # If one source does not answer, the others are still used.
            subprocess.run([cache.TOP / "scripts/apt-update"], stdout=sys.stderr, check=False)
            stamp.touch()
    return True


def fresh(attempt):
    """Returns attempt(). If a package is not in the archive, updates the lists and calls
    attempt() once more. attempt() must look versions up itself: new lists name others."""
    try:
        return attempt()
    except NotInArchive as e:
        if not update():
            raise
        cache.say(f"once more, since: {e}")
    return attempt()


def latest(link, make):
    """Returns the cache's entry that make() finds or makes for what the archive has now.

    LINK names that entry until the package lists are newer. With SHADOWK_NO_BUILD the link always
    decides, since everything was built for its entry. It also does if make() fails, for example
    without a network."""
    known = link.exists()
    if known and (os.environ.get("SHADOWK_NO_BUILD") or
                  lists_time() <= link.lstat().st_mtime_ns):
        return link.resolve()
    seen = 0

    def attempt():
        nonlocal seen
        seen = lists_time()
        return make()

    try:
        path = fresh(attempt)
    except Unavailable as e:
        if not known:
            raise
        cache.say(f"{link.name} as it was, since: {e}")
        path = link.resolve()
    for used in {path, link.resolve()} if known else {path}:
        os.utime(used)                  # drop_unlinked() counts from here
    cache.point(link, path, seen)
    return path


def not_in_archive(what, why):
    archives = ("apt's sources have Debian's main and security archives"
                if own_folder() == cache.root() else "the archive has this suite and package")
    remedy = (f"check the network, and that {archives}" if may_update()
              else "as root, run: apt-get update")
    return NotInArchive(f"{what}: {why}; {remedy}")


# --- queries -----------------------------------------------------------------------

ABSENT = re.compile("not found|No packages found|Unable to locate")


def apt_cache(*args):
    """Returns apt-cache's output about the archive, whatever is installed here.

    Its index is kept in the cache: some machines keep none, and making it takes a second."""
    index = own_folder() / "apt"
    index.mkdir(exist_ok=True)
    done = subprocess.run(["apt-cache", "-o", f"Dir::Cache::pkgcache={index}/pkgcache.bin",
                           "-o", "Dir::Cache::srcpkgcache=", "-o", "Dir::State::status=/dev/null",
                           *args], capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    for line in done.stderr.splitlines():
        if line.startswith("E: ") and not ABSENT.search(line):
            raise Unavailable(f"apt-cache: {line.removeprefix('E: ')}")
    return done.stdout


def shown(*args):
    """Returns the stanzas that apt-cache shows, each as a dictionary."""
    return [dict(re.findall(r"^([\w-]+): (.*)$", stanza, re.M))
            for stanza in apt_cache("show", *args).split("\n\n") if stanza.strip()]


def candidate(package):
    """Returns the version that apt would install."""
    for stanza in shown("--no-all-versions", package):
        if "Version" in stanza:
            return stanza["Version"]
    raise not_in_archive(package, "apt knows no such package")


def pick(package, version):
    """Returns (PACKAGE, VERSION) if the archive has that version, else the candidate."""
    if version and shown(f"{package}={version}"):
        return package, version
    return package, candidate(package)


def dependencies(package, version):
    """Returns the versions that a package names for its dependencies, or None, by their names."""
    depends = next((s.get("Depends", "") for s in shown(f"{package}={version}")), "")
    return dict(re.match(r"\s*(\S+)(?: \([<>=]+ (\S+)\))?", clause).groups()
                for clause in re.split(r"[,|]", depends) if clause.strip())


def matching(package, version, pattern):
    """Returns the dependencies of a package whose names match: (name, version) each.

    The version is that of the dependency if the archive has it, else the candidate."""
    return [pick(*found) for found in dependencies(package, version).items()
            if re.fullmatch(pattern, found[0])]


def dependency(package, version, pattern):
    """Returns the first of matching()."""
    for found in matching(package, version, pattern):
        return found
    raise not_in_archive(f"{package} {version}", f"depends on no {pattern}")


def names(prefix):
    """Returns the packages whose names begin with PREFIX."""
    return apt_cache("pkgnames", prefix).split()


def versions(package):
    return list(dict.fromkeys(s["Version"] for s in shown("-a", package) if "Version" in s))


def is_older(a, b):
    return not subprocess.run(["dpkg", "--compare-versions", a, "lt", b], check=False).returncode


# --- downloads ---------------------------------------------------------------------

# apt-get's errors about a package or file that new lists may have. Its other errors are about the
# network or this machine.
GONE = re.compile(r"\b40[34] |File not found|Unable to locate|was not found|Can't find a source|"
                  "no installation candidate|unmet dependencies|held broken|Hash Sum|"
                  "unexpected size")


def apt(what, args, **kw):
    """Runs apt-get, which prints only its errors."""
    done = subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", *args],
                          stdout=sys.stderr, stderr=subprocess.PIPE, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C"}, **kw)
    if not done.returncode:
        return
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("E: ") for line in said if line.startswith("E: ")]
    why = (errors or said or [f"apt-get ended with {done.returncode}"])[0]
    if GONE.search(" ".join(said)):
        raise not_in_archive(f"cannot download {what}", why)
    raise Unavailable(f"cannot download {what}: {why}; check the network and the disk's space")


def fetch(packages, folder):
    """Downloads these packages only, each as (name, version)."""
    words = [f"{name}={version}" for name, version in packages]
    apt(" ".join(words), ["download", *words], cwd=folder)


def fetch_closure(packages, folder):
    """Downloads these packages and all dependencies, as for an empty system."""
    for deb in folder.glob("*.deb"):    # of an earlier attempt, with other versions
        deb.unlink()
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
        raise Unavailable(f"{deb} is damaged; try again")


def unpack(debs, folder, jobs=2):
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda deb: unpack_one(deb, folder), debs))
