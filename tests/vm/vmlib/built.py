# SPDX-License-Identifier: GPL-2.0
"""Kernels that are built from Debian's source, with the kernel's own checks.

Each is built once for a configuration and version of the source, which takes long. A build that was
interrupted continues where it was."""

import collections
import hashlib
import os
import re
import subprocess
import sys
import time

from . import cache, debs

SOURCE = "linux-source-6.1"
# Files with which modules are built. The rest of the tree is deleted after the build.
KEPT = {"Makefile", "Kbuild", ".config", "Module.symvers", "System.map", "arch", "include",
        "scripts", "tools"}
NICE = ["nice", "-n", "10"]
# As in Debian's kernels, the functions of ftrace.c that kmod/hooks uses must not be inlined.
ARGS = ["CFLAGS_ftrace.o=-fno-inline-functions -fno-inline-small-functions"
        " -fno-inline-functions-called-once"]
# Files whose data the module shares. KCSAN watches these and all modules. It looks at one access in
# a thousand, and most of these accesses would be elsewhere if it watched the whole kernel.
SHARED = ["fork", "exit", "exec", "kthread", "task_work", "workqueue", "mmu_notifier", "kprobes",
          "patch", "transition", "cgroup"]
# Files with the barriers of locks, which KCSAN must know.
BARRIERS = ["spinlock", "mutex", "rwsem", "percpu-rwsem", "semaphore", "osq_lock", "tree", "srcutree",
            "smp", "stop_machine", "softirq", "completion", "refcount", "llist"]
WATCHED = ["KCSAN_SANITIZE=n", *(f"KCSAN_SANITIZE_{name}.o=y" for name in SHARED),
           *(f"KCSAN_INSTRUMENT_BARRIERS_{name}.o=y" for name in BARRIERS)]

Recipe = collections.namedtuple("Recipe", "configs args")
RECIPES = {
    "debug": Recipe(["machine", "debug"], ARGS),
    "races": Recipe(["machine", "races"], [*ARGS, *WATCHED]),
}


def lines(name):
    """Returns the lines of a kernel's configuration."""
    return [line.strip() for config in RECIPES[name].configs
            for line in (cache.TOP / f"tests/vm/{config}.config").read_text().splitlines()
            if re.match("CONFIG_|# CONFIG_", line)]


def key(name):
    return hashlib.sha256(repr((lines(name), RECIPES[name].args)).encode()).hexdigest()[:12]


def say(name, text):
    cache.say(f"{name} kernel: {text}")


def unpack(name, tree, version):
    """Unpacks the source. TREE is complete if it exists."""
    if tree.exists():
        return
    say(name, f"downloading and unpacking {SOURCE} {version}")
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
    """Returns an environment in which make does not share the jobs of an outer make."""
    return {k: v for k, v in os.environ.items()
            if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}


def make(tree, *args, **kw):
    kw.setdefault("stdout", sys.stderr)
    return subprocess.run([*NICE, "make", "-s", "-C", tree, *args], env=environment(),
                          stdin=subprocess.DEVNULL, check=True, **kw)


def configure(name, tree):
    wanted = lines(name)
    config = tree.with_name("wanted.config")
    config.write_text("\n".join(wanted) + "\n")
    make(tree, f"KCONFIG_ALLCONFIG={config}", "allnoconfig", stdout=subprocess.DEVNULL)
    missing = set(wanted) - set((tree / ".config").read_text().splitlines())
    if missing:
        raise debs.Unavailable(f"the {name} kernel does not take " + ", ".join(sorted(missing)))


def compile_all(name, tree):
    """Runs make, and prints its progress from time to time."""
    begun = told = time.monotonic()
    files = 0
    terminal = sys.stderr.isatty()
    with subprocess.Popen([*NICE, "make", f"-j{os.cpu_count()}", "-C", tree,
                           *RECIPES[name].args],
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
                print(f"\r\033[Kvm: {name} kernel: {text}", end="", file=sys.stderr, flush=True)
            else:
                say(name, text)
    if terminal:
        print(file=sys.stderr)
    if p.returncode:
        raise debs.Unavailable(f"the {name} kernel does not build; see make -C {tree}")
    say(name, f"built in {(time.monotonic() - begun) / 60:.0f} min")


def prune(tree):
    """Deletes objects and sources that no module needs: most of two gigabytes."""
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


def build(name, folder, version):
    tree = folder / "source"
    unpack(name, tree, version)
    configure(name, tree)
    compile_all(name, tree)
    release = make(tree, "kernelrelease", stdout=subprocess.PIPE, text=True).stdout.strip()
    make(tree, f"INSTALL_MOD_PATH={folder}", "modules_install", stdout=subprocess.DEVNULL)
    for link in ("build", "source"):
        cache.remove(folder / "lib/modules" / release / link)
    for made, name in (("arch/x86/boot/bzImage", "vmlinuz"), (".config", "config"),
                       ("System.map", "System.map")):
        os.replace(tree / made, folder / name)
    # Modules use the same configuration.
    (tree / ".config").symlink_to("../config")
    prune(tree)
    (folder / "build").symlink_to("source")
    (folder / "version").write_text(version + "\n")
    (folder / "release").write_text(release + "\n")


def build_current(name, link):
    """Returns the folder for the source that the archive has now, built if it is absent."""
    version = debs.candidate(SOURCE)
    folder = link.with_name(f"{name}-{version}-{key(name)}")
    with cache.lock(f"kernels/{name}"):
        if not folder.exists():
            unfinished = link.with_name(f".{folder.name}")
            unfinished.mkdir(parents=True, exist_ok=True)
            build(name, unfinished, version)
            unfinished.rename(folder)
        cache.point(link, folder)
        for pattern in (f"{name}-*", f".{name}-*"):
            cache.drop_older("kernels", folder, pattern)
    return folder


def get(name, link):
    """Returns the kernel's folder. LINK, in the cache, names the last one. A newer source is no
    reason to build it again, which takes too long."""
    if link.exists() and link.resolve().name.endswith(key(name)):
        return link.resolve()
    subprocess.run([cache.TOP / "scripts/deps", "debug"], check=True)
    return debs.fresh(lambda: build_current(name, link))
