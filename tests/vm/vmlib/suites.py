# SPDX-License-Identifier: GPL-2.0
"""Suites of Debian other than this machine's. Each suite has an apt configuration of its own in
the cache. The machine's sources give the addresses, and its configuration is not changed."""

import contextlib
import os
import pathlib
import re
import time

from . import cache, debs

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
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Architecture "amd64";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";     # a mirror of sid may lag; signatures are checked
"""


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
        raise debs.Unavailable(f"suite {name}: apt's sources name no archive of Debian's bookworm, "
                               "which has the other suites, too; add it to the sources")
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
        try:
            yield
        except debs.Unavailable as e:
            raise debs.Unavailable(f"suite {name}: {e}") from e
