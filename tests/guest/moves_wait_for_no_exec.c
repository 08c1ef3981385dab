// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Whoever moves a process between cgroups does not wait for its exec, which a tracer can
 * hold up: not at all where no cgroup that is attached concerns it, and not for long
 * where one does. The process that was moved in runs its program inside. Attaching its
 * cgroup gives up, and names it.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "actor.h"
#include "cgroups.h"
#include "tiny.h"

#define TINY "/tmp/tiny"

static struct cgroup bound, one, other;
static int ready[2], go[2];

static void *thread(void *unused)
{
	pid_t self = (pid_t)syscall(SYS_gettid);

	need(write(ready[1], &self, sizeof(self)) == sizeof(self));
	for (;;)
		pause();
}

/* Its thread @held has a tracer that does not let it exit, so exec waits. */
static pid_t exec_held_up(pid_t *held)
{
	char *argv[] = { TINY, NULL };
	pthread_t unused;
	pid_t pid = fork_tied();
	char c;

	if (!pid) {
		need(!pthread_create(&unused, NULL, thread, NULL));
		need(read(go[0], &c, 1) == 1);
		execv(TINY, argv);
		_exit(1);
	}
	need(read(ready[0], held, sizeof(*held)) == sizeof(*held));
	need(!ptrace(PTRACE_SEIZE, *held, 0, PTRACE_O_TRACEEXIT));
	need(write(go[1], "", 1) == 1);
	need(waitpid(*held, NULL, __WALL) == *held);
	return pid;
}

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
	pid_t pid, held;

	need(!pipe(ready) && !pipe(go));
	tiny_write(TINY);
	count(shadow, GETPPID);
	cgroup_make(&bound, NULL, "bound");
	cgroup_make(&one, NULL, "one");
	cgroup_make(&other, NULL, "other");
	cgroup_attach(shadow, &bound);

	pid = exec_held_up(&held);
	expect_moved(&one, pid, 1000, "moving it to where nothing is attached");
	expect_moved(&other, pid, 1000, "moving it on");
	expect_moved(&bound, pid, 2000, "moving it in");

	cgroup_detach(&bound);
	expect_ret(shadowk_cgroup_attach(shadow, bound.path), -EBUSY, "attaching its cgroup");
	expect_eq(shadowk_busy(), pid, "who is in the way");
	cgroup_move(&other, pid);
	cgroup_attach(shadow, &bound);
	cgroup_move(&bound, pid);
	need(!ptrace(PTRACE_CONT, held, 0, 0));
	need(waitpid(held, NULL, __WALL) == held);
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
