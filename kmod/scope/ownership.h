/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SHK_ASYNC_OWNER: a shadow owns interrupt lines and kernel threads, which execute its text.
 *
 *   ownership.c	adds, removes and lists what a shadow owns
 *   irq.c		handlers of owned lines, and of all lines for the union
 *   kthread.c		kernel threads whose name matches an owned pattern
 */
#ifndef SHK_OWNERSHIP_H
#define SHK_OWNERSHIP_H

#include "shadow/shadow.h"

/*
 * Protects what asynchronous work of the whole machine executes: which lines and kernel threads
 * are owned, the users of tracepoints in async.c, causal.c and irq.c, and the union. A mutex,
 * taken inside shk_shadow.lock. The union's own shk_shadow.lock is taken inside.
 */
extern struct mutex shk_async_lock;

/*
 * One interrupt line, or one pattern of names of kernel threads, that a shadow owns. Written
 * once, before it is in a list, unless it is said otherwise.
 */
struct shk_ownership {
	struct list_head node;	       /* shk_shadow.ownerships, by id; under the shadow's lock */
	struct shk_shadow *shadow;     /* the owner; its carrier mm has this as a user */
	u64 id;			       /* from 1 on, never reused in this shadow */
	u32 kind;		       /* SHK_OWN_* */
	u32 irq;		       /* IRQ: number of the line; else 0 */
	char pattern[SHK_PATTERN_LEN]; /* KTHREAD: of their names; else "" */

	/* The next two are of KTHREAD only. Written by kthread.c with shk_async_lock held. */
	struct list_head by_age;  /* all patterns, the oldest first */
	struct list_head threads; /* struct owned_thread: threads that execute the shadow by it */
	unsigned int nr_threads;  /* how many; shk_own_next() reads it without that lock */
};

/* ---- ownership.c ---- */

/*
 * Makes @shadow own what @arg names (SHK_OWN). Creates the shadow's carrier mm, if it has none.
 * On return handlers of the line execute the shadow; kernel threads do so from their next turn on
 * a CPU. Takes the shadow's lock and shk_async_lock; sleeps. Returns 0, also if @shadow owns it
 * already, or an error after which nothing has changed:
 *
 *   -EINVAL		@arg->flags, ->kind, ->irq or ->pattern
 *   POLICY		the shadow is not SHK_ASYNC_OWNER
 *   SHADOW_DESTROYED
 *   NO_CARRIER		this machine has no carrier mms
 *   -EOPNOTSUPP	kernel threads: this kernel has no preempt notifiers
 *   IRQ_UNKNOWN	no interrupt line has that number
 *   OWNED_ELSEWHERE	another shadow owns the line
 *   FTRACE_DISABLED, FTRACE_DEAD, -ENOMEM
 *   -ERESTARTSYS	the caller was killed
 */
int shk_own_add(struct shk_shadow *shadow, const struct shk_own_arg *arg);
/*
 * Ends @shadow's ownership of what @arg names (SHK_DISOWN). On return no CPU executes the shadow
 * for it. Takes the shadow's lock and shk_async_lock; sleeps, for a grace period and a worker on
 * each CPU. Returns 0 or
 *
 *   -EINVAL		@arg->flags, ->kind, ->irq or ->pattern
 *   NOT_OWNED		the shadow does not own it
 *   -ERESTARTSYS	the caller was killed before anything changed
 */
int shk_own_remove(struct shk_shadow *shadow, const struct shk_own_arg *arg);
/*
 * Writes to @info what @shadow owns with the lowest id above *@cursor (0 at first), and that id
 * to *@cursor. Takes the shadow's lock; sleeps. -ENOENT: there is nothing more; -ERESTARTSYS: the
 * caller was killed.
 */
int shk_own_next(struct shk_shadow *shadow, u64 *cursor, struct shk_own_info *info);
/*
 * Ends all ownerships of @shadow, as shk_own_remove() does for one. The shadow's lock is held.
 * Takes shk_async_lock; sleeps.
 */
void shk_ownerships_teardown(struct shk_shadow *shadow);
/*
 * Initialises irq.c and kthread.c. Returns 0 or an error of shk_irqs_init() or
 * shk_kthreads_init().
 */
int shk_ownerships_init(void);
/* Frees what shk_ownerships_init() has made. No shadow owns anything. Sleeps. */
void shk_ownerships_exit(void);

/* ---- irq.c ---- */

/* Looks the tracepoints up. -EOPNOTSUPP: this kernel lacks one, which the log names. */
int shk_irqs_init(void);
/*
 * Adds one user of the probes before and after the handlers of interrupt lines. The first user
 * registers them. The probe before a handler loads the carrier mm of the shadow that owns the
 * line, or else of the union, if there is one. Sleeps; shk_async_lock is held. -ENOMEM: nothing
 * has changed.
 */
int shk_irq_tracepoints_get(void);
/*
 * Removes one user of these probes; the last one unregisters them. Before the call, the caller
 * has erased its line or made shk_union_here() return NULL. On return all handlers have ended
 * that may have loaded its carrier mm. Sleeps, for a grace period; shk_async_lock is held.
 */
void shk_irq_tracepoints_put(void);
/*
 * Makes the handlers of line @own->irq execute the text of @own->shadow, which has a carrier mm.
 * Sleeps; shk_async_lock is held. IRQ_UNKNOWN: no line has that number; OWNED_ELSEWHERE: another
 * shadow owns it; -ENOMEM. After an error nothing has changed.
 */
int shk_irq_own(struct shk_ownership *own);
/*
 * Makes the handlers of line @own->irq execute the base again, or the union shadow, if there is
 * one. On return no CPU executes the shadow for that line. Sleeps, for a grace period;
 * shk_async_lock is held.
 */
void shk_irq_disown(struct shk_ownership *own);

/* ---- kthread.c, which needs preempt notifiers: kernels have them for KVM ---- */

#ifdef CONFIG_PREEMPT_NOTIFIERS
/*
 * Looks the tracepoints up and allocates the workqueue. -EOPNOTSUPP: this kernel lacks a
 * tracepoint, which the log names; -ENOMEM.
 */
int shk_kthreads_init(void);
/* Frees the workqueue, and waits for its work. No kernel thread is owned. */
void shk_kthreads_exit(void);
/*
 * Makes kernel threads whose name matches @own->pattern execute the text of @own->shadow, which
 * has a carrier mm, unless they match an older pattern. On return this holds for existing threads
 * from their next turn on a CPU. A worker finds threads that are created or renamed later, soon
 * after that. Sleeps, also until each of the threads that run is off its CPU; shk_async_lock is
 * held. -ENOMEM: nothing has changed.
 */
int shk_kthread_own(struct shk_ownership *own);
/*
 * Makes the threads that execute @own->shadow by @own->pattern execute the base. On return no CPU
 * executes the shadow for one of them. Soon after, a worker gives threads that match another
 * pattern to the shadow that owns it. Sleeps, for a grace period and a worker on each CPU;
 * shk_async_lock is held.
 */
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
	return SHK_E(NO_CARRIER);
}

static inline void shk_kthread_disown(struct shk_ownership *own)
{
}
#endif

#endif /* SHK_OWNERSHIP_H */
