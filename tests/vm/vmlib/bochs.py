# SPDX-License-Identifier: GPL-2.0
"""Bochs: slow, but its TLB has global entries. Others go when CR3 is loaded, whatever the
PCID: no emulator that we have keeps those of another PCID (BX_CPU_C::SetCR3()).

It boots a CD with ISOLINUX (GRUB takes twice as long to read it) and then has
everything in memory: cloud kernels have no driver for its disks."""

import os
import re
import socket
import subprocess
import threading
import time
import tty

from . import roots

BOOT_TIMEOUT = 600              # 30 s where nobody else wants the CPU
CPU = "corei7_haswell_4770"
# Its MWAIT misses what another CPU writes, so an idle CPU would sleep through IPIs.
# The CPUID of a single core contradicts itself, and 6.12 warns of it: there are always
# two, of which the kernel may use one.
# Only a triple fault ends Bochs (see CONFIG): make every way down lead to one.
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
    """Bochs draws its screen on a terminal of its own, whose name it tells. What nobody reads
    there fills it, in six minutes of a blinking cursor, and Bochs waits for good."""
    told = None
    while not told and process.poll() is None:
        time.sleep(0.1)
        told = re.search(rb'^Bochs connected to screen "(.*)"', (cfg.work / "emulator").read_bytes(),
                         re.M)
    try:
        screen = os.open(told[1], os.O_RDWR | os.O_NOCTTY)
        tty.setraw(screen)      # and no echo, which Bochs would take for keys
        while os.read(screen, 4096):
            pass
    except (OSError, TypeError):
        pass                    # it has ended


def start(cfg):
    """The running emulator and our end of its channel."""
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
        # What makes its debugger ask for a command ends it there, with a word in the log.
        stdin=subprocess.DEVNULL, stdout=cfg.emulator_log, stderr=cfg.emulator_log)
    threading.Thread(target=swallow_screen, args=(cfg, process), daemon=True).start()
    listener.settimeout(60)
    ours, _ = listener.accept()
    return process, ours
