// SPDX-License-Identifier: GPL-2.0-only
/* A livepatch module for a function in which threads sleep, and for one that shows its effect. */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>

static long new_getuid(const struct pt_regs *regs)
{
	return 4242;
}

/* The kernel's pause(), except that it returns -EPERM. */
static long new_pause(const struct pt_regs *regs)
{
	while (!signal_pending(current)) {
		__set_current_state(TASK_INTERRUPTIBLE);
		schedule();
	}
	return -EPERM;
}

static struct klp_func funcs[] = { { .old_name = "__x64_sys_getuid", .new_func = new_getuid },
				   { .old_name = "__x64_sys_pause", .new_func = new_pause },
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
}
module_exit(livepatch_unload);

MODULE_DESCRIPTION("Shadow kernels: a livepatch module for tests, of pause()");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
