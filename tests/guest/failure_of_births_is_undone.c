// SPDX-License-Identifier: GPL-2.0-only
/* test: debug timeout=600 */
/*
 * If an allocation fails in fork or exec, the call fails, or its result is inside. A child or
 * program is never outside.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "failures.h"
#include "tiny.h"

#define CALLS 3
#define TINY  "/tmp/tiny"

/* The hits of its calls tell whether it was inside. */
static _Noreturn void child(void)
{
	job_getppid(CALLS);
	_exit(0);
}

static int child_main(void *unused)
{
	child();
}

static pid_t by_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		child();
	return pid;
}

static pid_t by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid)
		child();
	return pid;
}

static pid_t by_clone(void)
{
	static char stack[65536] __attribute__((aligned(64)));

	return clone(child_main, stack + sizeof(stack), CLONE_FS | CLONE_FILES | SIGCHLD, NULL);
}

static pid_t by_clone_vm(void)
{
	static char stack[65536] __attribute__((aligned(64)));

	return clone(child_main, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
}

static pid_t (*const ways[])(void) = { by_fork, by_vfork, by_clone, by_clone_vm };

#define ANSWER(ret, hit) ((long)(ret)*2 + (hit))

/* A job of the process inside. @arg has the allocation that fails, and the way to make a child. */
static long job_child(long arg)
{
	unsigned int n = arg / ARRAY_SIZE(ways), left;
	pid_t pid;
	int error;

	fail_open();
	fail_nth(n);
	pid = ways[arg % ARRAY_SIZE(ways)]();
	error = errno;
	left = fail_left(fail_fd);
	fail_nth(0);
	if (pid < 0)
		return ANSWER(-error, n && !left);
	return ANSWER(wait_for(pid), n && !left);
}

/*
 * A child executes a program while allocation @n fails. The answer is 0 if the program made its
 * call, 1 if exec failed, and 256 if exec has killed the child.
 */
static long job_exec(long n)
{
	char *argv[] = { TINY, NULL };
	unsigned int left;
	siginfo_t info;
	char path[64];
	pid_t pid;
	int fd, status;

	pid = fork();
	need(pid >= 0);
	if (!pid) {
		fail_open();
		fail_nth(n);
		execv(TINY, argv);
		fail_nth(0);
		/* The child is still inside, with the old program. */
		job_getppid(1);
		_exit(1);
	}
	need(!waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd >= 0);
	left = fail_left(fd);
	close(fd);
	status = wait_for(pid);
	/*
	 * After exec has failed, the child's fail_nth(0) has overwritten the count, so an injected
	 * failure is assumed.
	 */
	return ANSWER(status < 0 ? 256 : status, status == 1 || (n && !left));
}

static long run_child(unsigned int way, unsigned int n)
{
	uint64_t before = hits(shadow, GETPPID);
	long answer = actor_do(&inside, job_child, (long)n * ARRAY_SIZE(ways) + way);
	long ret = answer >> 1;

	injected = answer & 1;
	expect(ret <= 0, "the child's exit status is %ld with failure %u", ret, n);
	expect_eq(hits(shadow, GETPPID) - before, ret < 0 ? 0 : CALLS,
		  "hits of the child with failure %u; %s", n,
		  ret < 0 ? "no child" : "a child that was made");
	return ret;
}

static long run_fork(unsigned int n)
{
	return run_child(0, n);
}

static long run_vfork(unsigned int n)
{
	return run_child(1, n);
}

static long run_clone(unsigned int n)
{
	return run_child(2, n);
}

static long run_clone_vm(unsigned int n)
{
	return run_child(3, n);
}

static long run_exec(unsigned int n)
{
	uint64_t before = hits(shadow, GETPPID);
	long answer = actor_do(&inside, job_exec, n);
	long ret = answer >> 1;

	injected = answer & 1;
	/*
	 * If exec fails behind its point of no return, it kills the process, which makes no call
	 * then.
	 */
	expect_eq(hits(shadow, GETPPID) - before, ret == 256 ? 0 : 1,
		  "hits of the process after exec, with failure %u", n);
	/* The kernel also fails with other errors, such as E2BIG. walk() accepts ENOMEM. */
	return ret ? -ENOMEM : 0;
}

static void undo_nothing(void)
{
}

int main(void)
{
	static const struct operation operations[] = {
		{ "fork", run_fork, undo_nothing },
		{ "vfork", run_vfork, undo_nothing },
		{ "clone", run_clone, undo_nothing },
		{ "clone(CLONE_VM)", run_clone_vm, undo_nothing },
		{ "exec", run_exec, undo_nothing },
	};

	tiny_write(TINY);
	failures_setup();
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		walk(&operations[i]);
	failures_done();
	return finish();
}
