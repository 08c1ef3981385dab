// SPDX-License-Identifier: GPL-2.0-only
/*
 * While shk_alias.ko is loaded, the page at=ADDRESS of the kernel image is uncached in the direct
 * map. cpa_process_alias() then makes it uncached in the image's own mapping, too, where it
 * splits a large page. In the same way it makes a page read-only in both mappings when that
 * becomes text.
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
