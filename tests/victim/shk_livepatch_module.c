// SPDX-License-Identifier: GPL-2.0-only
/* A livepatch module for a function of another module, which is not loaded. */
#include <linux/livepatch.h>
#include <linux/module.h>

static int new_body(void)
{
	return 0;
}

static struct klp_func funcs[] = { { .old_name = "a_function", .new_func = new_body }, {} };

static struct klp_object objs[] = { { .name = "a_module", .funcs = funcs }, {} };

static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objs };

static int __init livepatch_load(void)
{
	return klp_enable_patch(&patch);
}
module_init(livepatch_load);

static void __exit livepatch_unload(void)
{
}
module_exit(livepatch_unload);

MODULE_DESCRIPTION("Shadow kernels: a livepatch module for tests");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
