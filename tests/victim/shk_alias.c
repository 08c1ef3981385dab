// SPDX-License-Identifier: GPL-2.0-only
/*
 * While shk_alias.ko is loaded the page at=ADDRESS of the kernel image is not cached where
 * all memory is mapped. cpa_process_alias() then makes it so in the image's mapping, too,
 * as it makes a page read-only there that has become text, and splits a large page.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/set_memory.h>

static unsigned long at;
module_param(at, ulong, 0400);

static int __init shk_alias_init(void)
{
	return at ? set_memory_uc((unsigned long)__va(__pa(at)), 1) : -EINVAL;
}

static void __exit shk_alias_exit(void)
{
	WARN_ON_ONCE(set_memory_wb((unsigned long)__va(__pa(at)), 1));
}

module_init(shk_alias_init);
module_exit(shk_alias_exit);

MODULE_DESCRIPTION("A page of the kernel image that is mapped otherwise elsewhere");
MODULE_LICENSE("GPL");
