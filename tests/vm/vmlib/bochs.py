# SPDX-License-Identifier: GPL-2.0
"""Bochs is slow, but its TLB has global entries. It drops all other entries when CR3 is loaded,
whatever the PCID (BX_CPU_C::SetCR3()). No emulator here keeps entries of another PCID.

It boots a CD with ISOLINUX, since GRUB takes twice as long to read it. Everything is in memory
then: cloud kernels have no driver for its disks."""

import os
import re
import socket
import subprocess
import threading
import time
import tty

from . import roots

BOOT_TIMEOUT = 600              # 30 s on an idle machine
CPU = "corei7_haswell_4770"
# idle=halt: Bochs's MWAIT misses writes of other CPUs, so an idle CPU would sleep through IPIs.
# There are always two cores, of which the kernel may use one: the CPUID of a single core
# contradicts itself, and 6.12 warns of it.
# Only a triple fault ends Bochs (see CONFIG), so every shutdown must lead to one.
ARGS = ("console=ttyS0,115200 loglevel=5 oops=panic panic=-1 reboot=triple nox2apic "
        "random.trust_cpu=on cryptomgr.notests idle=halt")
ISOLINUX = """default linux
label linux
kernel /vmlinuz
append initrd=/root.cpio,/overlay.cpio {args}
"""
CONFIG = """display_library: term
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
megs: {megs}
cpu: model={cpu}, count=1:{cores}:1, ips=50000000, reset_on_triple_fault=0
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={console}
com2: enabled=1, mode=socket-client, dev=127.0.0.1:{port}
clock: sync=none, time0=utc
log: {log}
panic: action=fatal
error: action=report
info: action=ignore
speaker: enabled=0
"""


def prepare(cfg):
    cfg.archive = roots.archive("lean")
    cfg.root_device = None
    cfg.early_modules = []
    if cfg.cpu == "max":
        cfg.cpu = CPU


def megabytes(size):
    return int(size.rstrip("GM")) * (1024 if size.endswith("G") else 1)


def make_iso(cfg):
    args = f"{ARGS} nr_cpus={cfg.smp} {cfg.append}"
    (cfg.work / "isolinux.cfg").write_text(ISOLINUX.format(args=args))
    iso = cfg.work / "boot.iso"
    subprocess.run(
        ["xorriso", "-as", "mkisofs", "-o", iso, "-R", "-b", "isolinux.bin",
         "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table",
         "-graft-points", f"isolinux.cfg={cfg.work / 'isolinux.cfg'}",
         "isolinux.bin=/usr/lib/ISOLINUX/isolinux.bin",
         "ldlinux.c32=/usr/lib/syslinux/modules/bios/ldlinux.c32",
         f"vmlinuz={cfg.kernel_dir / 'vmlinuz'}", f"root.cpio={cfg.archive}",
         f"overlay.cpio={cfg.overlay}"],
        stdout=cfg.emulator_log, stderr=cfg.emulator_log, check=True)
    return iso


def swallow_screen(cfg, process):
    """Reads Bochs's screen. Bochs draws it on a terminal of its own, whose name it prints. Without
    a reader the terminal is full after six minutes of a blinking cursor, and Bochs hangs."""
    told = None
    while not told and process.poll() is None:
        time.sleep(0.1)
        told = re.search(rb'^Bochs connected to screen "(.*)"', (cfg.work / "emulator").read_bytes(),
                         re.M)
    try:
        screen = os.open(told[1], os.O_RDWR | os.O_NOCTTY)
        tty.setraw(screen)      # without echo, which Bochs would take for keys
        while os.read(screen, 4096):
            pass
    except (OSError, TypeError):
        pass                    # it has ended


def start(cfg):
    """Starts the emulator. Returns its process and this end of its channel."""
    iso = make_iso(cfg)
    listener = socket.create_server(("127.0.0.1", 0))
    (cfg.work / "bochsrc").write_text(CONFIG.format(
        megs=megabytes(cfg.mem), cpu=cfg.cpu, cores=max(2, cfg.smp), iso=iso, console=cfg.console,
        port=listener.getsockname()[1], log=cfg.work / "bochs.log"))
    (cfg.work / "continue").write_text("continue\n")     # to its debugger
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "--", "bochs-bin", "-q",
         "-f", cfg.work / "bochsrc", "-rc", cfg.work / "continue"],
        env={**os.environ, "TERM": "linux"}, start_new_session=True,
        # If its debugger asks for a command, the end of input ends it, and the log says so.
        stdin=subprocess.DEVNULL, stdout=cfg.emulator_log, stderr=cfg.emulator_log)
    threading.Thread(target=swallow_screen, args=(cfg, process), daemon=True).start()
    listener.settimeout(60)
    ours, _ = listener.accept()
    return process, ours
