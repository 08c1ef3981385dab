/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions of the kernel of which we must hear whenever one is called, as long as
 * somebody needs that. Permanent, as livepatch's: kernel.ftrace_enabled=0 is
 * refused meanwhile.
 */
#ifndef SHK_FTRACE_HOOK_H
#define SHK_FTRACE_HOOK_H

#include <linux/ftrace.h>
#include <linux/mutex.h>

#include "compat/symbols.h"

struct shk_ftrace_hook {
	struct ftrace_ops ops;
	unsigned long *sites; /* ftrace sites of the functions */
	unsigned int nr_sites;
	struct mutex lock; /* the innermost but for ftrace's own */
	unsigned int users;
	bool stuck; /* ftrace has not let go of it */
};

#define SHK_FTRACE_HOOK(name, first, nr, call) \
	struct shk_ftrace_hook name = {                                                     \
		.ops = {                                                              \
			.func = call,                                                 \
			.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_RECURSION |  \
				 FTRACE_OPS_FL_PERMANENT,                             \
		},                                                                    \
		.sites = first,                                                       \
		.nr_sites = nr,                                                       \
		.lock = __MUTEX_INITIALIZER((name).lock),                             \
	}

/* Sleeps. Errors as register_ftrace_function(). */
int shk_ftrace_hook_get(struct shk_ftrace_hook *hook);
/* If ftrace does not let go of it, the module cannot be unloaded any more. */
void shk_ftrace_hook_put(struct shk_ftrace_hook *hook);
/*
 * Unload: nobody needs it any more; its filter has stayed for the next use, until
 * here. Does not return if ftrace has not let go of it.
 */
void shk_ftrace_hook_free(struct shk_ftrace_hook *hook);

#endif /* SHK_FTRACE_HOOK_H */
