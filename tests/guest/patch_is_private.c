// SPDX-License-Identifier: GPL-2.0-only
/* test: newer core bochs timeout=60 */
/*
 * A patched function has its new body in processes inside, in their children and in programs that
 * they execute. In all other processes it has the old body.
 */
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"

#define VALUE 0x123456

static long job_fork(long unused)
{
	pid_t pid = fork_tied();

	if (!pid)
		_exit(syscall(SYS_getppid) == VALUE ? 1 : 2);
	return wait_for(pid);
}

static long job_exec(long unused)
{
	pid_t pid = fork_tied();

	/* In the shell, $PPID is the result of getppid(). */
	if (!pid) {
		execl("/bin/sh", "sh", "-c", "[ $PPID = 1193046 ] && exit 1; exit 2", NULL);
		_exit(3);
	}
	return wait_for(pid);
}

static void check(struct actor *actor, const char *who, bool patched)
{
	long ppid = actor_do(actor, job_syscall, SYS_getppid);

	if (patched)
		expect_eq(ppid, VALUE, "getppid() %s", who);
	else
		expect_eq(ppid, getpid(), "getppid() %s", who);
	expect_eq(actor_do(actor, job_fork, 0), patched ? 1 : 2, "exit status of a child, %s", who);
	expect_eq(actor_do(actor, job_exec, 0), patched ? 1 : 2, "exit status of a program, %s",
		  who);
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL), *other = shadow_new(NULL);
	struct actor inside, outside, elsewhere;

	actor_start(&inside, 0);
	actor_start(&outside, 0);
	actor_start(&elsewhere, 0);
	attach(other, elsewhere.pid);
	patch_return(shadow, "p", GETPPID, VALUE);
	check(&inside, "before it is attached", false);
	attach(shadow, inside.pid);
	check(&inside, "inside", true);
	check(&outside, "outside", false);
	check(&elsewhere, "in another shadow", false);

	patch_remove(shadow, "p");
	check(&inside, "after the patch was removed", false);
	patch_return(shadow, "p", GETPPID, VALUE);
	check(&inside, "after the patch was added again, with a process inside", true);
	detach(inside.pid);
	check(&inside, "after detach", false);

	actor_end(&inside);
	actor_end(&outside);
	actor_end(&elsewhere);
	return finish();
}
