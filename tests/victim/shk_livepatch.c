// SPDX-License-Identifier: GPL-2.0-only
/*
 * An ordinary livepatch module, written without shadows in mind: two functions, shadow variables.
 */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/seq_file.h>

#define CALLS 0x5ead

/*
 * Counts a task's calls in a shadow variable: the first one returns 501, the next 502. No program
 * makes this system call, so the soak test can promote the patch to the whole machine.
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
