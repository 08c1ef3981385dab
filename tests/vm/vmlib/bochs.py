# SPDX-License-Identifier: GPL-2.0
"""Bochs: slow, but it models PCIDs and global pages."""
BOOT_TIMEOUT = 300


def prepare(cfg):
    raise NotImplementedError
