/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a shadow owns: lines of interrupts and kernel threads, which execute its
 * text.
 */
#ifndef SHK_OWNERSHIP_H
#define SHK_OWNERSHIP_H

#include "shadow/shadow.h"

/*
 * What all shadows have in common that others than processes execute: which lines and threads are
 * owned, who listens for what, the union. Sleeps, inside shk_shadow.lock.
 */
extern struct mutex shk_async_lock;

struct shk_ownership {
	struct list_head node;	   /* shk_shadow.ownerships, by id */
	struct shk_shadow *shadow; /* its carrier mm is used as long as this is owned */
	u64 id;
	u32 kind;
	u32 irq;
	char pattern[SHK_PATTERN_LEN];

	/* kthread.c's, under shk_async_lock */
	struct list_head by_age; /* patterns */
	struct list_head threads;
	unsigned int nr_threads;
};

/* ---- ownership.c ---- */

/* Errors as in struct shk_own_arg. */
int shk_own_add(struct shk_shadow *shadow, const struct shk_own_arg *arg);
int shk_own_remove(struct shk_shadow *shadow, const struct shk_own_arg *arg);
int shk_own_next(struct shk_shadow *shadow, u64 *cursor, struct shk_own_info *info);
/* The shadow, which is locked, owns nothing any more. */
void shk_ownerships_teardown(struct shk_shadow *shadow);
int shk_ownerships_init(void);
void shk_ownerships_exit(void);

/* ---- irq.c ---- */

int shk_irqs_init(void);
/*
 * Handlers ask whose their line is, for one more, and for one less, at whose return none
 * is under way that asked before. shk_async_lock held, as it is in the next.
 */
int shk_irq_tracepoints_get(void);
void shk_irq_tracepoints_put(void);
/* -ENOENT: no such line; -EBUSY: it is owned. */
int shk_irq_own(struct shk_ownership *own);
/* At its return no CPU executes the shadow for that line. */
void shk_irq_disown(struct shk_ownership *own);

/* ---- kthread.c, which wants preempt notifiers: kernels have them for KVM ---- */

#ifdef CONFIG_PREEMPT_NOTIFIERS
int shk_kthreads_init(void);
void shk_kthreads_exit(void);
/*
 * Threads that sleep execute the shadow when they wake, those that run when they
 * are next scheduled, those that come later soon after they have come.
 */
int shk_kthread_own(struct shk_ownership *own);
void shk_kthread_disown(struct shk_ownership *own);
#else
static inline int shk_kthreads_init(void)
{
	return 0;
}

static inline void shk_kthreads_exit(void)
{
}

static inline int shk_kthread_own(struct shk_ownership *own)
{
	return -EOPNOTSUPP;
}

static inline void shk_kthread_disown(struct shk_ownership *own)
{
}
#endif

#endif /* SHK_OWNERSHIP_H */
