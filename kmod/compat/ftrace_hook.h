/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ftrace hook: calls of some functions of the kernel are reported as long as the hook has a
 * user. The kernel may not stop reporting meanwhile, so the hook is permanent, as livepatch's are:
 * kernel.ftrace_enabled=0 is refused.
 */
#ifndef SHK_FTRACE_HOOK_H
#define SHK_FTRACE_HOOK_H

#include <linux/ftrace.h>
#include <linux/mutex.h>

#include "compat/symbols.h"

/* One hook, defined by SHK_FTRACE_HOOK(). */
struct shk_ftrace_hook {
	struct ftrace_ops ops; /* registered while @users is not 0 */
	unsigned long *sites;  /* ftrace sites of the functions. Fixed at the first use */
	unsigned int nr_sites;
	struct mutex lock; /* protects @users and @stuck; ftrace's locks are taken inside */
	unsigned int users;
	bool stuck; /* ftrace has failed to unregister it */
};

/*
 * Defines a hook on @nr functions. The array at @first has their ftrace sites; it must be filled
 * before the first shk_ftrace_hook_get(). ftrace calls @call, of type ftrace_func_t, with all
 * registers. @more_flags is 0, or FTRACE_OPS_FL_IPMODIFY: @call may change where the call leads.
 */
#define SHK_FTRACE_HOOK(name, first, nr, more_flags, call) \
	struct shk_ftrace_hook name = {                                                     \
		.ops = {                                                              \
			.func = call,                                                 \
			.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_RECURSION |  \
				 FTRACE_OPS_FL_PERMANENT | (more_flags),              \
		},                                                                    \
		.sites = first,                                                       \
		.nr_sites = nr,                                                       \
		.lock = __MUTEX_INITIALIZER((name).lock),                             \
	}

/*
 * Increments the count of users of @hook; the first call registers the hook with ftrace. From the
 * return on, calls are reported. Takes the hook's lock, ftrace_lock and text_mutex, so the caller
 * holds none of these. May sleep. Returns 0 or
 *   FTRACE_DISABLED  kernel.ftrace_enabled is 0
 *   FTRACE_DEAD      ftrace has stopped after a fault of its own
 *   others           errors of ftrace_set_filter_ips(), register_ftrace_function()
 */
int shk_ftrace_hook_get(struct shk_ftrace_hook *hook);
/*
 * Decrements the count of users of @hook, which shk_ftrace_hook_get() incremented. If it becomes 0,
 * unregisters the hook. Takes the hook's lock, ftrace_lock and text_mutex, so the caller holds none
 * of these. May sleep.
 *
 * If ftrace has stopped, unregistering may fail, and the kernel goes on calling the module. In that
 * case this function takes a reference to the module, so that it cannot be unloaded, and says so in
 * the log.
 */
void shk_ftrace_hook_put(struct shk_ftrace_hook *hook);
/*
 * Frees the ftrace filter of @hook. Called at unload, when @hook has no user; until then the filter
 * is kept between uses. May sleep. Does not return if shk_ftrace_hook_put() has failed to
 * unregister @hook, since the kernel then calls the module's text for ever.
 */
void shk_ftrace_hook_free(struct shk_ftrace_hook *hook);

#endif /* SHK_FTRACE_HOOK_H */
