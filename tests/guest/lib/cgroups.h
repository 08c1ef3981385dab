/* SPDX-License-Identifier: GPL-2.0-only */
/* Cgroups of the unified hierarchy, for tests: what cannot fail here ends the test if it does. */
#ifndef SHADOWK_TEST_CGROUPS_H
#define SHADOWK_TEST_CGROUPS_H

#include "shadows.h"

struct cgroup {
	char path[300];
	int fd;
};

/* Below @above, or below the root if NULL. */
void cgroup_make(struct cgroup *cgroup, const struct cgroup *above, const char *name);
/* Nobody is in it. */
void cgroup_remove(struct cgroup *cgroup);
/* The process is in it when this returns; 0: the caller. */
void cgroup_move(const struct cgroup *cgroup, pid_t pid);
/* Out of all of them. */
void cgroup_move_to_root(pid_t pid);
/* fork() whose child is born in @cgroup; @flags are more of clone3()'s. */
pid_t fork_into(const struct cgroup *cgroup, uint64_t flags);

void cgroup_attach(struct shadowk_shadow *shadow, const struct cgroup *cgroup);
void cgroup_detach(const struct cgroup *cgroup);

#endif /* SHADOWK_TEST_CGROUPS_H */
