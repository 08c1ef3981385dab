# SPDX-License-Identifier: GPL-2.0
"""The source of Debian's kernels, unpacked in the cache."""

import subprocess

from . import cache, debs, kernels

SERIES = "6.1", "6.12"
# Folders without files that a test compiles, which are most of the source
LEFT_OUT = ["Documentation", "drivers", "tools", "sound", "samples", "arch/[!x]*"]


def get(name):
    """Returns the folder with the source of the kernel 6.1 or 6.12, of the same version."""
    if name not in SERIES:
        raise debs.Unavailable(f"no source of the kernel {name}; there are {', '.join(SERIES)}")
    package = f"linux-source-{name}"
    version = (kernels.get(name) / "version").read_text().strip()

    def unpack(folder):
        aside = folder / "package"
        aside.mkdir()
        debs.fetch([(package, version)], aside)
        deb = next(aside.glob("*.deb"))
        subprocess.run(
            ["bash", "-o", "pipefail", "-c", 'dpkg-deb --fsys-tarfile "$1" | tar -xO "$2" |'
             ' tar -xJ -C "$3" --strip-components=1 "${@:4}"', "-", deb,
             f"./usr/src/{package}.tar.xz", folder,
             *(f"--exclude=*/{left}" for left in LEFT_OUT)], check=True)
        cache.remove(aside)

    folder = cache.make(f"sources/{package}_{version}", unpack)
    cache.drop_older("sources", folder, f"{package}_*")
    return folder
