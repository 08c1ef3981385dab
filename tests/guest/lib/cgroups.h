/* SPDX-License-Identifier: GPL-2.0-only */
/* Cgroups of the unified hierarchy. A function that fails ends the test. */
#ifndef SHADOWK_TEST_CGROUPS_H
#define SHADOWK_TEST_CGROUPS_H

#include "shadows.h"

struct cgroup {
	char path[300];
	int fd;
};

/* Makes the cgroup @name below @above, or below the root cgroup if @above is NULL. */
void cgroup_make(struct cgroup *cgroup, const struct cgroup *above, const char *name);
/* Removes the cgroup. Waits up to 5 s for its last process to exit. */
void cgroup_remove(struct cgroup *cgroup);
/* Moves process @pid, or the caller if 0, into the cgroup. The process is there at return. */
void cgroup_move(const struct cgroup *cgroup, pid_t pid);
/* Moves process @pid into the root cgroup. */
void cgroup_move_to_root(pid_t pid);
/* fork() that creates its child in @cgroup. @flags are additional flags of clone3(). */
pid_t fork_into(const struct cgroup *cgroup, uint64_t flags);

void cgroup_attach(struct shadowk_shadow *shadow, const struct cgroup *cgroup);
void cgroup_detach(const struct cgroup *cgroup);

#endif /* SHADOWK_TEST_CGROUPS_H */
