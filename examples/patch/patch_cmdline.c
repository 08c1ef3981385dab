// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adds a second line to /proc/cmdline for the processes inside one shadow.
 *
 *	shadowctl patch build examples/patch/patch_cmdline.c
 *	shadowctl create canary
 *	shadowctl patch add canary patch_cmdline.ko
 *	shadowctl run canary -- cat /proc/cmdline
 */
#include <linux/module.h>
#include <linux/seq_file.h>
#include <shadowk_patch.h>

static int (*old_show)(struct seq_file *m, void *v);

static int new_show(struct seq_file *m, void *v)
{
	int ret = old_show(m, v);

	seq_puts(m, "patched in one shadow\n");
	return ret;
}

SHADOWK_PATCH(SHADOWK_REPLACE(cmdline_proc_show, new_show, old_show));

MODULE_DESCRIPTION("Shadow kernels: an example of a patch module");
MODULE_LICENSE("GPL");
