# SPDX-License-Identifier: GPL-2.0
"""The project as installed in a guest: built when needed, staged by `make install`."""

import contextlib
import os
import subprocess
import sys

from . import cache


@contextlib.contextmanager
def filled(cfg):
    """Set cfg.stage, the tree to add to the root, and cfg.module, what to load.

    Nobody rebuilds them while the context lasts."""
    cfg.stage = cfg.module = None
    stage = cache.TOP / "build/stage" / cfg.release
    with cache.lock("build"):
        if not os.environ.get("SHADOWK_NO_BUILD"):
            build([cfg.kernel_dir])
        if stage.exists():
            cfg.stage = stage
        module = stage / "lib/modules" / cfg.release / "updates/shadowk.ko"
        if module.exists() and not cfg.no_load:
            cfg.module = module
        yield


def build(kernels):
    """Everything that a guest gets, for these kernels; call it with the lock held."""
    subprocess.run(
        ["make", "-s", "-j2", "-C", cache.TOP, "guest-stage",
         f"KERNELS={' '.join(map(str, kernels))}"],
        stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)
