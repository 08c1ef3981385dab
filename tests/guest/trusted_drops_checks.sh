#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: thunks timeout=120
# This kernel has everything that the profile "trusted" drops, except optional items. Processes
# inside work without it, and the dropped checks are not made.
PYTHONPATH=${0%/*}/lib exec python3 - <<'END'
import subprocess
import sys

from check import ctl, finish, is_

with open("/proc/kallsyms", encoding="ascii") as f:
    if " apparmor_file_permission\n" not in f.read():
        print("not one of Debian's kernels: it lacks AppArmor")
        sys.exit(77)

JOB = """
import mmap, os, socket
a, b = socket.socketpair()
for i in range(20):
    a.send(b'x' * 4096)
    b.recv(4096)
    with open('/root/f', 'wb') as f:
        f.write(b'x' * 10000)
        m = mmap.mmap(-1, 4096)
    os.rename('/root/f', '/root/g')
    assert os.stat('/root/g').st_size == 10000
    os.unlink('/root/g')
    os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)
"""


def asked(name):
    """Returns how often a job inside calls AppArmor's check."""
    ctl("probe", "add", name, "apparmor_file_permission", "--name", "asked")
    job = subprocess.run(["shadowctl", "run", name, "--", "python3", "-c", JOB], check=False)
    is_(f"the job in {name}", job.returncode, 0)
    return [p["hits"] for p in ctl("probe", "list", name) if p["name"] == "asked"][0]


left_out = {i["item"] for i in ctl("create", "all", "--profile", "trusted")["left_out"]}
is_("left out", left_out <= {"retpolines", "returns"}, True)
patches = {p["name"] for p in ctl("show", "all")["patches"]}
is_("shown", {"trusted:usercopy", "trusted:socket-sendmsg", "trusted:file-permission"} <= patches,
    True)
ctl("create", "most", "--profile", "trusted", "--without", "file-permission")
is_("patches without one item", {p["name"] for p in ctl("show", "most")["patches"]},
    patches - {"trusted:file-permission"})
is_("checks without the dropping item are made", asked("most") > 0, True)
is_("checks in the whole profile", asked("all"), 0)
verdict = ctl("verify", "all")
is_("verified", verdict["strays"], [])
finish()
END
