// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A selected system call may be interrupted, restarted or killed. It may last while its process is
 * detached, moved or enters another shadow. A child that it forks begins outside.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "actor.h"
#include "shadows.h"

static struct shadowk_shadow *shadow, *other, *during;
static struct actor actor;
/* A pipe without a writer, except where the test writes to end a call. */
static int quiet[2];

#define BEGIN "pipe_read"

static void on_signal(int nr)
{
}

static long job_wait(long flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)flags };
	char byte;

	sigaction(SIGUSR1, &action, NULL);
	/* The actor gets its jobs by read(), so this is another call. */
	return readv(quiet[0], &(struct iovec){ &byte, 1 }, 1) < 0 ? -errno : 0;
}

static long job_fork(long calls)
{
	pid_t child = fork();

	if (!child) {
		job_getuid(calls);
		_exit(0);
	}
	return wait_for(child);
}

static long job_enter(long unused)
{
	return shadowk_enter(other);
}

static long job_leave(long unused)
{
	return shadowk_leave(other);
}

/* Waits until the actor sleeps in its @n-th readv(). */
static void waits(uint64_t n)
{
	expect(eventually(hits(shadow, BEGIN) >= n && has_state(actor.pid, "S")),
	       "the process does not wait in readv()");
}

static void expect_outside(const char *when)
{
	uint64_t before = hits(shadow, GETUID);

	actor_do(&actor, job_getuid, 10);
	expect_eq(hits(shadow, GETUID), before, "other calls, %s", when);
}

static void is_interrupted(void)
{
	actor_ask(&actor, job_wait, 0);
	waits(1);
	kill(actor.pid, SIGUSR1);
	expect_ret(actor_answer(&actor), -EINTR, "readv() that was interrupted");
	expect_outside("interrupted");
	actor_ask(&actor, job_wait, SA_RESTART);
	waits(2);
	kill(actor.pid, SIGUSR1);
	waits(3);
	need(write(quiet[1], "", 1) == 1);
	expect_ret(actor_answer(&actor), 0, "readv() that was restarted");
	expect_eq(hits(shadow, BEGIN), 3, "reads");
	expect_outside("restarted");
}

static void forks(void)
{
	uint64_t before = hits(shadow, GETUID);

	expect_ret(actor_do(&actor, job_fork, 10), 0, "fork");
	expect_eq(hits(shadow, GETUID), before, "hits of its child");
	expect(hits(shadow, "kernel_clone") == 1, "hits of kernel_clone() are not 1");
}

/* The process changes text while it waits in a call, and returns to the new text. */
static void is_detached(long held)
{
	/* The child's graft is freed some time after its exit. */
	expect(eventually(module_references() == held),
	       "the module is still held by the child's graft");
	actor_ask(&actor, job_wait, 0);
	waits(4);
	detach(actor.pid);
	expect_eq(module_references(), held,
		  "references to the module, of which the call holds one");
	expect_eq(shadow_info(shadow).nr_grafts, 0, "processes inside, detached");
	attach(during, actor.pid);
	kill(actor.pid, SIGUSR1);
	expect_ret(actor_answer(&actor), -EINTR, "readv() during which the process was detached");
	expect_outside("attached again");
	actor_ask(&actor, job_wait, 0);
	waits(5);
	attach(other, actor.pid);
	kill(actor.pid, SIGUSR1);
	expect_ret(actor_answer(&actor), -EINTR, "readv() during which the process was moved");
	actor_do(&actor, job_getppid, 10);
	expect_eq(hits(other, GETPPID), 10, "calls in the other shadow");
	attach(during, actor.pid);
}

static void nests(void)
{
	uint64_t before = hits(other, GETPPID);

	expect_ret(actor_do(&actor, job_enter, 0), 0, "enter");
	actor_do(&actor, job_getppid, 10);
	expect_eq(hits(other, GETPPID), before + 10, "calls in a stretch");
	expect_ret(actor_do(&actor, job_leave, 0), 0, "leave");
	actor_do(&actor, job_getppid, 10);
	expect_eq(hits(other, GETPPID), before + 10, "calls after the stretch");
	expect_outside("after leave");
}

static void target_stays(void)
{
	expect_ret(shadowk_shadow_destroy(shadow), -EBUSY, "destroy the target");
	probe_remove(shadow, GETPPID);
	actor_do(&actor, job_getppid, 10);
	count(shadow, GETPPID);
	actor_do(&actor, job_getppid, 10);
	expect_eq(hits(shadow, GETPPID), 10, "hits since the probe was added again");
}

static void is_killed(void)
{
	uint64_t so_far = hits(shadow, BEGIN);

	actor_ask(&actor, job_wait, 0);
	waits(so_far + 1);
	kill(actor.pid, SIGKILL);
	expect_eq(wait_for(actor.pid), -SIGKILL, "exit status of the process that was killed");
	expect(eventually(!shadow_info(shadow).nr_grafts), "a process remains inside");
}

static void target_goes(void)
{
	expect_ret(shadowk_shadow_destroy(shadow), 0, "destroy the target without processes");
	actor_start(&actor, -1);
	expect_ret(shadowk_process_attach(during, actor.pid), -ESTALE, "attach after that");
	actor_end(&actor);
}

int main(void)
{
	static const unsigned int numbers[] = { SYS_readv, SYS_getppid, SYS_clone, SYS_fork,
						SYS_vfork, SYS_clone3,	SYS_ioctl };
	long held;

	need(!pipe2(quiet, 0));
	shadow = shadow_new(NULL);
	other = shadow_new(NULL);
	count(shadow, GETPPID);
	count(shadow, GETUID);
	count(shadow, BEGIN);
	count(shadow, "kernel_clone");
	count(other, GETPPID);
	need_ok(shadowk_syscalls_create(shadow, numbers, ARRAY_SIZE(numbers), &during, NULL));
	actor_start_holding(&actor, -1);
	attach(during, actor.pid);
	held = module_references();
	is_interrupted();
	forks();
	is_detached(held);
	nests();
	target_stays();
	is_killed();
	target_goes();
	shadowk_shadow_close(during);
	return finish();
}
