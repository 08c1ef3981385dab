#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: once timeout=60
# `shadowctl doctor --bundle` writes what a report of a fault needs, with the module and without, and
# no address of the kernel unless --addresses is given.
PYTHONPATH=${0%/*}/lib exec python3 - <<'END'
import json
import os
import re
import stat
import subprocess

from check import ctl, finish, is_, run

FILE = "/tmp/bundle.json"
ADDRESS = re.compile("ff[0-9a-f]{14}")


def bundle(*options, **kw):
    """Returns the bundle's text and what it contains."""
    run("doctor", "--bundle", FILE, *options, **kw)
    with open(FILE) as file:
        text = file.read()
    return text, json.loads(text)


def symbol(name):
    with open("/proc/kallsyms") as file:
        return next(line.split()[0] for line in file if line.split()[2] == name)


def log(text):
    with open("/dev/kmsg", "w") as file:
        file.write(text)


address = symbol("vfs_read")
is_("this guest shows addresses", bool(ADDRESS.fullmatch(address)), True)
run("create", "web")
run("probe", "add", "web", "0x" + address, "--kind", "latency", "--name", "reads")
run("probe", "add", "web", "vfs_write", "--name", "writes")
run("raw", "privatise", "web", "vfs_read")
run("patch", "add", "web", "__x64_sys_getppid", "--return", "7", "--name", "ppid")
log(f"shadowk: test: near {address}, 0x{address.upper()} and 0xff11000123456789.")
log("other: not about the module")

text, got = bundle()
is_("addresses", ADDRESS.findall(text.lower()), [])
is_("mode", stat.S_IMODE(os.stat(FILE).st_mode), 0o600)
is_("members", sorted(got), ["cpu", "doctor", "kernel", "libshadowk", "log", "shadowctl", "shadowk",
                             "shadows", "symbols_found", "symbols_missing"])
is_("kernel", got["kernel"]["release"], os.uname().release)
is_("versions", got["shadowctl"] == got["libshadowk"] == got["shadowk"]["version"], True)
is_("doctor", got["doctor"], ctl("doctor"))
is_("cpu", "flags" in got["cpu"] and not got["cpu"]["flags"].endswith("\n"), True)
shadow = got["shadows"][0]
is_("shadow", (shadow["name"], shadow["id"]), ("web", ctl("show", "web")["id"]))
is_("probes", [(p["name"], p["symbol"], p["kind"]) for p in shadow["probes"]],
    [("reads", "vfs_read", "latency"), ("writes", "vfs_write", "count")])
is_("patches", [p["name"] for p in shadow["patches"]], ["ppid"])
is_("raw edits", [r["symbol"] for r in shadow["raw_edits"]], ["vfs_read"])
is_("symbols that are found", {"kallsyms_lookup_name", "init_mm", "__text_poke", "can_probe"} -
    set(got["symbols_found"]), set())
is_("symbols that are missing", "text_poke" in got["symbols_missing"], False)
is_("log", [line.split("] ")[-1] for line in got["log"] if "test: near" in line],
    ["shadowk: test: near (address), (address) and (address)."])
is_("log of the load", any("shadowk: loaded" in line for line in got["log"]), True)
is_("other lines", "other: not" in text, False)

text, got = bundle("--addresses")
is_("address of a probe", got["shadows"][0]["probes"][0]["address"], "0x" + address)
is_("address of a symbol", got["symbols_found"]["init_mm"], [symbol("init_mm")])
is_("addresses in the log", text.count(address) >= 2, True)
is_("JSON beside the bundle", json.loads(run("doctor", "--json", "--bundle", FILE))["module"], "loaded")

is_("no --bundle", "--bundle FILE" in run("doctor", "--addresses", status=2), True)
is_("no folder", "/none/file" in run("doctor", "--bundle", "/none/file", status=1), True)
run("destroy", "web")
os.unlink(FILE)
done = subprocess.run(["setpriv", "--reuid=1000", "--clear-groups", "shadowctl", "doctor", "--bundle",
                       FILE], capture_output=True, text=True, check=False)
with open(FILE) as file:
    got = json.load(file)
is_("by a user", (done.returncode, "shadows" in got, "/dev/shadowk" in got["error"]),
    (1, False, True))
os.unlink(FILE)

subprocess.run(["rmmod", "shadowk"], check=True)
text, got = bundle()
is_("addresses without the module", ADDRESS.findall(text.lower()), [])
is_("error without the module", "not loaded" in got["error"], True)
is_("state of the module", got["doctor"]["module"], "installed")
is_("symbols without the module", "init_mm" in got["symbols_found"], True)
finish()
END
