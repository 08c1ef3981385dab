// SPDX-License-Identifier: GPL-2.0-only
/* A livepatch module with callbacks. The parameter called tells which of them were called. */
#include <linux/delay.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/seq_file.h>

static int called;
module_param(called, int, 0444);
MODULE_PARM_DESC(called, "a digit for each callback, in their order");

static int wait, waiting;
module_param(wait, int, 0644);
MODULE_PARM_DESC(wait, "whether pre_patch waits, for as long as this is so");
module_param(waiting, int, 0444);
MODULE_PARM_DESC(waiting, "whether it does");

static int pre_patch(struct klp_object *obj)
{
	WRITE_ONCE(waiting, 1);
	while (READ_ONCE(wait))
		msleep(10);
	WRITE_ONCE(waiting, 0);
	called = called * 10 + 1;
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
	pr_info("shk_livepatch_callbacks: %d\n", called);
}

static int new_cmdline(struct seq_file *m, void *v)
{
	seq_puts(m, "livepatched with callbacks\n");
	return 0;
}

static struct klp_func funcs[] = { { .old_name = "cmdline_proc_show", .new_func = new_cmdline },
				   {} };

static struct klp_object objs[] = {
	{
		.funcs = funcs,
		.callbacks = {
			.pre_patch = pre_patch,
			.post_patch = post_patch,
			.pre_unpatch = pre_unpatch,
			.post_unpatch = post_unpatch,
		},
	},
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

MODULE_DESCRIPTION("Shadow kernels: a livepatch module for tests");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
