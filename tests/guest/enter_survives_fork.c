// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=90 */
/*
 * A child that is forked in a stretch is in that stretch, and leaves it on its own, without effect
 * on its parent. A program that is executed there stays inside, in no stretch. Signals, and forks
 * by other threads during enter and leave, change none of this.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "actor.h"
#include "shadows.h"

#define FORKS (kernel_is_slow() ? 20 : 200)

static struct shadowk_shadow *outer, *inner;
static atomic_bool over;

/* Numbers of calls of getppid() in each place. */
enum { CHILD_INNER = 7, CHILD_OUTER = 11, CHILD_BASE = 13, PARENT_INNER = 17, PROGRAM = 19 };

static int child(void)
{
	job_getppid(CHILD_INNER);
	if (shadowk_leave(inner))
		return 1;
	job_getppid(CHILD_OUTER);
	if (shadowk_leave(outer))
		return 2;
	job_getppid(CHILD_BASE);
	return shadowk_leave(outer) == -ENOENT ? 0 : 3;
}

static long job_fork(long unused)
{
	pid_t pid;
	long ret;

	need(!shadowk_enter(outer) && !shadowk_enter(inner));
	pid = fork();
	if (!pid)
		_exit(child());
	ret = wait_for(pid);
	job_getppid(PARENT_INNER);
	need(!shadowk_leave(inner) && !shadowk_leave(outer));
	return ret;
}

/* The program: this test, with the descriptor of a handle as its argument. */
static int program(const char *fd)
{
	struct shadowk_shadow *shadow;

	need(!shadowk_shadow_from_fd(atoi(fd), &shadow));
	job_getppid(PROGRAM);
	return shadowk_leave(shadow) == -ENOENT ? 0 : 1;
}

static long job_exec(long unused)
{
	char fd[16];
	pid_t pid;
	long ret;

	need(!shadowk_enter(inner));
	pid = fork();
	if (!pid) {
		fcntl(shadowk_shadow_fd(inner), F_SETFD, 0);
		snprintf(fd, sizeof(fd), "%d", shadowk_shadow_fd(inner));
		execl("/proc/self/exe", "program", fd, NULL);
		_exit(111);
	}
	ret = wait_for(pid);
	need(!shadowk_leave(inner));
	return ret;
}

static void *enter_and_leave(void *arg)
{
	long ret = 0;

	while (!atomic_load(&over) && !ret)
		ret = shadowk_enter(outer) ?: shadowk_leave(outer);
	return (void *)ret;
}

/*
 * The child is inside or outside, depending on the moment of the fork. After one leave, if any, it
 * is in no stretch.
 */
static long job_fork_meanwhile(long forks)
{
	bool failed = false;
	pthread_t thread;
	void *ret;

	atomic_store(&over, false);
	need(!pthread_create(&thread, NULL, enter_and_leave, NULL));
	for (long i = 0; i < forks && !failed; i++) {
		pid_t pid = fork();

		if (!pid) {
			shadowk_leave(outer);
			_exit(shadowk_leave(outer) == -ENOENT ? 0 : 1);
		}
		failed = wait_for(pid);
	}
	atomic_store(&over, true);
	pthread_join(thread, &ret);
	return failed ? -ECHILD : (long)ret;
}

static void on_alarm(int sig)
{
}

/* The kernel restarts none of these calls after a signal. */
static long job_under_signals(long rounds)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { 0 };
	long ret = 0;

	need(!sigaction(SIGALRM, &action, NULL) && !setitimer(ITIMER_REAL, &often, NULL));
	for (long i = 0; i < rounds && !ret; i++)
		ret = shadowk_enter(outer) ?: shadowk_leave(outer);
	need(!setitimer(ITIMER_REAL, &never, NULL));
	return ret;
}

int main(int argc, char **argv)
{
	struct actor actor;

	if (argc == 2)
		return program(argv[1]);
	outer = shadow_new(NULL);
	inner = shadow_new(NULL);
	count(outer, GETPPID);
	count(inner, GETPPID);
	actor_start_holding(&actor, -1);
	expect_eq(actor_do(&actor, job_fork, 0), 0, "exit status of the child");
	expect_eq(hits(inner, GETPPID), CHILD_INNER + PARENT_INNER, "hits in the inner shadow");
	expect_eq(hits(outer, GETPPID), CHILD_OUTER, "hits in the outer shadow");
	expect_eq(actor_do(&actor, job_exec, 0), 0, "exit status of the program");
	expect_eq(hits(inner, GETPPID), CHILD_INNER + PARENT_INNER + PROGRAM,
		  "hits in the inner shadow with those of the program");
	expect_eq(actor_do(&actor, job_fork_meanwhile, FORKS), 0,
		  "enter and leave while another thread forks");
	expect_eq(actor_do(&actor, job_under_signals, FORKS * 10), 0,
		  "enter and leave under signals");
	expect(eventually(!module_info().nr_grafts), "processes remain inside at the end");
	actor_end(&actor);
	return finish();
}
