# SPDX-License-Identifier: GPL-2.0
"""Xen in QEMU: the guest is dom0, or a paravirtualised domU beside it.

A domU has no serial port. It uses TCP to dom0, whose process 1 only starts it and passes its
channel on (tests/vm/guest/relay.c)."""

import gzip
import pathlib
import tempfile
import types

from . import cache, debs, kernels, overlay, qemu, roots

BOOT_TIMEOUT = 600
CPU = "max,-smap,-smep"             # Xen cannot emulate these for a PV guest in QEMU
PACKAGE = "xen-hypervisor-4.17-amd64"
IMAGE = "boot/xen-4.17-amd64.gz"
DOM0_KERNEL = "6.1-generic"
DOM0_MODULES = ["nvme", "ext4"]
HOST_MODULES = ["xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-privcmd", "xenfs",
                "xen-netback"]
DOMU_MODULES = ["xen-blkfront", "xen-netfront", "ext4"]
HOST_MB, XEN_MB = 640, 192          # memory of the dom0 that runs the domU; of Xen and its tables
# QEMU has AVX, but does not trap the next use of a vector register when Xen asks for that. So one
# guest would see another guest's registers. With eager-fpu they are switched at once.
XEN_ARGS = "com1=115200 console=com1 noreboot=no spec-ctrl=eager-fpu"
ARGS = f"console=hvc0 loglevel=5 oops=panic panic=-1 random.trust_cpu=on {qemu.PATIENCE}"
DOMU = """name = "guest"
type = "pv"
kernel = "/vm/vmlinuz"
ramdisk = "/vm/initrd"
extra = "{args}"
memory = {mem}
vcpus = {smp}
disk = ["vdev=xvda,access=rw,script=/vm/hotplug,target=/dev/nvme1n1"]
vif = ["script=/vm/hotplug"]
on_poweroff = "destroy"
on_reboot = "destroy"
on_crash = "destroy"
"""
ADDRESS = "10.99.0.1"               # dom0's; the domU has the next one


def hypervisor():
    """Returns Xen as QEMU can load it: not compressed."""
    def build(aside, version):
        with tempfile.TemporaryDirectory(dir=aside) as tmp:
            tmp = pathlib.Path(tmp)
            debs.fetch([(PACKAGE, version)], tmp)
            debs.unpack(list(tmp.glob("*.deb")), tmp)
            (aside / "image").write_bytes(gzip.decompress((tmp / IMAGE).read_bytes()))

    def build_current():
        version = debs.candidate(PACKAGE)
        return cache.make(f"xen/{version.replace('/', '-')}", lambda path: build(path, version))

    path = debs.latest(cache.root() / "xen/current", build_current)
    cache.drop_older("xen", path, "[0-9]*")
    return path / "image"


def can(kernel, option):
    return f"CONFIG_{option}=y\n" in (kernel / "config").read_text()


def megabytes(size):
    return int(size.rstrip("GM")) * (1024 if size.endswith("G") else 1)


def prepare(cfg):
    role = "XEN_DOM0" if cfg.xen == "dom0" else "XEN_PV"
    if not can(cfg.kernel_dir, role):
        raise debs.Unavailable(
            f"kernel {cfg.kernel} cannot be a Xen {cfg.xen} (no CONFIG_{role}); "
            f"--kernel {DOM0_KERNEL} can")
    if cfg.cpu == "max":
        cfg.cpu = CPU
    cfg.hypervisor = hypervisor()
    if cfg.xen == "dom0":
        cfg.image = roots.image(cfg.kernel_dir, "xen")
        cfg.root_device, cfg.early_modules = "/dev/nvme0n1", DOM0_MODULES
        return
    cfg.image = roots.image(cfg.kernel_dir)
    cfg.dom0_kernel = kernels.get(DOM0_KERNEL)
    cfg.dom0_image = roots.image(cfg.dom0_kernel, "xen")
    cfg.root_device, cfg.early_modules = "/dev/xvda", DOMU_MODULES
    cfg.address = ADDRESS


def quoted(text):
    """Doubles commas, since a single one ends a module's arguments."""
    return str(text).replace(",", ",,")


def boot(cfg, dom0, mem, disks):
    """Boots Xen. MEM is dom0's memory in MB."""
    module = f"{quoted(dom0.kernel_dir / 'vmlinuz')} {quoted(dom0.args)}"
    total = mem + XEN_MB + (megabytes(cfg.mem) if dom0 is not cfg else 0)
    return qemu.launch(cfg, [
        *disks, "-m", f"{total}M", "-kernel", cfg.hypervisor,
        "-initrd", f"{module},{quoted(dom0.overlay)}",
        "-append", f"{XEN_ARGS} dom0_mem={mem}M,max:{mem}M"])


def start(cfg):
    cfg.args = f"{ARGS} {cfg.append}"
    if cfg.xen == "dom0":
        return boot(cfg, cfg, megabytes(cfg.mem), qemu.nvme("root", cfg.image))
    kernel = cfg.dom0_kernel
    host = types.SimpleNamespace(
        kernel_dir=kernel, release=kernels.release(kernel), args=ARGS,
        root_device="/dev/nvme0n1", early_modules=DOM0_MODULES,
        overlay=cfg.work / "host-overlay")
    domu = DOMU.format(args=cfg.args.replace('"', '\\"'), mem=megabytes(cfg.mem), smp=cfg.smp)
    with open(host.overlay, "wb") as out:
        overlay.write_host(host, out, ADDRESS, HOST_MODULES, {
            "vm/domu.cfg": domu.encode(),
            "vm/vmlinuz": cfg.kernel_dir / "vmlinuz",
            "vm/initrd": cfg.overlay})
    return boot(cfg, host, HOST_MB, [*qemu.nvme("root", cfg.dom0_image),
                                     *qemu.nvme("domu", cfg.image)])
