# SPDX-License-Identifier: GPL-2.0
"""Root file systems: unpacked Debian packages, without maintainer scripts.

A tree is made once for each recipe, which is this file and tests/vm/packages. It is turned into an
ext4 image with one kernel's modules, or into a cpio, from which an emulator boots."""

import hashlib
import inspect
import os
import pathlib
import shutil
import subprocess
import tempfile

from . import cache, cpio, debs, kernels

PACKAGES = cache.TOP / "tests/vm/packages"
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
DIRS = ("dev", "proc", "sys", "run", "tmp", "root", "mnt", "etc", "var/tmp", "var/log",
        "var/lib", "home", "lib/modules", "usr/lib/shadowk")
# Documentation, and parts of big packages that no test needs.
PRUNED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info",
          "usr/share/i18n", "usr/share/lintian", "usr/share/perl", "usr/share/gcc",
          "usr/share/zoneinfo", "usr/share/stress-ng", "usr/share/icons",
          "usr/share/bash-completion", "usr/share/kernelshark")
# Dependencies of maintainer scripts and of locales. A lean root has neither.
LEAN_PRUNED = tuple("usr/lib/x86_64-linux-gnu/" + name for name in (
    "perl", "perl-base", "gconv", "libperl.so.5.36", "libperl.so.5.36.0", "libdb-5.3.so",
    "libmvec.so.1", "libssl.so.3")) + (
    "usr/bin/perl", "usr/bin/perl5.36.0", "usr/lib/locale", "usr/bin/localedef",
    "usr/bin/dpkg", "usr/bin/tar", "usr/share")
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n"
                  "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
                  "memcache:x:104:104:memcached:/nonexistent:/bin/false\n"
                  "user:x:1000:1000:a test's user:/home:/bin/bash\n"
                  "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\ntty:x:5:\ndisk:x:6:\nwww-data:x:33:\nmemcache:x:104:\n"
                 "user:x:1000:\nnogroup:x:65534:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/hosts": "127.0.0.1 localhost guest\n::1 localhost guest\n",
    "etc/hostname": "guest\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "root/.bashrc": "PS1='guest:\\w\\$ '\n",
}
LINKS = {"etc/mtab": "/proc/self/mounts", "usr/bin/awk": "mawk",
         "usr/bin/nc": "nc.openbsd", "var/run": "/run"}


def packages(section):
    """Returns the packages of a section, with those of the sections that it names."""
    lists, words = {}, None
    for line in PACKAGES.read_text().splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("["):
            words = lists.setdefault(line.strip("[]"), [])
        elif line:
            words += line.split()

    def expand(name):
        for word in lists[name]:
            yield from expand(word) if word in lists else [word]
    return sorted(set(expand(section)))


def recipe(section):
    """Returns a name that changes if the tree would be made differently."""
    text = repr((packages(section), MERGED, DIRS, PRUNED, LEAN_PRUNED, FILES, LINKS,
                 inspect.getsource(build_tree)))
    return f"{section}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def build_tree(aside, section):
    tree = aside / "tree"
    for name in MERGED:
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    for name in DIRS:
        (tree / name).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=aside) as tmp:
        tmp = pathlib.Path(tmp)
        (tmp / "partial").mkdir()
        debs.fresh(lambda: debs.fetch_closure(packages(section), tmp))
        debs.unpack(sorted(tmp.glob("*.deb")), tree)
    for name in PRUNED + (LEAN_PRUNED if section == "lean" else ()):
        cache.remove(tree / name)
    for name, text in FILES.items():
        (tree / name).write_text(text)
    for name, target in LINKS.items():
        cache.remove(tree / name)
        (tree / name).symlink_to(target)
    for name, mode in (("tmp", 0o1777), ("var/tmp", 0o1777), ("root", 0o755),
                       ("etc/shadow", 0o600)):
        (tree / name).chmod(mode)
    subprocess.run(["ldconfig", "-r", tree], check=True)
    return tree


def tree(section):
    path = cache.make(f"roots/{recipe(section)}", lambda p: build_tree(p, section))
    cache.drop_older("roots", path, f"{section}-*")
    return path


def filesystem(tree, out, size):
    """Makes an ext4 image of a tree."""
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext4", "-m", "0", "-b", "4096", "-N", "100000",
         "-O", "^has_journal,^metadata_csum,^resize_inode", "-E",
         "lazy_itable_init=1,nodiscard,root_owner=0:0", "-d", tree, out, size],
        stdout=subprocess.DEVNULL, check=True)
    return out


def add_headers(kernel, tree):
    """Adds the kernel's headers, by which bcc compiles its programs, to a tree with its modules."""
    release = kernels.release(kernel)
    subprocess.run(["cp", "-r", kernel / "headers/usr", tree], check=True)
    for link, pattern in (("build", f"linux-headers-{release}"), ("source", "linux-headers-*-common")):
        found = next((kernel / "headers/usr/src").glob(pattern))
        (tree / "lib/modules" / release / link).symlink_to(f"/usr/src/{found.name}")


def image(kernel, section="full"):
    """Returns an ext4 image of a root with this kernel's modules."""
    release = kernels.release(kernel)

    def build(aside):
        merged = aside / "tree"
        # Hard links suffice, since the files are only read.
        subprocess.run(["cp", "-al", tree(section), merged], check=True)
        subprocess.run(["cp", "-r", kernel / "lib/modules" / release,
                        merged / "lib/modules"], check=True)
        if section == "tools":
            add_headers(kernel, merged)
        return filesystem(merged, aside / "image", "2G")

    # The time distinguishes kernels that are made by hand, the version all others.
    stamp = f"{kernel.name}-{int(os.stat(kernel / 'vmlinuz').st_mtime)}"
    path = cache.make(f"images/{recipe(section)}-{stamp}.ext4", build)
    cache.drop_older("images", path, f"{section}-*-{kernel.name}-*.ext4")
    return path


def archive(section):
    """Returns a root as an uncompressed cpio, which the kernel unpacks fastest."""
    def build(aside):
        out = aside / "cpio"
        with open(out, "wb") as f:
            writer = cpio.Writer(f)
            writer.tree(tree(section))
            writer.end()
        return out

    path = cache.make(f"images/{recipe(section)}.cpio", build)
    cache.drop_older("images", path, f"{section}-*.cpio")
    return path
