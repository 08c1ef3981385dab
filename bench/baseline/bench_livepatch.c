// SPDX-License-Identifier: GPL-2.0-only
/* A livepatch module whose new body does what the old one does: getppid(). */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/sched.h>

static long new_getppid(const struct pt_regs *regs)
{
	long pid;

	rcu_read_lock();
	pid = task_tgid_vnr(rcu_dereference(current->real_parent));
	rcu_read_unlock();
	return pid;
}

static struct klp_func funcs[] = { { .old_name = "__x64_sys_getppid", .new_func = new_getppid },
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

MODULE_DESCRIPTION("Shadow kernels: livepatch, to compare with");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
