// SPDX-License-Identifier: GPL-2.0-only
/* test: debug timeout=600 */
/* Where memory fails, fork and exec fail, or go on inside; never outside. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "failures.h"
#include "tiny.h"

#define CALLS 3
#define TINY  "/tmp/tiny"

/* Its hits are told by who waits for it. */
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

/* In who is inside: the allocation to fail, and the way. */
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

/* exec fails (1), kills (256), or executes what makes a call (0). */
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
		/* Still inside, with the old program. */
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
	/* Its own fail_nth(0) has hidden what was left. */
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
		  "hits of the child with failure %u, of %s", n,
		  ret < 0 ? "no child" : "one that was made");
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
	/* Past its point of no return exec kills. */
	expect_eq(hits(shadow, GETPPID) - before, ret == 256 ? 0 : 1,
		  "hits of who executed, with failure %u", n);
	/* Its error is E2BIG or others, too: that is the kernel's own. */
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
