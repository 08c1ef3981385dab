# SPDX-License-Identifier: GPL-2.0
"""The project as a guest has it installed: built if necessary, staged by `make install`."""

import contextlib
import os
import subprocess
import sys

from . import cache, debs


def locate(cfg):
    """Sets cfg.stage, the tree to add to the root, and cfg.module, the module to load. Each may be
    None."""
    cfg.stage = cfg.module = None
    if cfg.no_project:
        return
    cfg.stage = cache.TOP / "build/stage" / cfg.release
    module = cfg.stage / "lib/modules" / cfg.release / "updates/shadowk.ko"
    if os.environ.get("SHADOWK_NO_BUILD") and not module.exists():
        raise debs.Unavailable(
            f"nothing is built for {cfg.release} in {cfg.stage}; unset SHADOWK_NO_BUILD, or "
            f"run: make guest-stage KERNELS={cfg.kernel}")
    if not cfg.no_load:
        cfg.module = module


@contextlib.contextmanager
def filled(cfg):
    """Within this context the stage is up to date, and no process rebuilds it."""
    with cache.lock("build"):
        if cfg.stage and not os.environ.get("SHADOWK_NO_BUILD"):
            build([cfg.kernel_dir])
        yield


def build(kernels):
    """Builds everything that a guest gets, for these kernels. The caller holds the lock."""
    subprocess.run(
        ["make", "-s", "-j2", "-C", cache.TOP, "guest-stage",
         f"KERNELS={' '.join(map(str, kernels))}"],
        stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)
