# SPDX-License-Identifier: GPL-2.0
"""The debug kernel: Debian's source with every check that the kernel has of itself.

Built once per tests/vm/debug.config and version of the source, which takes long: what
is interrupted goes on where it was."""

import hashlib
import os
import re
import subprocess
import sys
import time

from . import cache, debs

SOURCE = "linux-source-6.1"
CONFIG = cache.TOP / "tests/vm/debug.config"
# What modules are built with; the rest of the tree goes once the kernel is there.
KEPT = {"Makefile", "Kbuild", ".config", "Module.symvers", "System.map", "arch", "include",
        "scripts", "tools"}
NICE = ["nice", "-n", "10"]
# As in Debian's kernels, what shadow/hooks.c needs of ftrace.c is to be a function.
ARGS = ["CFLAGS_ftrace.o=-fno-inline-functions -fno-inline-small-functions"
        " -fno-inline-functions-called-once"]


def key():
    return hashlib.sha256(CONFIG.read_bytes() + repr(ARGS).encode()).hexdigest()[:12]


def options(path):
    """CONFIG_* of a file as lines."""
    return {line.strip() for line in path.read_text().splitlines()
            if line.startswith("CONFIG_")}


def say(text):
    cache.say(f"debug kernel: {text}")


def unpack(tree, version):
    """The source, whole or not at all."""
    if tree.exists():
        return
    say(f"downloading and unpacking {SOURCE} {version}")
    aside = tree.with_name("unpacking")
    cache.remove(aside)
    aside.mkdir()
    debs.fetch([(SOURCE, version)], aside)
    deb = next(aside.glob("*.deb"))
    inside = f"./usr/src/{SOURCE}.tar.xz"
    subprocess.run(
        ["bash", "-o", "pipefail", "-c", 'dpkg-deb --fsys-tarfile "$1" | tar -xO "$2" |'
         ' tar -xJ -C "$3" --strip-components=1', "-", deb, inside, aside], check=True)
    deb.unlink()
    aside.rename(tree)


def environment():
    """Its own jobs, not those of the make around it."""
    return {k: v for k, v in os.environ.items()
            if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}


def make(tree, *args, **kw):
    kw.setdefault("stdout", sys.stderr)
    return subprocess.run([*NICE, "make", "-s", "-C", tree, *args], env=environment(),
                          stdin=subprocess.DEVNULL, check=True, **kw)


def configure(tree):
    make(tree, f"KCONFIG_ALLCONFIG={CONFIG}", "allnoconfig", stdout=subprocess.DEVNULL)
    missing = options(CONFIG) - options(tree / ".config")
    if missing:
        raise debs.Unavailable(f"{CONFIG.name}: this kernel does not take "
                               + ", ".join(sorted(missing)))


def compile_all(tree):
    """make, with a word every now and then of how far it is."""
    begun = told = time.monotonic()
    files = 0
    terminal = sys.stderr.isatty()
    with subprocess.Popen([*NICE, "make", f"-j{os.cpu_count()}", "-C", tree, *ARGS],
                          env=environment(), text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE) as p:
        for line in p.stdout:
            files += bool(re.match(r"  (CC|AS|LD|AR|HOSTCC)\b", line))
            now = time.monotonic()
            if now - told < (1 if terminal else 60):
                continue
            told = now
            text = f"{(now - begun) / 60:.0f} min, {files} files, {line.split()[-1]}"
            if terminal:
                print(f"\r\033[Kvm: debug kernel: {text}", end="", file=sys.stderr, flush=True)
            else:
                say(text)
    if terminal:
        print(file=sys.stderr)
    if p.returncode:
        raise debs.Unavailable(f"the debug kernel does not build; see make -C {tree}")
    say(f"built in {(time.monotonic() - begun) / 60:.0f} min")


def prune(tree):
    """Objects and sources that no module needs: most of two gigabytes."""
    for path in tree.iterdir():
        if path.name not in KEPT:
            cache.remove(path)
    for path in (tree / "arch").iterdir():
        if path.name != "x86":
            cache.remove(path)
    for path in (tree / "arch/x86").iterdir():
        if path.name not in ("include", "entry") and not path.name.startswith("Makefile"):
            cache.remove(path)
    for path in (tree / "tools").iterdir():
        if path.name != "objtool":
            cache.remove(path)


def build(folder, version):
    tree = folder / "source"
    unpack(tree, version)
    configure(tree)
    compile_all(tree)
    release = make(tree, "kernelrelease", stdout=subprocess.PIPE, text=True).stdout.strip()
    make(tree, f"INSTALL_MOD_PATH={folder}", "modules_install", stdout=subprocess.DEVNULL)
    for link in ("build", "source"):
        cache.remove(folder / "lib/modules" / release / link)
    for made, name in (("arch/x86/boot/bzImage", "vmlinuz"), (".config", "config"),
                       ("System.map", "System.map")):
        os.replace(tree / made, folder / name)
    # Modules are configured by the very same file.
    (tree / ".config").symlink_to("../config")
    prune(tree)
    (folder / "build").symlink_to("source")
    (folder / "version").write_text(version + "\n")
    (folder / "release").write_text(release + "\n")


def build_current(link):
    """Returns the folder for the source that the archive has now, built if it is absent."""
    version = debs.candidate(SOURCE)
    folder = link.with_name(f"debug-{version}-{key()}")
    with cache.lock("kernels/debug"):
        if not folder.exists():
            unfinished = link.with_name(f".{folder.name}")
            unfinished.mkdir(parents=True, exist_ok=True)
            build(unfinished, version)
            unfinished.rename(folder)
        cache.point(link, folder)
        for pattern in ("debug-*", ".debug-*"):
            cache.drop_older("kernels", folder, pattern)
    return folder


def get(link):
    """Its folder; LINK, in the cache, names the last one. A newer source is no reason to
    build it again, which takes too long."""
    if link.exists() and link.resolve().name.endswith(key()):
        return link.resolve()
    subprocess.run([cache.TOP / "scripts/deps", "debug"], check=True)
    return debs.fresh(lambda: build_current(link))
