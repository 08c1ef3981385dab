// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * A process forks while one of its threads sleeps in a body in place. The child has that body, and
 * none of its threads is in it. A program that the process executes has the body, too, although
 * exec kills the sleeping thread in it.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"

static pid_t sleeper;

static void *sleep_in_it(void *unused)
{
	sleeper = gettid();
	syscall(SYS_pause);
	return NULL;
}

static long job_sleeper(long unused)
{
	pthread_t thread;

	need(!pthread_create(&thread, NULL, sleep_in_it, NULL));
	need(eventually(sleeper && sleeps_in(sleeper, SYS_pause)));
	return sleeper;
}

static long job_fork(long unused)
{
	pid_t pid = fork_tied();

	if (!pid)
		for (;;)
			usleep(1000);
	return pid;
}

static long job_fork_asks(long unused)
{
	pid_t pid = fork_tied();

	if (!pid)
		_exit(job_syscall(SYS_getuid) == 4242 ? 1 : 0);
	return wait_for(pid);
}

static long job_exec(long unused)
{
	execl("/bin/sh", "sh", "-c", "test $(id -ru) = 4242", NULL);
	return -errno;
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor actor;
	pid_t child;

	need_pause_in_place();
	inplace_load();
	need_ok(patch_in_place(shadow, "p", "shk_inplace"));
	actor_start(&actor, -1);
	attach(shadow, actor.pid);
	need_ok(actor_do(&actor, job_sleeper, 0));

	expect_eq(actor_do(&actor, job_fork_asks, 0), 1, "whether the child has the body in place");
	child = (pid_t)actor_do(&actor, job_fork, 0);
	expect_ret(shadowk_process_detach(device(), actor.pid), -EBUSY, "detach of the parent");
	expect_ret(shadowk_process_detach(device(), child), 0, "detach of the child");
	kill(child, SIGKILL);

	actor_ask(&actor, job_exec, 0);
	expect_eq(wait_for(actor.pid), 0, "exit status of the program that was executed");
	patch_remove(shadow, "p");
	shadow_close(shadow);
	expect(eventually(!module_unload("shk_inplace")), "shk_inplace cannot be unloaded");
	return finish();
}
