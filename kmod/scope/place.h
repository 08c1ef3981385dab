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
 * One cgroup that is bound to a shadow, or split between two. Members are written before the
 * binding is published, unless it is said otherwise.
 */
struct shk_binding {
	/* cgroup.c's table, by cgroup; written with cgroups_lock and shk_graft_lock held; RCU */
	struct hlist_node node;
	refcount_t ref;	       /* cgroup.c's, and one for each process that is being placed */
	u64 id;		       /* from 1 on, never used twice; an origin's .binding */
	struct cgroup *cgroup; /* holds a reference, as of both shadows */
	struct shk_shadow *shadow;
	struct shk_shadow *other; /* of processes that have drawn it; NULL: not split */
	unsigned int percent;	  /* of each hundred that draw, so many are in .other */
	/*
	 * The attach may still fail: a process that is placed remembers where it was (struct
	 * shk_previous). Under shk_graft_lock.
	 */
	bool trial;
	atomic64_t nr_drawn; /* turns that were taken, minus one */
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

/* The side of a split cgroup that a process has drawn. */
struct shk_draw {
	u64 binding; /* shk_binding.id; 0: it has not drawn */
	bool other;  /* shk_binding.other, else .shadow */
};

/*
 * Takes the next turn of @binding, which is split. Of each hundred turns exactly
 * @binding->percent draw .other, as evenly spread as possible. Any context; the caller keeps
 * @binding from being freed.
 */
struct shk_draw shk_draw(struct shk_binding *binding);
/*
 * Requests that @task's process be placed. One of these tasks executes the request, as a task
 * work before it returns to user space:
 *
 *   @task	with @born set: @task is current in exec, or a child that has not run yet. If it
 *		cannot be placed within three seconds, it is killed.
 *   current	otherwise: current is the task that moves the process between cgroups. If the
 *		process cannot be placed within a tenth of a second, the worker goes on to try.
 *
 * If that task is a kernel thread, or exits, the worker executes the request.
 *
 * @draw is the side that the process has just drawn in a split cgroup, or has .binding 0. A
 * process that has drawn is inside the other one of the two shadows, so it is not killed where it
 * cannot be placed, but stays there. Any context, also with interrupts off. If memory and the
 * reserve are used up, nothing is requested: @task is killed, unless its process has drawn.
 */
void shk_place_request(struct task_struct *task, bool born, struct shk_draw draw);
/*
 * Returns true if @task's process, which has moved between cgroups, is not where its cgroup wants
 * it, or if another CPU holds shk_graft_lock, so that this is not known. For a process in exec
 * the answer is about the mm that exec gives up; cgroup_on_exec() asks for the new one. Any
 * context, also with interrupts off; takes shk_graft_lock only if it is free.
 */
bool shk_place_wanted(struct task_struct *task);

/* The time that processes which are placed by one decision are waited for, all together. */
struct shk_placing {
	unsigned long until; /* jiffies; 0: shk_place() sets it to three seconds from now */
	pid_t busy; /* out: the thread that was in the way last; -1: not visible to current */
};

/*
 * Places @task's process: its mm comes into the shadow that the process's cgroup wants, or into
 * the base if no cgroup above is bound. A process that a failed attach has placed returns to
 * where it was before that. A process stays where it is if its cgroup wants it there, if it has
 * exited, or if it is a vfork child. Sleeps; the caller holds cgroups_lock or nothing. Returns 0
 * or
 *
 *   TASK_BUSY		the thread @placing->busy was in the way until @placing->until: it was in
 *			fork, exec or a body that changes. Or its mmap_lock was held, or another
 *			caller held the shadow's lock
 *   FTRACE_DISABLED, FTRACE_DEAD, XEN, -ENOMEM: the process stays where it is
 *   -ERESTARTSYS	the caller was killed
 */
int shk_place(struct task_struct *task, struct shk_placing *placing);
/*
 * Has the worker place @task's process, which tries until that succeeds. The caller has tried,
 * and has found a task in the way. Sleeps.
 */
void shk_place_later(struct task_struct *task);
/*
 * Tries once to place each process that the worker is to place. A process that cannot be placed
 * yet stays in the list. Returns true if none stays. Only the worker calls this; sleeps, and
 * waits for no other process.
 */
bool shk_place_deferred(void);

#endif /* SHK_PLACE_H */
