// SPDX-License-Identifier: GPL-2.0-only
/*
 * While shk_alias.ko is loaded a page of the kernel image is read-only where all
 * memory is mapped, as a page is that has become text; cpa_process_alias() then makes
 * it so in the image's mapping, too. It is the zero page: nobody writes to that.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>

/* Addresses of set_memory_ro() and set_memory_rw(), which modules cannot link to. */
static unsigned long ro, rw;
module_param(ro, ulong, 0400);
module_param(rw, ulong, 0400);

static int call(unsigned long function)
{
	int (*set_memory)(unsigned long addr, int nr) = (void *)function;

	return set_memory((unsigned long)__va(__pa_symbol(empty_zero_page)), 1);
}

static int __init shk_alias_init(void)
{
	return ro && rw ? call(ro) : -EINVAL;
}

static void __exit shk_alias_exit(void)
{
	WARN_ON_ONCE(call(rw));
}

module_init(shk_alias_init);
module_exit(shk_alias_exit);

MODULE_DESCRIPTION("A page of the kernel image that is read-only elsewhere");
MODULE_LICENSE("GPL");
