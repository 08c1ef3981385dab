/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SHK_ASYNC_OWNER: a shadow owns interrupt lines and kernel threads, which execute its text.
 *
 *   ownership.c	adds, removes and lists what a shadow owns
 *   irq.c		handlers of owned lines, and of all lines for the union
 *   kthread.c		kernel threads whose name matches an owned pattern, and NAPI threads
 *   napi.c		network interfaces whose NAPI threads are owned
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
 * An interrupt line, a pattern of names of kernel threads, or a network interface that a shadow
 * owns. Members are written once, before the struct is in a list, unless a member's comment says
 * otherwise.
 */
struct shk_ownership {
	struct list_head node;	       /* shk_shadow.ownerships, by id; under the shadow's lock */
	struct shk_shadow *shadow;     /* the owner; its carrier mm has this as a user */
	u64 id;			       /* from 1 on, never reused in this shadow */
	u32 kind;		       /* SHK_OWN_* */
	u32 irq;		       /* IRQ: number of the line; else 0 */
	char pattern[SHK_PATTERN_LEN]; /* KTHREAD: of their names; else "" */
	struct shk_napi *napi; /* NAPI: the interface, which has this as a user; else NULL */

	/* KTHREAD and NAPI only. kthread.c writes these members with shk_async_lock held. */
	struct list_head by_age;  /* in the list of all patterns, the oldest first */
	struct list_head threads; /* struct owned_thread: those that execute .shadow by this */
	unsigned int nr_threads;  /* in .threads; shk_own_next() reads it without shk_async_lock */
};

/* ---- ownership.c ---- */

/*
 * Makes @shadow own the interrupt line, kernel threads or interface that @arg names (SHK_OWN).
 * Creates the shadow's carrier mm, which CPUs load to execute the shadow, if it has none. On return
 * handlers of the line execute the shadow; kernel threads do so from their next turn on a CPU.
 * Takes RTNL (NAPI), then the shadow's lock and shk_async_lock; sleeps. Returns 0, also if @shadow
 * owns it already, or an error after which nothing has changed:
 *
 *   -EINVAL		@arg->flags, ->kind, ->irq or ->pattern
 *   POLICY		the shadow is not SHK_ASYNC_OWNER
 *   CAPABILITY		NAPI: the caller lacks CAP_NET_ADMIN
 *   SHADOW_DESTROYED
 *   NO_CARRIER		this machine has no carrier mms
 *   INTERFACE_UNKNOWN	NAPI: no interface has that name
 *   NO_NAPI		NAPI: the interface has no NAPI now
 *   -EAGAIN		NAPI: the kernel created no threads
 *   -EOPNOTSUPP	kernel threads: this kernel has no preempt notifiers
 *   IRQ_UNKNOWN	no interrupt line has that number
 *   OWNED_ELSEWHERE	another shadow owns the line or the interface
 *   FTRACE_DISABLED, FTRACE_DEAD, -ENOMEM
 *   -ERESTARTSYS	the caller was killed
 */
int shk_own_add(struct shk_shadow *shadow, const struct shk_own_arg *arg);
/*
 * Ends @shadow's ownership of the line, threads or interfaces that @arg names (SHK_DISOWN). On
 * return no CPU executes the shadow for them, and settings of interfaces are restored. If the
 * caller is killed, a worker restores these. Takes the shadow's lock and shk_async_lock, and after
 * that waits for RTNL. Sleeps: waits for a grace period and, for kernel threads, until a work item
 * has run on each online CPU. Returns 0 or
 *
 *   -EINVAL		@arg->flags, ->kind, ->irq or ->pattern
 *   NOT_OWNED		the shadow does not own it
 *   -ERESTARTSYS	the caller was killed before anything changed
 */
int shk_own_remove(struct shk_shadow *shadow, const struct shk_own_arg *arg);
/*
 * Finds the ownership of @shadow with the lowest id above *@cursor. Describes it in *@info, and
 * sets *@cursor to its id. Before the first call the caller sets *@cursor to 0. Takes the shadow's
 * lock; sleeps. Returns 0; -ENOENT: there is no further one; -ERESTARTSYS: the caller was killed.
 */
int shk_own_next(struct shk_shadow *shadow, u64 *cursor, struct shk_own_info *info);
/*
 * Ends all ownerships of @shadow. On return no CPU executes the shadow for what it owned. A worker
 * restores the settings of interfaces later: see shk_napi_settle(). The shadow's lock is held.
 * Takes shk_async_lock; sleeps.
 */
void shk_ownerships_teardown(struct shk_shadow *shadow);
/*
 * Initialises irq.c, kthread.c and napi.c. Returns 0 or an error of shk_irqs_init(),
 * shk_kthreads_init() or shk_napi_init().
 */
int shk_ownerships_init(void);
/*
 * Frees what shk_ownerships_init() has made. The caller has made sure that no shadow owns anything.
 * Takes RTNL; sleeps.
 */
void shk_ownerships_exit(void);

/* ---- irq.c ---- */

/*
 * Looks up the tracepoints before and after handlers of interrupt lines. Returns 0, or -EOPNOTSUPP:
 * this kernel lacks one, which the log names.
 */
int shk_irqs_init(void);
/*
 * Increments the count of users of irq.c's two tracepoint probes, which run before and after each
 * handler of an interrupt line. The first call registers them. The probe before a handler loads the
 * carrier mm of the shadow that owns the line. If no shadow owns it, the probe loads the carrier mm
 * of shk_union_here(), if that is not NULL. Sleeps; shk_async_lock is held. Returns 0, or -ENOMEM:
 * nothing has changed.
 */
int shk_irq_tracepoints_get(void);
/*
 * Decrements the count of users, which shk_irq_tracepoints_get() incremented. If it becomes 0,
 * unregisters the probes. The caller has first made sure that no handler loads this user's carrier
 * mm: the line has no owner, or shk_union_here() returns NULL. On return every handler that had
 * loaded it has ended. Sleeps, for a grace period; shk_async_lock is held.
 */
void shk_irq_tracepoints_put(void);
/*
 * Makes the handlers of line @ownership->irq execute the text of @ownership->shadow. The caller has
 * created a carrier mm for that shadow, which CPUs load to execute it. The caller holds
 * shk_async_lock. Sleeps. Returns 0, or an error after which nothing has changed: IRQ_UNKNOWN: no
 * line has that number; OWNED_ELSEWHERE: a shadow owns it already; -ENOMEM.
 */
int shk_irq_own(struct shk_ownership *ownership);
/*
 * Ends the ownership of line @ownership->irq by @ownership->shadow. Later handlers of the line
 * execute the union, the text with the probes of all SHK_ASYNC_UNION shadows, if shk_union_here()
 * returns it; else the text that the CPU has loaded. On return no CPU executes @ownership->shadow
 * for the line. Sleeps, for a grace period; shk_async_lock is held.
 */
void shk_irq_disown(struct shk_ownership *ownership);

/* ---- kthread.c, which needs preempt notifiers: kernels have them for KVM ---- */

#ifdef CONFIG_PREEMPT_NOTIFIERS
/*
 * Looks up the tracepoints that report new and renamed tasks, and allocates the workqueue. Returns
 * 0; -EOPNOTSUPP: this kernel lacks a tracepoint, which the log names; -ENOMEM.
 */
int shk_kthreads_init(void);
/*
 * Waits for the work of kthread.c's workqueue, and frees the workqueue. The caller has made sure
 * that no kernel thread is owned. Sleeps.
 */
void shk_kthreads_exit(void);
/*
 * Makes kernel threads that no shadow owns execute the text of @ownership->shadow, each from its
 * next turn on a CPU. If @ownership->napi is NULL, these are the threads whose name matches
 * @ownership->pattern, else those that poll the NAPI of that interface. The caller has created a
 * carrier mm for @ownership->shadow.
 *
 * A worker (kthread_rescan()) also adds threads that are created or renamed later, soon after that.
 * If such a thread matches several patterns, the oldest pattern gets it.
 *
 * Sleeps: waits until each of the threads is off its CPU for a moment. shk_async_lock is held.
 * Returns 0, or -ENOMEM: no thread executes the shadow because of @ownership.
 */
int shk_kthread_own(struct shk_ownership *ownership);
/*
 * Makes the threads that shk_kthread_own() and its worker have added for @ownership execute the
 * base. On return no CPU executes @ownership->shadow for one of them. Soon after, the worker adds
 * those that match another pattern to the shadow of that pattern.
 *
 * Sleeps: waits for a grace period, until a work item has run on each online CPU, and until each of
 * the threads is off its CPU for a moment. shk_async_lock is held.
 */
void shk_kthread_disown(struct shk_ownership *ownership);
#else
static inline int shk_kthreads_init(void)
{
	return 0;
}

static inline void shk_kthreads_exit(void)
{
}

static inline int shk_kthread_own(struct shk_ownership *ownership)
{
	return SHK_E(NO_CARRIER);
}

static inline void shk_kthread_disown(struct shk_ownership *ownership)
{
}
#endif

#endif /* SHK_OWNERSHIP_H */
