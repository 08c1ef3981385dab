/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bindings of cgroups to shadows, and the placing of processes by them: a process executes the
 * text that its cgroup's binding decides. Of several bound cgroups above a process the nearest
 * one decides.
 *
 *   cgroup.c	binds and releases cgroups, and has the tracepoints that report processes which come
 *		into cgroups or leave them
 *   place.c	places one process: at once, on the way back to user space, or by a worker
 *
 * Locks, outermost first: cgroups_lock (cgroup.c), the process's cred_guard_mutex, the shadow's
 * lock, text_mutex, shk_graft_lock.
 */
#ifndef SHK_PLACE_H
#define SHK_PLACE_H

#include <linux/cgroup.h>

#include "shadow/shadow.h"

/*
 * One cgroup that is bound to a shadow, or split between two. In a split cgroup each process draws
 * one of the two shadows (shk_draw()).
 *
 * cgroup.c creates and publishes the struct. Members are written before the binding is published,
 * unless a member's comment says otherwise.
 */
struct shk_binding {
	/*
	 * In cgroup.c's table, by cgroup. Written with cgroups_lock and shk_graft_lock held, read
	 * under RCU, too.
	 */
	struct hlist_node node;
	refcount_t ref; /* cgroup.c's, and one for each process that is being placed */
	/*
	 * Set when the binding first takes effect; from 1 on, never reused. The graft of an mm that
	 * the binding has placed stores this id in .origin.binding (struct shk_origin in
	 * graft/stretch.h).
	 */
	u64 id;
	/* The binding holds a reference to the cgroup, to each shadow, and to the module. */
	struct cgroup *cgroup;
	/*
	 * The shadow of all processes of the cgroup. If .other is set, the shadow of those for
	 * which shk_draw() has not chosen .other.
	 */
	struct shk_shadow *shadow;
	/*
	 * The second shadow of a cgroup that SHK_CGROUP_SPLIT has bound: its processes are divided
	 * between .shadow and .other. NULL: all are in .shadow.
	 */
	struct shk_shadow *other;
	/* How many of each hundred processes shk_draw() puts into .other. 0 if .other is NULL. */
	unsigned int percent;
	/*
	 * True while the call that binds the cgroup may still fail. For each process that is placed
	 * meanwhile it is recorded where it was, to return it (struct shk_previous in
	 * graft/stretch.h). Under shk_graft_lock; cleared by shk_graft_end_trial().
	 */
	bool trial;
	/* How often shk_draw() was called, minus 1. Atomic, no lock. */
	atomic64_t nr_drawn;
};

/* ---- cgroup.c ---- */

/*
 * Returns true if any cgroup is bound. Any context. The answer cannot change while cgroups_lock
 * or shk_graft_lock is held.
 */
bool shk_bindings_exist(void);
/*
 * Returns the binding of @cgroup or of the nearest cgroup above it, or NULL if none of them is
 * bound. The caller holds the RCU read lock, cgroups_lock or shk_graft_lock. With either of the
 * last two the answer cannot change until the lock is released. With RCU alone the binding may end
 * at any time, but is not freed.
 */
struct shk_binding *shk_binding_nearest(struct cgroup *cgroup);
/*
 * Takes a reference to @binding. Any context. The caller holds another reference, or is still in
 * the RCU read-side section in which it found @binding. The latter is enough: cgroup.c has a
 * reference to each binding in effect, and drops it only a grace period after the binding has
 * ended.
 */
void shk_binding_get(struct shk_binding *binding);
/*
 * Drops a reference to @binding. If it was the last reference, this function frees @binding, and
 * drops the references that @binding holds to its cgroup, its shadows and this module. Sleeps. The
 * caller holds no shadow's lock, since the last put of a shadow takes that shadow's lock.
 */
void shk_binding_put(struct shk_binding *binding);
/*
 * Schedules the worker for 10 ms from now: cgroups_work_fn(), which places processes whose placing
 * was put off. Any context.
 */
void shk_cgroups_wake(void);

/* ---- place.c ---- */

/*
 * Allocates the reserve: a number of struct place_request that shk_place_request() uses when memory
 * is used up. Sleeps. Returns 0 or -ENOMEM.
 */
int shk_place_init(void);
/*
 * Frees the reserve of requests that shk_place_init() allocated. The caller has made sure that no
 * request is left.
 */
void shk_place_exit(void);

/* The shadow of a split cgroup that a process has drawn. */
struct shk_draw {
	u64 binding; /* shk_binding.id of the split binding; 0: the process has not drawn */
	bool other;  /* it has drawn shk_binding.other; false: shk_binding.shadow */
};

/*
 * Chooses one of the two shadows of @binding, between which its processes are divided, for one
 * process. Returns the choice ("draw"). Of each hundred consecutive calls exactly @binding->percent
 * choose .other, as evenly spread as possible. Any context; takes no lock. The caller has made sure
 * that @binding has two shadows and is not freed.
 */
struct shk_draw shk_draw(struct shk_binding *binding);
/*
 * Requests that @task's process be moved to the text that its cgroup's binding wants ("placed").
 * The placing task executes the request as a task work, before it returns to user space. The
 * placing task is
 *
 *   @new_mm      @task, which is current in exec, or a child that has not run yet
 *   not @new_mm  current, which moves @task's process between cgroups
 *
 * If the placing task is a kernel thread or exits, cgroup.c's worker (cgroups_work_fn()) executes
 * the request instead, and repeats it until it succeeds.
 *
 * @draw: if the cgroup's processes are divided between two shadows, the one that the caller has
 * chosen by shk_draw(). @draw.binding is 0 if it has chosen none. If it has chosen one, the process
 * is in the other one of the two already.
 *
 * If the task work cannot place the process:
 *
 *   @new_mm, none chosen  @task is killed: after three seconds if shk_place() would return
 *                         TASK_BUSY, after other errors at once
 *   @new_mm, one chosen   the process stays in the other shadow
 *   not @new_mm           the worker repeats the request: after a tenth of a second if shk_place()
 *                         would return TASK_BUSY, after other errors at once
 *
 * Any context, also with interrupts off. If memory and the reserve (shk_place_init()) are used up,
 * nothing is requested, and @task is killed unless @draw has a shadow.
 */
void shk_place_request(struct task_struct *task, bool new_mm, struct shk_draw draw);
/*
 * Returns true if @task's process is not where its cgroup wants it, after it has moved between
 * cgroups. Also returns true if another CPU holds shk_graft_lock, so that the answer is not known.
 *
 * While a process in exec still runs in its old mm, the answer is about that mm. cgroup_on_exec()
 * requests placing for the new one. Any context, also with interrupts off; takes shk_graft_lock
 * only if it is free.
 */
bool shk_place_wanted(struct task_struct *task);

/*
 * One deadline for all processes that one caller places, one after the other. The caller zeroes the
 * struct before the first shk_place(). It needs no lock.
 */
struct shk_placing {
	/* The deadline in jiffies. 0: shk_place() sets it to three seconds from now. */
	unsigned long until;
	/* Out, after TASK_BUSY: the thread in the way; -1: current's pid namespace lacks it. */
	pid_t busy;
};

/*
 * Places @task's process: attaches its mm to the shadow that its cgroup's binding chooses. If no
 * binding applies to a process that a binding has placed, its mm is detached. If an attach of a
 * cgroup has placed the process and then failed, the process returns to where it was before.
 *
 * Does nothing and returns 0 if the process is where its cgroup wants it, if it has exited, or if
 * it is a vfork child in its parent's mm.
 *
 * While a task or a lock is in the way, this function repeats the try until @placing->until.
 * Sleeps. The caller holds cgroups_lock or no lock.
 *
 * Returns 0 or an error. A try that ends with FTRACE_DISABLED, FTRACE_DEAD, XEN or -ENOMEM has not
 * moved the process.
 *
 *   TASK_BUSY		each try until @placing->until has failed for one of the reasons below
 *   FTRACE_DISABLED	the shadow has no tables yet, and ftrace is switched off
 *   FTRACE_DEAD	the shadow has no tables yet, and ftrace has stopped after a fault
 *   XEN		Xen refused a change of page tables
 *   -ENOMEM
 *   -ERESTARTSYS	the caller was killed
 *
 * Reasons for TASK_BUSY in the last try. @placing->busy is the thread in the first case, and @task
 * in all others:
 *
 *   a thread in a body		A thread of the process is in a body in place (graft/graft.h) of the
 *				shadow that the process leaves or goes to. A thread in exec, or with
 *				a stack that cannot be walked reliably, counts as being in one.
 *   a fork or exec		The process is in exec. Or a detach is needed, and a fork or exec of
 *				the process has created an mm without a mapping.
 *   a lock			The process's cred_guard_mutex, the mm's mmap_lock or the lock of a
 *				shadow is held, or mappings of the mm are being invalidated.
 *   a change			The process has moved between cgroups, or its mm has changed its
 *				shadow, during the try.
 */
int shk_place(struct task_struct *task, struct shk_placing *placing);
/*
 * Makes the worker (cgroups_work_fn()) place @task's process: move it to the text that its cgroup's
 * binding wants. The worker tries again and again, until it succeeds. The caller has called
 * shk_place(), and that has failed. Sleeps, for memory. Cannot fail.
 */
void shk_place_later(struct task_struct *task);
/*
 * Tries once to place each process whose request was left to the worker (shk_place_later(),
 * shk_place_request()). A process that cannot be placed yet stays in the list. Returns true if none
 * stays. Only the worker, cgroups_work_fn(), calls this; sleeps, and waits for no other process.
 */
bool shk_place_deferred(void);

#endif /* SHK_PLACE_H */
