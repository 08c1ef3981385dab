# SPDX-License-Identifier: GPL-2.0
"""The project as installed in a guest: built when needed, staged by `make install`."""

import os
import subprocess
import sys

from . import cache


def fill(cfg):
    """Set cfg.stage, the tree to add to the root, and cfg.module, what to load."""
    cfg.stage = cfg.module = None
    if not (cache.TOP / "Makefile").exists():
        return
    stage = cache.TOP / "build/stage" / cfg.release
    if not os.environ.get("SHADOWK_NO_BUILD"):
        with cache.lock("build"):
            subprocess.run(
                ["make", "-s", "-C", cache.TOP, "guest-stage", f"KERNELS={cfg.kernel_dir}"],
                stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)
    if stage.exists():
        cfg.stage = stage
    module = stage / "lib/modules" / cfg.release / "updates/shadowk.ko"
    if module.exists() and not cfg.no_load:
        cfg.module = module
