/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cgroup as a scope: whoever is in a cgroup of the unified hierarchy that is
 * bound to a shadow, or below it and in none that is bound itself, is in that
 * shadow.
 */
#ifndef SHK_CGROUP_H
#define SHK_CGROUP_H

#include "shadow/shadow.h"

int shk_cgroups_init(void);
void shk_cgroups_exit(void);

/* Who comes in: @percent of them into @other, if that is not NULL. */
struct shk_split {
	struct shk_shadow *shadow;
	struct shk_shadow *other;
	unsigned int percent;
};

/* Errors as in struct shk_cgroup. @from is NULL for any shadow. @busy as in process.h. */
int shk_cgroup_attach(const struct shk_split *split, int fd, pid_t *busy);
int shk_cgroup_detach(const struct shk_shadow *from, int fd, pid_t *busy);
int shk_cgroup_next(struct shk_shadow *shadow, u64 *cursor, struct shk_cgroup_entry *next);
/* What was removed before is bound no more, unless the caller is killed. */
void shk_cgroups_settle(void);
/*
 * Is the process by its cgroup elsewhere than in @shadow, or than in the base if that is
 * NULL? Under shk_graft_lock it stays so, unless it moves between cgroups.
 */
bool shk_cgroup_forbids(struct task_struct *task, const struct shk_shadow *shadow);

#endif /* SHK_CGROUP_H */
