/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What executes a shadow for a while, without being a process of it: timers,
 * softirqs, interrupts, by whom they land on, and work items, by their worker.
 */
#ifndef SHK_ASYNC_H
#define SHK_ASYNC_H

#include "shadow/shadow.h"

/* One of each at most is executed on a CPU; of two, the outer one. */
enum shk_async_kind {
	SHK_TIMER,
	SHK_HRTIMER,
	SHK_SOFTIRQ,
	SHK_BH_WORK,
	SHK_VECTOR,
	SHK_NR_ASYNC_KINDS
};

/* From here on, unless @shadow is NULL. Preemption is off. */
void shk_async_begin(enum shk_async_kind kind, const void *key, struct shk_shadow *shadow);
/* No more, if it was that with this key. */
void shk_async_end(enum shk_async_kind kind, const void *key);
/* The shadow that is executed for it on this CPU, or NULL. */
struct shk_shadow *shk_async_shadow(enum shk_async_kind kind, const void *key);

/*
 * Softirqs and work items ask causal.c and union.c whose they are, for one more of
 * these, and for one less; shk_async_lock (ownership.h) held.
 */
int shk_async_tracepoints_get(void);
void shk_async_tracepoints_put(void);
/* No work item executes @shadow, and no new one begins to. Sleeps. */
void shk_async_stop(struct shk_shadow *shadow);
#ifdef CONFIG_PREEMPT_NOTIFIERS
int shk_async_init(void);
#else
static inline int shk_async_init(void)
{
	return 0;
}
#endif

#endif /* SHK_ASYNC_H */
