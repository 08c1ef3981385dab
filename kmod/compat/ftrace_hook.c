// SPDX-License-Identifier: GPL-2.0-only
/* An ftrace hook that has users; see ftrace_hook.h. */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/module.h>
#include <linux/sched.h>

#include "compat/reason.h"
#include "compat/ftrace_hook.h"

int shk_ftrace_hook_get(struct shk_ftrace_hook *hook)
{
	int ret = 0;

	mutex_lock(&hook->lock);
	if (!hook->users) {
		ret = ftrace_set_filter_ips(&hook->ops, hook->sites, hook->nr_sites, 0, 0);
		if (!ret)
			ret = register_ftrace_function(&hook->ops);
		if (ret == -EBUSY)
			ret = SHK_E(FTRACE_DISABLED);
		else if (ret == -ENODEV)
			ret = SHK_E(FTRACE_DEAD);
	}
	if (!ret)
		hook->users++;
	mutex_unlock(&hook->lock);
	return ret;
}

void shk_ftrace_hook_put(struct shk_ftrace_hook *hook)
{
	mutex_lock(&hook->lock);
	/*
	 * After ftrace has found a fault of its own and stopped (ftrace_kill()), it no longer
	 * removes calls that it has put into the kernel's text.
	 */
	if (!--hook->users && unregister_ftrace_function(&hook->ops)) {
		pr_err_once(
			"ftrace has stopped, but the kernel goes on calling this module: it stays until a reboot\n");
		__module_get(THIS_MODULE);
		hook->stuck = true;
	}
	mutex_unlock(&hook->lock);
}

void shk_ftrace_hook_free(struct shk_ftrace_hook *hook)
{
	/*
	 * The hook was put by the unload itself, of a shadow that only its name kept, so the
	 * module's reference came too late. Its text and data are in use for ever, and would be
	 * freed when this function returns.
	 */
	while (hook->stuck)
		schedule_timeout_idle(MAX_SCHEDULE_TIMEOUT);
	ftrace_free_filter(&hook->ops);
}
