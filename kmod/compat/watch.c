// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/module.h>
#include <linux/sched.h>

#include "compat/reason.h"
#include "compat/watch.h"

int shk_watch_get(struct shk_watch *watch)
{
	int ret = 0;

	mutex_lock(&watch->lock);
	if (!watch->users) {
		ret = ftrace_set_filter_ips(&watch->ops, watch->sites, watch->nr_sites, 0, 0);
		if (!ret)
			ret = register_ftrace_function(&watch->ops);
		if (ret == -EBUSY)
			ret = SHK_E(FTRACE_DISABLED);
		else if (ret == -ENODEV)
			ret = SHK_E(FTRACE_DEAD);
	}
	if (!ret)
		watch->users++;
	mutex_unlock(&watch->lock);
	return ret;
}

void shk_watch_put(struct shk_watch *watch)
{
	mutex_lock(&watch->lock);
	/*
	 * Where ftrace has found a fault of its own and stopped (ftrace_kill()), it
	 * takes back no call that it has put into the kernel's text.
	 */
	if (!--watch->users && unregister_ftrace_function(&watch->ops)) {
		pr_err_once(
			"ftrace has stopped, but the kernel goes on calling this module: it stays until a reboot\n");
		__module_get(THIS_MODULE);
		watch->stuck = true;
	}
	mutex_unlock(&watch->lock);
}

void shk_watch_free(struct shk_watch *watch)
{
	/*
	 * A shadow with a name went with the module, so nobody could refuse that.
	 * Its code and data are in use for ever, and are freed when this returns.
	 */
	while (watch->stuck)
		schedule_timeout_idle(MAX_SCHEDULE_TIMEOUT);
	ftrace_free_filter(&watch->ops);
}
