// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A task that moves a process between cgroups does not wait for the process's exec, which a tracer
 * may hold up. It returns at once if no attached cgroup is concerned, and soon if one is. A process
 * that was moved into an attached cgroup runs its program inside. Attaching the cgroup of a process
 * in exec fails with EBUSY and names it.
 */
#include <signal.h>
#include <sys/wait.h>

#include "actor.h"
#include "cgroups.h"
#include "stuck.h"
#include "tiny.h"

#define TINY "/tmp/tiny"

static struct cgroup bound, one, other;

/* Moves the process in a child, which may wait for ever. */
static void expect_moved(const struct cgroup *to, pid_t pid, long within, const char *what)
{
	long began = milliseconds();
	pid_t mover = fork_tied(), ended = 0;

	if (!mover) {
		cgroup_move(to, pid);
		_exit(0);
	}
	expect(eventually((ended = waitpid(mover, NULL, WNOHANG)) == mover), "%s does not return",
	       what);
	expect_range(milliseconds() - began, 0, within, "duration in ms, %s", what);
	if (!ended)
		kill(mover, SIGKILL);
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor actor;
	pid_t pid;

	stuck_init();
	tiny_write(TINY);
	count(shadow, GETPPID);
	cgroup_make(&bound, NULL, "bound");
	cgroup_make(&one, NULL, "one");
	cgroup_make(&other, NULL, "other");
	cgroup_attach(shadow, &bound);

	actor_start(&actor, -1);
	pid = actor.pid;
	exec_hold(&actor, TINY);
	expect_moved(&one, pid, 1000, "moving it to a cgroup that is not attached");
	expect_moved(&other, pid, 1000, "moving it to another cgroup that is not attached");
	expect_moved(&bound, pid, 2000, "moving it into the attached cgroup");

	cgroup_detach(&bound);
	expect_ret(shadowk_cgroup_attach(shadow, bound.path), -EBUSY, "attaching its cgroup");
	expect_eq(shadowk_busy(), pid, "task in the way");
	cgroup_move(&other, pid);
	cgroup_attach(shadow, &bound);
	cgroup_move(&bound, pid);
	exec_release();
	expect_eq(wait_for(pid), 0, "exit status of the program");
	expect_eq(hits(shadow, GETPPID), 1, "hits of the program");

	cgroup_detach(&bound);
	cgroup_remove(&bound);
	cgroup_remove(&one);
	cgroup_remove(&other);
	unlink(TINY);
	shadow_close(shadow);
	return finish();
}
