/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asynchronous work in the text of a shadow, without being a process inside it:
 *
 *   timers, softirqs, vectors,	executed on top of any task: the CPU loads the shadow's carrier mm
 *   work items in a softirq	for as long as the work takes (shk_async_begin(), shk_async_end())
 *   work items in a worker	executed by a kernel thread, which may sleep: the worker gets a
 *				preempt notifier until the item returns (runner.h)
 *
 * causal.c and union.c decide which work executes which shadow. async.c has the probes at the
 * begin and end of softirqs and work items, which both of them use.
 */
#ifndef SHK_ASYNC_H
#define SHK_ASYNC_H

#include "shadow/shadow.h"

/*
 * Kinds of work that is executed on top of any task. Each CPU executes at most one piece of work
 * of each kind in a shadow. If two of a kind nest, that is the outer one, and the inner one goes
 * on in the text that is loaded then.
 */
enum shk_async_kind {
	SHK_TIMER,   /* key: struct timer_list */
	SHK_HRTIMER, /* key: struct hrtimer */
	SHK_SOFTIRQ, /* key: this CPU's own record */
	SHK_BH_WORK, /* key: struct work_struct of a work item that a softirq executes */
	SHK_VECTOR,  /* key: number of the interrupt vector */
	SHK_NR_ASYNC_KINDS
};

/*
 * Loads @shadow's carrier mm on this CPU for the work of @kind that @key names, until
 * shk_async_end(). The work ends on this CPU. Nothing happens if @shadow is NULL. If this CPU
 * executes other work of @kind in a shadow already, nothing is loaded and @shadow->nr_unfollowed
 * is incremented. Any context with preemption off. @shadow stays until the work has ended
 * (shk_causal_end() and union_destroy() wait for that).
 */
void shk_async_begin(enum shk_async_kind kind, const void *key, struct shk_shadow *shadow);
/*
 * Loads again what this CPU had loaded before shk_async_begin() with @kind and @key; the base, if
 * a kernel thread was borrowing an mm then. Nothing happens if no such work is executed in a
 * shadow here. Any context with preemption off.
 */
void shk_async_end(enum shk_async_kind kind, const void *key);
/*
 * Returns the shadow that this CPU executes for the work of @kind that @key names, or NULL if
 * there is none. Any context with preemption off.
 */
struct shk_shadow *shk_async_shadow(enum shk_async_kind kind, const void *key);

/*
 * Adds one user of the probes at the begin and end of softirqs and work items. The first user
 * registers them, which makes each context switch test for preempt notifiers. The probe at the
 * begin asks shk_causal_take_softirq() or shk_causal_take_work() which shadow the work executes.
 * If the answer is NULL, it asks shk_union_here(). Sleeps; shk_async_lock (ownership.h) is held.
 * -ENOMEM: nothing has changed.
 */
int shk_async_tracepoints_get(void);
/*
 * Removes one user of these probes. The last one unregisters them; on return none runs. The
 * caller has called shk_async_stop() for its shadow, if work may have executed that. Sleeps;
 * shk_async_lock is held.
 */
void shk_async_tracepoints_put(void);
/*
 * Takes @shadow away from all workers that execute it for a work item: the items go on in the
 * base. On return no CPU executes @shadow for a work item. Before the call shk_causal_take_work()
 * and shk_union_here() have ceased to return @shadow, and a grace period has passed since then.
 * So no work item begins to execute it, and items in softirqs have ended. The caller still counts
 * as a user of the carrier mm (shk_carrier_get()). Sleeps; shk_async_lock is held.
 */
void shk_async_stop(struct shk_shadow *shadow);
#ifdef CONFIG_PREEMPT_NOTIFIERS
/* Looks the tracepoints up. -EOPNOTSUPP: this kernel lacks one, which the log names. */
int shk_async_init(void);
#else
static inline int shk_async_init(void)
{
	return 0;
}
#endif

#endif /* SHK_ASYNC_H */
