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
 * Kinds of work that is executed on top of any task. Each CPU executes at most one piece of work of
 * each kind in a shadow. If two pieces of one kind nest, only the outer one counts: the inner one
 * goes on in the text that is loaded then.
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
 * Loads @shadow's carrier mm, which leads to the text of @shadow, on this CPU, for the work of
 * @kind that @key names (see the enum). The CPU executes @shadow until the caller ends the work on
 * the same CPU by shk_async_end().
 *
 * Does nothing if @shadow is NULL. If this CPU executes work of @kind in a shadow already, loads
 * nothing and increments @shadow->nr_unfollowed, the number of pieces of work that do not execute
 * the shadow.
 *
 * Any context with preemption off. @shadow and its carrier exist until the work has ended:
 * shk_causal_end() and union_destroy() wait for that.
 */
void shk_async_begin(enum shk_async_kind kind, const void *key, struct shk_shadow *shadow);
/*
 * Ends the work that shk_async_begin() began on this CPU with @kind and @key. Loads the mm that
 * this CPU had loaded before. If a kernel thread was borrowing that mm, loads init_mm instead, so
 * that the CPU executes the base. Does nothing if this CPU executes no such work in a shadow. Any
 * context with preemption off.
 */
void shk_async_end(enum shk_async_kind kind, const void *key);
/*
 * Returns the shadow that this CPU executes for the work of @kind that @key names, or NULL if
 * there is none. Any context with preemption off.
 */
struct shk_shadow *shk_async_shadow(enum shk_async_kind kind, const void *key);

/*
 * Increments the count of users of the tracepoint probes at the begin and end of softirqs and work
 * items. The first call registers the probes and calls preempt_notifier_inc(): each context switch
 * then looks for preempt notifiers.
 *
 * The probe at the begin asks shk_causal_take_softirq() or shk_causal_take_work() which shadow the
 * work executes. If the answer is NULL, the probe asks shk_union_here().
 *
 * Sleeps. shk_async_lock (ownership.h) is held. Returns 0, or -ENOMEM: nothing has changed.
 */
int shk_async_tracepoints_get(void);
/*
 * Decrements the count of users, which shk_async_tracepoints_get() incremented. If it becomes 0,
 * unregisters the probes: on return none of them runs. If work items may have executed a shadow of
 * the caller, the caller has called shk_async_stop() for that shadow. Sleeps. shk_async_lock is
 * held.
 */
void shk_async_tracepoints_put(void);
/*
 * Makes all workers that execute @shadow for a work item execute the base: the items go on there.
 * On return no CPU executes @shadow for a work item. Sleeps.
 *
 * The caller has made sure that shk_causal_take_work() and shk_union_here() do not return @shadow,
 * and has then waited for a grace period. So no work item begins to execute @shadow during the
 * call, and work items in softirqs that executed @shadow have ended.
 *
 * shk_async_lock is held. The caller has called shk_carrier_get() for @shadow, so that its carrier
 * mm exists.
 */
void shk_async_stop(struct shk_shadow *shadow);
#ifdef CONFIG_PREEMPT_NOTIFIERS
/*
 * Looks up the tracepoints of async.c. Sleeps. Returns 0, or -EOPNOTSUPP: this kernel lacks one,
 * which the log names.
 */
int shk_async_init(void);
#else
static inline int shk_async_init(void)
{
	return 0;
}
#endif

#endif /* SHK_ASYNC_H */
