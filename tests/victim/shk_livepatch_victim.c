// SPDX-License-Identifier: GPL-2.0-only
/* A livepatch module for functions of the kernel and of a module, with callbacks for both. */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/ptrace.h>

#include "victim.h"

/* For each object, calls of pre_patch without one of post_unpatch. */
static int kernel, module;
module_param(kernel, int, 0400);
module_param(module, int, 0400);

static int prepare(struct klp_object *obj)
{
	if (obj->name)
		module++;
	else
		kernel++;
	return 0;
}

static void undo(struct klp_object *obj)
{
	if (obj->name)
		module--;
	else
		kernel--;
}

#define CALLBACKS                                          \
	{                                                  \
		.pre_patch = prepare, .post_unpatch = undo \
	}

static long new_munlockall(const struct pt_regs *regs)
{
	return 601;
}

/* Returns so large a count that the caller's loop ends. */
static unsigned long new_text(unsigned long n)
{
	return 1 << 30;
}

static struct klp_func kernel_funcs[] = {
	{ .old_name = "__x64_sys_munlockall", .new_func = new_munlockall }, {}
};

static struct klp_func module_funcs[] = { { .old_name = VICTIM_TEXT, .new_func = new_text }, {} };

static struct klp_object objs[] = {
	{ .funcs = kernel_funcs, .callbacks = CALLBACKS },
	{ .name = "shk_victim", .funcs = module_funcs, .callbacks = CALLBACKS },
	{}
};

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

MODULE_DESCRIPTION("Shadow kernels: a livepatch module for tests, of a module's function");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
