// SPDX-License-Identifier: GPL-2.0-only
#include "compat/watch.h"

int shk_watch_get(struct shk_watch *watch)
{
	int ret = 0;

	mutex_lock(&watch->lock);
	if (!watch->users) {
		ret = ftrace_set_filter_ips(&watch->ops, watch->sites, watch->nr_sites, 0, 0);
		if (!ret)
			ret = register_ftrace_function(&watch->ops);
	}
	if (!ret)
		watch->users++;
	mutex_unlock(&watch->lock);
	return ret;
}

void shk_watch_put(struct shk_watch *watch)
{
	mutex_lock(&watch->lock);
	if (!--watch->users)
		WARN_ON_ONCE(unregister_ftrace_function(&watch->ops));
	mutex_unlock(&watch->lock);
}

void shk_watch_free(struct shk_watch *watch)
{
	ftrace_free_filter(&watch->ops);
}
