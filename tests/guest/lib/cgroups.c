// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/sched.h>

#include "cgroups.h"

#define ROOT "/sys/fs/cgroup"

static void root_mount(void)
{
	if (access(ROOT "/cgroup.procs", F_OK))
		need(!mount("cgroup2", ROOT, "cgroup2", 0, NULL));
}

void cgroup_make(struct cgroup *cgroup, const struct cgroup *above, const char *name)
{
	root_mount();
	need(snprintf(cgroup->path, sizeof(cgroup->path), "%s/%s", above ? above->path : ROOT,
		      name) < (int)sizeof(cgroup->path));
	need(!mkdir(cgroup->path, 0755));
	cgroup->fd = open(cgroup->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	need(cgroup->fd >= 0);
}

void cgroup_remove(struct cgroup *cgroup)
{
	need(eventually(!rmdir(cgroup->path)));
	close(cgroup->fd);
}

static void move(const char *path, pid_t pid)
{
	char file[400], text[16];

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	snprintf(text, sizeof(text), "%d", (int)pid);
	need(write_file(file, text));
}

void cgroup_move(const struct cgroup *cgroup, pid_t pid)
{
	move(cgroup->path, pid);
}

void cgroup_move_to_root(pid_t pid)
{
	root_mount();
	move(ROOT, pid);
}

pid_t fork_into(const struct cgroup *cgroup, uint64_t flags)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP | flags,
		.exit_signal = SIGCHLD,
		.cgroup = (unsigned int)cgroup->fd,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

void cgroup_attach(struct shadowk_shadow *shadow, const struct cgroup *cgroup)
{
	need_ok(shadowk_cgroup_attach(shadow, cgroup->path));
}

void cgroup_detach(const struct cgroup *cgroup)
{
	need_ok(shadowk_cgroup_detach(device(), cgroup->path));
}
