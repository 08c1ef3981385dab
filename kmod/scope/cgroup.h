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

/* The shadow, or the two shadows, that a cgroup is to be bound to. */
struct shk_split {
	struct shk_shadow *shadow;
	struct shk_shadow *other; /* NULL: the cgroup is not split */
	unsigned int percent;	  /* of each hundred processes so many are in .other; else 0 */
};

/*
 * Binds the cgroup whose folder @fd is to @split->shadow, or splits it between that and
 * @split->other (SHK_CGROUP_ATTACH, SHK_CGROUP_SPLIT). On return all its processes are inside.
 * Takes cgroups_lock and the shadows' locks; sleeps; called without locks. Returns 0, also if the
 * cgroup is bound like that already. After an error the processes are back where they were,
 * except processes in fork, exec or a body that changes: a worker moves these back later. Errors:
 *
 *   NOT_CGROUP, CGROUP_REMOVED
 *   CGROUP_ELSEWHERE	it is bound to another shadow, or split otherwise
 *   SHADOW_DESTROYED	of one of the shadows, or of its target
 *   TASK_BUSY		*@busy, a thread of a member, was in the way for three seconds
 *   FTRACE_DISABLED, FTRACE_DEAD, XEN, -ENOMEM
 *   -ERESTARTSYS	a signal came
 */
int shk_cgroup_attach(const struct shk_split *split, int fd, pid_t *busy);
/*
 * Releases the cgroup whose folder @fd is, if it is bound to @from, or to any shadow if that is
 * NULL (SHK_CGROUP_DETACH). On return its processes are where the nearest bound cgroup above
 * wants them, or in the base. Each of the two shadows of a split can be @from. Takes
 * cgroups_lock; sleeps; called without locks. Returns 0 or
 *
 *   NOT_CGROUP, CGROUP_REMOVED
 *   CGROUP_UNATTACHED	it is not bound to @from, or not bound
 *   TASK_BUSY		*@busy, a thread of a member, was in the way for three seconds
 *   -ERESTARTSYS	a signal came before anything changed
 *
 * After TASK_BUSY the cgroup stays bound, and members that had left the shadow go back, some of
 * them later by a worker. Exception: if another caller has a shadow of the binding locked, the
 * cgroup cannot be bound again. Then the call returns 0, and the worker moves the members that
 * are in the way.
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
 * on return they no longer count in shk_shadow.nr_cgroups. Takes cgroups_lock; sleeps. Nothing
 * happens if the caller is killed while it waits for that.
 */
void shk_cgroups_settle(void);
/*
 * Returns true if a cgroup's binding decides where @task's process is, and decides otherwise than
 * @shadow, which is NULL for the base. A split binding always does. Any context. With
 * shk_graft_lock held the answer stays true or false until the process moves between cgroups.
 */
bool shk_cgroup_forbids(struct task_struct *task, const struct shk_shadow *shadow);

#endif /* SHK_CGROUP_H */
