# SPDX-License-Identifier: GPL-2.0
"""QEMU: the emulator for functional tests and, with -icount, for exact counting."""

import os
import platform
import shutil
import socket
import subprocess

from . import cache, roots

BOOT_TIMEOUT = 120
# On a busy machine a virtual CPU may get no time for long, and is not stuck.
PATIENCE = "watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120"
BASE_ARGS = ("console=ttyS0,115200 loglevel=5 oops=panic panic=-1 random.trust_cpu=on "
             f"{PATIENCE}")
# These switch off everything that makes a count depend on more than instructions, and the
# calibration of the local timer, which spins for six seconds of real time.
ICOUNT_ARGS = "tsc=reliable nokaslr cryptomgr.notests nolapic_timer"
KVM_PATIENCE = 10
FIRMWARE = "/usr/share/ovmf/OVMF.fd"
SECURE_FIRMWARE = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"
SECURE_VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd"
ENROLLED = "/usr/share/ovmf/PkKek-1-snakeoil.pem"   # certificate of the key that these have


def accelerator(cfg):
    """Returns kvm if it is known to boot this kernel on this host, else tcg."""
    if cfg.icount:
        return "tcg"
    asked = os.environ.get("SHADOWK_ACCEL")
    if asked:
        return asked
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    path = cache.root() / "kvm" / f"{platform.release()}-{cfg.kernel_dir.name}"
    with cache.lock("kvm"):
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text("kvm" if kvm_boots(cfg) else "tcg")
    return path.read_text()


def kvm_boots(cfg):
    """True if KVM boots a kernel up to the panic that it has no root."""
    console = cfg.work / "kvm-probe"
    with open(console, "wb") as out:
        try:
            subprocess.run(
                ["qemu-system-x86_64", "-accel", "kvm", "-m", "512M", *machine(),
                 "-serial", "stdio", "-kernel", cfg.kernel_dir / "vmlinuz",
                 "-append", "console=ttyS0 panic=-1"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL,
                timeout=KVM_PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            return False
    return b"Kernel panic" in console.read_bytes()


def machine():
    return ["-nodefaults", "-no-user-config", "-nic", "none", "-display", "none",
            "-no-reboot"]


def prepare(cfg):
    """Sets everything that the overlay must know before it is written, and the root's image."""
    cfg.image = (roots.filesystem(cfg.folder, cfg.work / "image", "4G") if cfg.folder else
                 roots.image(cfg.kernel_dir, cfg.root))
    cfg.root_device = "/dev/pmem0" if cfg.icount else "/dev/nvme0n1"
    cfg.early_modules = (["nfit", "nd_pmem"] if cfg.icount else ["nvme"]) + ["ext4"]


def nvme(name, image):
    """Returns the options for a disk whose changes are dropped with the emulator."""
    return ["-drive", f"if=none,id={name},format=raw,snapshot=on,file={image}",
            "-device", f"nvme,serial={name},drive={name}"]


def disk(cfg):
    if not cfg.icount:
        return nvme("root", cfg.image)
    # A disk takes real time to answer, which is not counted and differs each time. This disk is
    # memory: the CPU reads it by copying.
    return ["-machine", "pc,nvdimm=on", "-object",
            f"memory-backend-file,id=root,share=off,size={cfg.image.stat().st_size},"
            f"mem-path={cfg.image}", "-device", "nvdimm,memdev=root"]


def spares():
    """Returns the options for devices that no guest needs, and for which tests may load drivers:
    two network cards that are connected with each other, and a disk of zeros."""
    return ["-netdev", "hubport,id=left,hubid=0", "-netdev", "hubport,id=right,hubid=0",
            "-device", "virtio-net-pci,netdev=left,romfile=",
            "-device", "virtio-net-pci,netdev=right,romfile=",
            "-blockdev", "null-co,node-name=zeros,size=67108864,read-zeroes=on",
            "-device", "virtio-blk-pci,drive=zeros"]


def firmware(cfg):
    if not cfg.secure_boot:
        return ["-bios", FIRMWARE] if cfg.efi else []
    # Only code in system management mode may write the variables.
    variables = shutil.copy(SECURE_VARIABLES, cfg.work / "variables")
    return ["-machine", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on",
            "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={SECURE_FIRMWARE}",
            "-drive", f"if=pflash,format=raw,unit=1,file={variables}"]


def launch(cfg, what):
    """Starts the emulator, which boots WHAT. Returns its process and this end of its channel."""
    ours, theirs = socket.socketpair()
    accel = accelerator(cfg)
    # thread=multi breaks unmodified kernels, too, if they patch their text under load.
    command = ["qemu-system-x86_64", *machine(), "-cpu", cfg.cpu, "-smp", str(cfg.smp),
               "-accel", "kvm" if accel == "kvm" else "tcg,thread=single"]
    if cfg.icount:
        command += ["-icount", "shift=0,sleep=off"]
    command += ["-chardev", f"file,id=console,path={cfg.console}",
                "-serial", "chardev:console",
                "-chardev", f"socket,id=channel,fd={theirs.fileno()}",
                "-serial", "chardev:channel", *what]
    # The emulator is killed when this process ends, in whatever way.
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command],
                               pass_fds=[theirs.fileno()], start_new_session=True,
                               stdin=subprocess.DEVNULL, stdout=cfg.emulator_log,
                               stderr=cfg.emulator_log)
    theirs.close()
    return process, ours


def start(cfg):
    args = [BASE_ARGS]
    if cfg.icount:
        args.append(ICOUNT_ARGS)
    spare = [] if cfg.icount else spares()
    return launch(cfg, [*firmware(cfg), *disk(cfg), *spare, "-m", f"{cfg.mem},slots=1,maxmem=64G",
                        "-kernel", cfg.kernel_dir / "vmlinuz", "-initrd", cfg.overlay,
                        "-append", " ".join([*args, cfg.append])])
