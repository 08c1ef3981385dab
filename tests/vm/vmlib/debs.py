# SPDX-License-Identifier: GPL-2.0
"""Debian packages, downloaded and unpacked without installing them."""

import os
import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

LISTS = pathlib.Path("/var/lib/apt/lists")


class Unavailable(Exception):
    """apt does not know, or cannot reach, what was asked for."""


def run(args, **kw):
    kw.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(args, check=True, text=True, **kw).stdout


def field(package, name):
    """One field of the candidate version of a package, None if there is none."""
    done = subprocess.run(["apt-cache", "show", "--no-all-versions", package],
                          capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith(name + ": "):
            return line.split(": ", 1)[1]
    return None


def update():
    """Fetch the package lists; only root can, and only with a network."""
    if os.geteuid() == 0:
        subprocess.run(["apt-get", "-qq", "update"], stdout=sys.stderr, check=False)


def retried(download):
    """Old lists name files that the mirror has dropped: refresh them once."""
    try:
        return download()
    except subprocess.CalledProcessError:
        update()
    try:
        return download()
    except subprocess.CalledProcessError as e:
        raise Unavailable(f"apt cannot download: {e}") from e


def fetch(packages, folder):
    """Download just these packages."""
    return retried(lambda: run(
        ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages],
        cwd=folder, stdout=sys.stderr))


def fetch_closure(packages, folder):
    """Download these packages and all that they depend on, as for an empty system."""
    state = folder / "state"
    (state / "partial").mkdir(parents=True)
    (state / "status").write_text("")
    retried(lambda: run(
        ["apt-get", "-qq", "-y", "--download-only",
         "-o", f"Dir::State::status={state}/status",
         "-o", f"Dir::State::extended_states={state}/extended",
         "-o", f"Dir::Cache::archives={folder}",
         "-o", "Debug::NoLocking=1", "-o", "APT::Install-Recommends=false",
         "-o", "APT::Sandbox::User=root", "install", *packages],
        stdout=sys.stderr))


def unpack_one(deb, folder):
    # --keep-directory-symlink: packages ship files below /lib, a link to usr/lib.
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb],
                          stdout=subprocess.PIPE) as p:
        run(["tar", "-x", "--keep-directory-symlink", "-C", folder],
            stdin=p.stdout)
    if p.returncode:
        raise Unavailable(f"{deb} is damaged")


def unpack(debs, folder, jobs=2):
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda deb: unpack_one(deb, folder), debs))
