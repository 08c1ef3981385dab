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
 * Looks the tracepoints up and allocates memory. -EOPNOTSUPP: this kernel lacks a tracepoint,
 * which the log names; -ENOMEM.
 */
int shk_cgroups_init(void);
/* Frees what shk_cgroups_init() has made, and waits for the worker. No cgroup is bound. Sleeps. */
void shk_cgroups_exit(void);

/* The shadow, or the two shadows, that a cgroup is to be bound to. The caller has references. */
struct shk_split {
	struct shk_shadow *shadow;
	struct shk_shadow *other; /* NULL: the cgroup is not split */
	unsigned int percent; /* of each hundred processes so many are in .other; 0 if not split */
};

/*
 * Binds the cgroup whose folder @fd is to @split->shadow, or splits it between that and
 * @split->other (SHK_CGROUP_ATTACH, SHK_CGROUP_SPLIT). On return all its processes are inside.
 * Takes cgroups_lock and the shadows' locks; sleeps; called without locks. Returns 0, also if the
 * cgroup is bound like that already.
 *
 * After an error the cgroup is not bound by this call, and its processes are back where they were.
 * A worker moves some of them back later, if they cannot return at once. One reason is a thread in
 * fork, in exec, or in a function whose body the move would change (place.h: shk_place()).
 *
 * Errors:
 *   NOT_CGROUP		@fd is no folder of a cgroup
 *   CGROUP_REMOVED	the cgroup was removed
 *   CGROUP_ELSEWHERE	it is bound to another shadow, or split otherwise
 *   SHADOW_DESTROYED	one of the shadows was destroyed; or the target of one, the shadow whose
 *			text processes execute during chosen system calls (graft/graft.h)
 *   TASK_BUSY		*@busy, a thread of a member, was in the way for three seconds; -1: the
 *			caller's pid namespace does not show it
 *   FTRACE_DISABLED	a shadow has no tables yet, and ftrace is switched off
 *   FTRACE_DEAD	a shadow has no tables yet, and ftrace has stopped after a fault
 *   XEN		Xen refused a change of page tables
 *   -ENOMEM
 *   -ERESTARTSYS	a signal came while this waited for cgroups_lock, or the caller was killed
 */
int shk_cgroup_attach(const struct shk_split *split, int fd, pid_t *busy);
/*
 * Releases the cgroup whose folder @fd is, if it is bound to @from (SHK_CGROUP_DETACH). @from can
 * be either shadow of a split cgroup; NULL: any shadow. Takes cgroups_lock; sleeps; called without
 * locks.
 *
 * Returns 0: the cgroup is released. Its members are where the nearest bound cgroup above wants
 * them, or in the base. A worker moves those that could not be moved yet. Or
 *
 *   NOT_CGROUP		@fd is no folder of a cgroup
 *   CGROUP_REMOVED	the cgroup was removed
 *   CGROUP_UNATTACHED	it is not bound to @from, or not bound
 *   TASK_BUSY		*@busy, a thread of a member, was in the way for three seconds
 *   -ERESTARTSYS	a signal came before anything changed
 *
 * TASK_BUSY undoes the release: the cgroup is bound again, and members that had left the shadow go
 * back, some of them later by the worker. The release cannot be undone if another caller holds the
 * lock of one of the cgroup's shadows, or if their tables and hooks cannot be made. Then the cgroup
 * stays released, the worker moves the other members, and the call returns 0.
 */
int shk_cgroup_detach(const struct shk_shadow *from, int fd, pid_t *busy);
/*
 * Writes to @next the cgroup with the lowest id above *@cursor (0 at first) that is bound to
 * @shadow, and its id to *@cursor. @next is zero on entry; its path stays "" if it is too long.
 * Process context; takes no lock but the RCU read lock. -ENOENT: there is no further one.
 */
int shk_cgroup_next(struct shk_shadow *shadow, u64 *cursor, struct shk_cgroup_entry *next);
/*
 * Releases cgroups that were removed before the call, which the worker would do some time later:
 * on return they no longer count in shk_shadow.nr_cgroups. Takes cgroups_lock; sleeps. Does
 * nothing if the caller is killed while it waits for cgroups_lock.
 */
void shk_cgroups_settle(void);
/*
 * Returns true if a cgroup's binding decides where @task's process is, and decides otherwise than
 * @shadow, which is NULL for the base. A split binding forbids every @shadow, its own two included.
 * Any context; takes no lock but the RCU read lock. With shk_graft_lock held the answer does not
 * change until the process moves between cgroups.
 */
bool shk_cgroup_forbids(struct task_struct *task, const struct shk_shadow *shadow);

#endif /* SHK_CGROUP_H */
