// SPDX-License-Identifier: GPL-2.0-only
/* A livepatch module that knows nothing of shadows: two functions, and shadow variables. */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/seq_file.h>

#define CALLS 0x5ead

/*
 * The first call of a task says 501, the next 502: a variable that task_struct lacks. Of a
 * system call that nobody makes: the soak test loads this for everybody.
 */
static long new_munlockall(const struct pt_regs *regs)
{
	long *calls =
		klp_shadow_get_or_alloc(current, CALLS, sizeof(*calls), GFP_KERNEL, NULL, NULL);

	return calls ? 500 + ++*calls : -ENOMEM;
}

static int new_cmdline(struct seq_file *m, void *v)
{
	seq_puts(m, "livepatched\n");
	return 0;
}

static struct klp_func funcs[] = { { .old_name = "cmdline_proc_show", .new_func = new_cmdline },
				   { .old_name = "__x64_sys_munlockall",
				     .new_func = new_munlockall },
				   {} };

static struct klp_object objs[] = { { .funcs = funcs }, {} };

static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objs };

static int __init livepatch_load(void)
{
	return klp_enable_patch(&patch);
}
module_init(livepatch_load);

static void __exit livepatch_unload(void)
{
	klp_shadow_free_all(CALLS, NULL);
}
module_exit(livepatch_unload);

MODULE_DESCRIPTION("Shadow kernels: a livepatch module for tests");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
