// SPDX-License-Identifier: GPL-2.0-only
/*
 * A patch module that SHADOWK_PATCH() does not make. odd=0: it has no functions; 1, 2: its structs
 * have other sizes; 3: its body is not in the module.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <shadowk_patch.h>

static unsigned int odd;
module_param(odd, uint, 0400);

static const struct shadowk_patch_func funcs[] = {
	{ .name = "__x64_sys_getuid", .body = (void *)kfree },
};

static struct shadowk_patch shadowk_patch_of_this_module __used = {
	.size = sizeof(struct shadowk_patch),
	.func_size = sizeof(struct shadowk_patch_func),
	.owner = THIS_MODULE,
	.funcs = funcs,
};

static int __init odd_init(void)
{
	if (odd == 1)
		shadowk_patch_of_this_module.size++;
	if (odd == 2)
		shadowk_patch_of_this_module.func_size++;
	if (odd)
		shadowk_patch_of_this_module.nr_funcs = ARRAY_SIZE(funcs);
	return 0;
}
module_init(odd_init);

static void __exit odd_exit(void)
{
}
module_exit(odd_exit);

MODULE_DESCRIPTION("Shadow kernels: a patch module for tests that is built wrongly");
MODULE_LICENSE("GPL");
