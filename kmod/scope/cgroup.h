/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cgroup as a scope: SHK_CGROUP_*. A cgroup of the unified hierarchy is bound to a shadow.
 * All its processes are in that shadow, and so are the processes of cgroups below it that are not
 * bound themselves.
 */
#ifndef SHK_CGROUP_H
#define SHK_CGROUP_H

#include "shadow/shadow.h"

/*
 * Looks up the tracepoints of cgroup.c, and allocates memory and a workqueue. Called at load;
 * sleeps. Returns 0, -ENOMEM, or -EOPNOTSUPP: this kernel lacks a tracepoint, which the log names.
 */
int shk_cgroups_init(void);
/*
 * Waits for the worker, and frees what shk_cgroups_init() has made. The caller has made sure that
 * no cgroup is bound. Sleeps.
 */
void shk_cgroups_exit(void);

/* The shadow, or the two shadows, that a cgroup is to be bound to. The caller has references. */
struct shk_split {
	struct shk_shadow *shadow;
	struct shk_shadow *other; /* NULL: the cgroup is not split */
	unsigned int percent; /* of each hundred processes so many are in .other; 0 if not split */
};

/*
 * Binds the cgroup of the open directory @fd to @split->shadow (SHK_CGROUP_ATTACH). If
 * @split->other is not NULL, divides its processes between the two shadows (SHK_CGROUP_SPLIT). On
 * success all its processes are inside. Takes cgroups_lock and the shadows' locks; sleeps; called
 * without locks. Returns 0, also if the cgroup is bound like that already.
 *
 * After an error the cgroup is not bound by this call, and its processes are back where they were.
 * A process may not be able to return at once, for one of the reasons for TASK_BUSY in place.h
 * (shk_place()). A worker moves it back later.
 *
 * Errors:
 *   NOT_CGROUP		@fd is not the directory of a cgroup
 *   CGROUP_REMOVED	the cgroup was removed
 *   POLICY		one of the shadows is a helper: its tools trace another shadow
 *			(edit/capture.h)
 *   CGROUP_ELSEWHERE	the cgroup is bound to another shadow, or split otherwise
 *   SHADOW_DESTROYED	one of the shadows was destroyed, or one is a caller shadow whose target
 *			was destroyed (graft/graft.h)
 *   TASK_BUSY		*@busy, a thread of a member, was in the way for three seconds; -1: the
 *			caller's pid namespace does not show the thread
 *   FTRACE_DISABLED	a shadow has no tables yet, and ftrace is switched off
 *   FTRACE_DEAD		a shadow has no tables yet, and ftrace has stopped after a fault
 *   XEN			Xen refused a change of page tables
 *   -ENOMEM
 *   -ERESTARTSYS	a signal came while this waited for cgroups_lock, or the caller was killed
 */
int shk_cgroup_attach(const struct shk_split *split, int fd, pid_t *busy);
/*
 * Ends the binding of the cgroup of the open directory @fd, if that is bound to @from
 * (SHK_CGROUP_DETACH). If its processes are divided between two shadows, @from can be either; NULL:
 * any shadow. Members move to where the nearest bound cgroup above wants them, or to the base.
 * Takes cgroups_lock; sleeps; called without locks.
 *
 * Returns
 *
 *   0			the cgroup is released; the worker moves members that are left
 *   NOT_CGROUP		@fd is not the directory of a cgroup
 *   CGROUP_REMOVED	the cgroup was removed
 *   CGROUP_UNATTACHED	the cgroup is not bound to @from, or not bound
 *   TASK_BUSY		*@busy, a thread of a member, was in the way for three seconds. The cgroup
 *			is bound again; members that had moved go back, some later by the worker
 *   -ERESTARTSYS	a signal came before anything changed
 *
 * If a thread was in the way but the cgroup cannot be bound again, it stays released, and the call
 * returns 0. There are two reasons: another caller holds the lock of one of the cgroup's shadows,
 * or the tables and hooks of a shadow cannot be made.
 */
int shk_cgroup_detach(const struct shk_shadow *from, int fd, pid_t *busy);
/*
 * Finds the cgroup with the lowest id above *@cursor that is bound to @shadow. Describes it in
 * @next, and sets *@cursor to its id. Before the first call the caller sets *@cursor to 0; before
 * each call it zeroes @next. A path that is too long is left out: @next->path stays "".
 *
 * Process context; takes no lock but the RCU read lock. Returns 0, or -ENOENT: there is no further
 * one.
 */
int shk_cgroup_next(struct shk_shadow *shadow, u64 *cursor, struct shk_cgroup_entry *next);
/*
 * Ends the bindings of cgroups that were removed before the call, which the worker would do some
 * time later. On return these cgroups no longer count in shk_shadow.nr_cgroups. Takes cgroups_lock;
 * sleeps. Does nothing if the caller is killed while it waits for cgroups_lock.
 */
void shk_cgroups_settle(void);
/*
 * Returns true if a cgroup's binding forbids moving @task's process to @shadow, or to the base if
 * @shadow is NULL. The binding of the nearest bound cgroup decides. It forbids the base and all
 * shadows but its own. A binding that divides the cgroup's processes between two shadows forbids
 * these, too, since a user may not choose between them. Returns false if no cgroup above the
 * process is bound.
 *
 * Any context; takes no lock but the RCU read lock. If the caller holds shk_graft_lock, the answer
 * does not change until the process moves between cgroups.
 */
bool shk_cgroup_forbids(struct task_struct *task, const struct shk_shadow *shadow);

#endif /* SHK_CGROUP_H */
