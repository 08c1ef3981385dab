// SPDX-License-Identifier: GPL-2.0
/*
 * A livepatch of a function in which threads block, and of one that shows the effect.
 * bench/guest/transition.py loads it.
 */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/sched/signal.h>

/* Does what the kernel's function does. */
static long new_pause(const struct pt_regs *regs)
{
	while (!signal_pending(current)) {
		__set_current_state(TASK_INTERRUPTIBLE);
		schedule();
	}
	return -ERESTARTNOHAND;
}

static long new_getppid(const struct pt_regs *regs)
{
	return 424242;
}

static struct klp_func funcs[] = { { .old_name = "__x64_sys_pause", .new_func = new_pause },
				   { .old_name = "__x64_sys_getppid", .new_func = new_getppid },
				   {} };

static struct klp_object objs[] = { { .funcs = funcs }, {} };

static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objs };

static int __init transition_load(void)
{
	return klp_enable_patch(&patch);
}
module_init(transition_load);

static void __exit transition_unload(void)
{
}
module_exit(transition_unload);

MODULE_DESCRIPTION("Shadow kernels: livepatch, to compare with");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
