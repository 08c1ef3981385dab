// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Whoever moves a process between cgroups does not wait for its exec, which a tracer can
 * hold up: not at all where no cgroup that is attached concerns it, and not for long
 * where one does. The process that was moved in runs its program inside. Attaching its
 * cgroup gives up, and names it.
 */
#include <signal.h>
#include <sys/wait.h>

#include "actor.h"
#include "cgroups.h"
#include "stuck.h"
#include "tiny.h"

#define TINY "/tmp/tiny"

static struct cgroup bound, one, other;

/* In a child, which may never come back. */
static void expect_moved(const struct cgroup *to, pid_t pid, long within, const char *what)
{
	long began = milliseconds();
	pid_t mover = fork_tied(), ended = 0;

	if (!mover) {
		cgroup_move(to, pid);
		_exit(0);
	}
	expect(eventually((ended = waitpid(mover, NULL, WNOHANG)) == mover), "%s returns", what);
	expect_range(milliseconds() - began, 0, within, "ms, %s", what);
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
	expect_moved(&one, pid, 1000, "moving it to where nothing is attached");
	expect_moved(&other, pid, 1000, "moving it on");
	expect_moved(&bound, pid, 2000, "moving it in");

	cgroup_detach(&bound);
	expect_ret(shadowk_cgroup_attach(shadow, bound.path), -EBUSY, "attaching its cgroup");
	expect_eq(shadowk_busy(), pid, "who is in the way");
	cgroup_move(&other, pid);
	cgroup_attach(shadow, &bound);
	cgroup_move(&bound, pid);
	exec_release();
	expect_eq(wait_for(pid), 0, "exit status of the program");
	expect_eq(hits(shadow, GETPPID), 1, "its hits");

	cgroup_detach(&bound);
	cgroup_remove(&bound);
	cgroup_remove(&one);
	cgroup_remove(&other);
	unlink(TINY);
	shadow_close(shadow);
	return finish();
}
