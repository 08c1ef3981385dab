// SPDX-License-Identifier: GPL-2.0-only
/*
 * A livepatch module with callbacks for two objects: the kernel, and a module of which it changes
 * no function. With fail=1 the second object's pre_patch fails.
 */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/ptrace.h>

/*
 * kernel, module: for each object, calls of pre_patch without one of post_unpatch. wrong: calls
 * of post_unpatch for an object that was not prepared exactly once.
 */
static int kernel, module, wrong, fail;
module_param(kernel, int, 0400);
module_param(module, int, 0400);
module_param(wrong, int, 0400);
module_param(fail, int, 0600);

static int prepare(struct klp_object *obj)
{
	if (obj->name && fail)
		return -EXFULL;
	if (obj->name)
		module++;
	else
		kernel++;
	return 0;
}

static void undo(struct klp_object *obj)
{
	if ((obj->name ? module-- : kernel--) != 1)
		wrong++;
}

#define CALLBACKS                                          \
	{                                                  \
		.pre_patch = prepare, .post_unpatch = undo \
	}

static long new_munlockall(const struct pt_regs *regs)
{
	return 701;
}

static struct klp_func kernel_funcs[] = {
	{ .old_name = "__x64_sys_munlockall", .new_func = new_munlockall }, {}
};

static struct klp_func no_funcs[] = { {} };

static struct klp_object objs[] = {
	{ .funcs = kernel_funcs, .callbacks = CALLBACKS },
	{ .name = "shk_slow", .funcs = no_funcs, .callbacks = CALLBACKS },
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

MODULE_DESCRIPTION("Shadow kernels: a livepatch module for tests, of two objects");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
