# SPDX-License-Identifier: GPL-2.0
"""The project as installed in a guest: built when needed, staged by `make install`."""

import contextlib
import os
import subprocess
import sys

from . import cache, debs


@contextlib.contextmanager
def filled(cfg):
    """Set cfg.stage, the tree to add to the root, and cfg.module, what to load or None.

    Nobody rebuilds them while the context lasts."""
    cfg.stage = cache.TOP / "build/stage" / cfg.release
    module = cfg.stage / "lib/modules" / cfg.release / "updates/shadowk.ko"
    with cache.lock("build"):
        if not os.environ.get("SHADOWK_NO_BUILD"):
            build([cfg.kernel_dir])
        elif not module.exists():
            raise debs.Unavailable(
                f"nothing is built for {cfg.release} in {cfg.stage}; unset SHADOWK_NO_BUILD, or "
                f"run: make guest-stage KERNELS={cfg.kernel}")
        cfg.module = None if cfg.no_load else module
        yield


def build(kernels):
    """Everything that a guest gets, for these kernels; call it with the lock held."""
    subprocess.run(
        ["make", "-s", "-j2", "-C", cache.TOP, "guest-stage",
         f"KERNELS={' '.join(map(str, kernels))}"],
        stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)
