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
 * cgroup.c creates and publishes it. Members are written before the binding is published, unless
 * it is said otherwise.
 */
struct shk_binding {
	/* cgroup.c's table, by cgroup; written with cgroups_lock and shk_graft_lock held; RCU */
	struct hlist_node node;
	refcount_t ref; /* cgroup.c's, and one for each process that is being placed */
	/*
	 * From 1 on, never used twice. The graft of an mm that the binding has placed has it in
	 * .origin.binding (struct shk_origin in graft/stretch.h).
	 */
	u64 id;
	/* The binding holds a reference to the cgroup, to each shadow, and to the module. */
	struct cgroup *cgroup;
	/* The shadow of all processes; in a split cgroup, of those that have not drawn .other. */
	struct shk_shadow *shadow;
	/* The second shadow of a split cgroup; NULL: the cgroup is not split. */
	struct shk_shadow *other;
	/* Of each hundred processes that draw, so many draw .other. 0 if not split. */
	unsigned int percent;
	/*
	 * True while the attach of the cgroup may still fail. Processes that are placed meanwhile
	 * remember where they were (struct shk_previous in graft/stretch.h). Under shk_graft_lock;
	 * cleared by shk_graft_end_trial().
	 */
	bool trial;
	/* Index of the last turn that shk_draw() has given out; -1 at first. Atomic, no lock. */
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
 * bound. The caller holds the RCU read lock, cgroups_lock or shk_graft_lock. With either lock the
 * answer cannot change until the lock is given back. With RCU alone the binding may be
 * unpublished, but is not freed.
 */
struct shk_binding *shk_binding_nearest(struct cgroup *cgroup);
/*
 * Takes a reference to @binding. Any context. The caller holds another one, or is in the RCU
 * read-side section in which it has found @binding: cgroup.c drops its own after a grace period.
 */
void shk_binding_get(struct shk_binding *binding);
/*
 * Drops a reference to @binding. The last one also drops those to its cgroup, its shadows and
 * this module. Sleeps; no shadow's lock is held, since a shadow may end.
 */
void shk_binding_put(struct shk_binding *binding);
/* Schedules the worker that calls shk_place_deferred(), 10 ms from now. Any context. */
void shk_cgroups_wake(void);

/* ---- place.c ---- */

/* Allocates the reserve of requests. -ENOMEM. */
int shk_place_init(void);
/* Frees the reserve. No request is left. */
void shk_place_exit(void);

/* The shadow of a split cgroup that a process has drawn. */
struct shk_draw {
	u64 binding; /* shk_binding.id of the split binding; 0: the process has not drawn */
	bool other;  /* it has drawn shk_binding.other; false: shk_binding.shadow */
};

/*
 * Takes the next turn of @binding, which is split. Of each hundred turns exactly
 * @binding->percent draw .other, as evenly spread as possible. Any context; the caller keeps
 * @binding from being freed.
 */
struct shk_draw shk_draw(struct shk_binding *binding);
/*
 * Requests that @task's process be placed. A task work executes the request before its task returns
 * to user space:
 *
 *   @born	@task's own task work. @task is current in exec, or a child that has not run yet. A
 *		process that cannot be placed within three seconds is killed.
 *   not @born	current's task work. current moves the process between cgroups. After a tenth of a
 *		second the worker goes on to try.
 *
 * If that task is a kernel thread, or exits, the worker executes the request.
 *
 * @draw: a split cgroup allows two shadows. If the caller has drawn one of them for the process,
 * @draw names it; otherwise @draw.binding is 0. The caller draws only for a process that this
 * binding has placed already, and that is in the other one of the two. If that process cannot be
 * moved, it stays there and is not killed.
 *
 * Any context, also with interrupts off. If memory and the reserve are used up, nothing is
 * requested: @task is killed, unless its process has drawn.
 */
void shk_place_request(struct task_struct *task, bool born, struct shk_draw draw);
/*
 * Returns true if @task's process, which has moved between cgroups, is not where its cgroup wants
 * it. Returns true also if another CPU holds shk_graft_lock, so that the answer is not known.
 *
 * While a process in exec still runs in its old mm, the answer is about that mm. cgroup_on_exec()
 * requests placing for the new one. Any context, also with interrupts off; takes shk_graft_lock
 * only if it is free.
 */
bool shk_place_wanted(struct task_struct *task);

/*
 * One deadline that is shared by all processes that one caller places, one after the other. The
 * caller owns it and zeroes it before the first one. No lock.
 */
struct shk_placing {
	/* The deadline in jiffies. 0: shk_place() sets it to three seconds from now. */
	unsigned long until;
	/* Out, after TASK_BUSY: the thread in the way; -1: current's pid namespace lacks it. */
	pid_t busy;
};

/*
 * Places @task's process: its mm comes into the shadow that the process's cgroup wants, or into
 * the base if no cgroup above is bound. A process that a failed attach has placed returns to
 * where it was before that. Does nothing and returns 0 if the cgroup wants the process where it is,
 * if it has exited, or if it is a vfork child in its parent's mm.
 *
 * Tries again until @placing->until. Sleeps; the caller holds cgroups_lock or no lock.
 *
 * Returns 0 or an error. After FTRACE_DISABLED, FTRACE_DEAD, XEN and -ENOMEM the process is where
 * it was.
 *
 *   TASK_BUSY		@placing->until has passed; the last try failed as the second list says
 *   FTRACE_DISABLED	the shadow has no tables yet, and ftrace is switched off
 *   FTRACE_DEAD	the shadow has no tables yet, and ftrace has stopped after a fault
 *   XEN		Xen refused a change of page tables
 *   -ENOMEM
 *   -ERESTARTSYS	the caller was killed
 *
 * Reasons for TASK_BUSY, and what @placing->busy is then:
 *
 *   a thread of the process	that thread. It is in a body in place (graft/graft.h) of the shadow
 *				that the process leaves or goes to. A thread in exec, or with a
 *				stack that cannot be walked reliably, counts as being in one.
 *   a fork or exec of it	@task. The process was in exec. Or a detach was needed, and its fork
 *				or exec had created an mm without a mapping.
 *   a lock, or its cgroup	@task. The mm's mmap_lock or the shadow's lock was held, or the
 *				process moved between cgroups meanwhile.
 */
int shk_place(struct task_struct *task, struct shk_placing *placing);
/*
 * Has the worker place @task's process. The worker tries until that succeeds. The caller has called
 * shk_place() before, which has failed. Sleeps, for memory. Cannot fail.
 */
void shk_place_later(struct task_struct *task);
/*
 * Tries once to place each process that the worker is to place. A process that cannot be placed
 * yet stays in the list. Returns true if none stays. Only the worker calls this; sleeps, and
 * waits for no other process.
 */
bool shk_place_deferred(void);

#endif /* SHK_PLACE_H */
