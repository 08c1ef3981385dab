// SPDX-License-Identifier: GPL-2.0-only
/*
 * A livepatch module as kpatch-build makes them:
 *
 * - it allocates its struct klp_patch when it is loaded;
 * - it replaces earlier patches (.replace);
 * - .old_sympos numbers functions of one name;
 * - callbacks allocate the shadow variables that the functions use.
 */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#define CALLS 0x6ead
#define START 0x6eae

static long called;
module_param(called, long, 0444);
MODULE_PARM_DESC(called, "a digit for each callback, in their order");

static struct klp_patch *patch;

static int construct(void *obj, void *shadow_data, void *ctor_data)
{
	*(long *)shadow_data = *(long *)ctor_data;
	return 0;
}

/*
 * Counts a task's calls, beginning at the number that pre_patch() has left in a shadow variable.
 * Returns the count plus @more.
 */
static long next(long more)
{
	long *start = klp_shadow_get(&patch, START), *calls;

	if (!start)
		return -ENOENT;
	calls = klp_shadow_get_or_alloc(current, CALLS, sizeof(*calls), GFP_KERNEL, construct,
					start);
	return calls ? ++*calls + more : -ENOMEM;
}

static long new_getuid(const struct pt_regs *regs)
{
	return next(0);
}

static long new_getgid(const struct pt_regs *regs)
{
	return next(1000);
}

static int new_cmdline(struct seq_file *m, void *v)
{
	seq_puts(m, "livepatched as kpatch does\n");
	return 0;
}

static int pre_patch(struct klp_object *obj)
{
	long *start = klp_shadow_alloc(&patch, START, sizeof(*start), GFP_KERNEL, NULL, NULL);

	called = called * 10 + 1;
	if (!start)
		return -ENOMEM;
	*start = 700;
	return 0;
}

static void post_patch(struct klp_object *obj)
{
	called = called * 10 + 2;
}

static void pre_unpatch(struct klp_object *obj)
{
	called = called * 10 + 3;
}

static void post_unpatch(struct klp_object *obj)
{
	called = called * 10 + 4;
	klp_shadow_free_all(CALLS, NULL);
	klp_shadow_free_all(START, NULL);
}

static const struct klp_func changed[] = {
	{ .old_name = "cmdline_proc_show", .new_func = new_cmdline, .old_sympos = 1 },
	{ .old_name = "__x64_sys_getuid", .new_func = new_getuid, .old_sympos = 1 },
	{ .old_name = "__x64_sys_getgid", .new_func = new_getgid, .old_sympos = 1 },
};

static void patch_free(void)
{
	if (patch && patch->objs)
		kfree(patch->objs->funcs);
	if (patch)
		kfree(patch->objs);
	kfree(patch);
}

static int __init patch_init(void)
{
	int ret = -ENOMEM;

	patch = kzalloc(sizeof(*patch), GFP_KERNEL);
	if (!patch)
		return -ENOMEM;
	patch->objs = kcalloc(2, sizeof(*patch->objs), GFP_KERNEL);
	if (!patch->objs)
		goto free;
	patch->objs->funcs = kcalloc(ARRAY_SIZE(changed) + 1, sizeof(*changed), GFP_KERNEL);
	if (!patch->objs->funcs)
		goto free;
	memcpy(patch->objs->funcs, changed, sizeof(changed));
	patch->objs->callbacks =
		(struct klp_callbacks){ pre_patch, post_patch, pre_unpatch, post_unpatch };
	patch->mod = THIS_MODULE;
	patch->replace = true;
	ret = klp_enable_patch(patch);
	if (!ret)
		return 0;
free:
	patch_free();
	return ret;
}
module_init(patch_init);

static void __exit patch_exit(void)
{
	patch_free();
}
module_exit(patch_exit);

MODULE_DESCRIPTION("Shadow kernels: a livepatch module for tests");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
