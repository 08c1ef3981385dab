// SPDX-License-Identifier: GPL-2.0-only
/* test: newer core timeout=60 */
/* A child is in its parent's shadow from its first instruction on, by whatever call it is made. */
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <linux/sched.h>

#include "actor.h"
#include "reexec.h"
#include "shadows.h"

#define CALLS 100

static long by_fork(long calls)
{
	pid_t pid = fork();

	if (!pid) {
		job_getppid(calls);
		_exit(0);
	}
	return wait_for(pid);
}

static long by_fork_twice(long calls)
{
	pid_t pid = fork();

	if (!pid)
		_exit(by_fork(calls));
	return wait_for(pid);
}

static long by_vfork(long calls)
{
	pid_t pid = vfork();

	if (!pid) {
		job_getppid(calls);
		_exit(0);
	}
	return wait_for(pid);
}

static long by_vfork_exec(long calls)
{
	char **argv = reexec_argv(calls);
	pid_t pid = vfork();

	if (!pid) {
		execv("/proc/self/exe", argv);
		_exit(1);
	}
	return wait_for(pid);
}

static int child_main(void *calls)
{
	job_getppid((long)calls);
	return 0;
}

static long by_clone(long calls, int flags)
{
	static char stack[65536] __attribute__((aligned(64)));
	pid_t pid = clone(child_main, stack + sizeof(stack), flags | SIGCHLD, (void *)calls);

	need(pid > 0);
	return wait_for(pid);
}

static long by_plain_clone(long calls)
{
	return by_clone(calls, 0);
}

static long by_clone_vm(long calls)
{
	return by_clone(calls, CLONE_VM);
}

static long by_clone_vfork(long calls)
{
	return by_clone(calls, CLONE_VM | CLONE_VFORK);
}

static long by_clone_files(long calls)
{
	return by_clone(calls, CLONE_FILES | CLONE_FS | CLONE_IO);
}

static long by_clone3(long calls)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	need(pid >= 0);
	if (!pid) {
		job_getppid(calls);
		_exit(0);
	}
	return wait_for(pid);
}

static long by_posix_spawn(long calls)
{
	pid_t pid;

	need(!posix_spawn(&pid, "/proc/self/exe", NULL, NULL, reexec_argv(calls), environ));
	return wait_for(pid);
}

static const struct {
	const char *name;
	job_fn job;
} ways[] = {
	{ "fork", by_fork },
	{ "fork and fork", by_fork_twice },
	{ "vfork", by_vfork },
	{ "vfork and exec", by_vfork_exec },
	{ "clone", by_plain_clone },
	{ "clone(CLONE_VM)", by_clone_vm },
	{ "clone(CLONE_VM | CLONE_VFORK)", by_clone_vfork },
	{ "clone(CLONE_FILES | CLONE_FS | CLONE_IO)", by_clone_files },
	{ "clone3", by_clone3 },
	{ "posix_spawn", by_posix_spawn },
};

int main(int argc, char **argv)
{
	struct shadowk_shadow *shadow;
	struct actor inside, outside;

	reexec_main(argc, argv);
	shadow = shadow_new(NULL);
	count(shadow, GETPPID);
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		uint64_t before = hits(shadow, GETPPID);

		expect_eq(actor_do(&outside, ways[i].job, CALLS), 0, "exit status of %s outside",
			  ways[i].name);
		expect_eq(hits(shadow, GETPPID) - before, 0, "hits of %s outside", ways[i].name);
		expect_eq(actor_do(&inside, ways[i].job, CALLS), 0, "exit status of %s",
			  ways[i].name);
		expect_eq(hits(shadow, GETPPID) - before, CALLS, "hits of %s", ways[i].name);
		expect_eq(shadow_info(shadow).nr_grafts, 1, "processes inside after %s",
			  ways[i].name);
	}
	actor_end(&inside);
	actor_end(&outside);
	expect_eq(shadow_info(shadow).nr_grafts, 0, "processes inside at the end");
	return finish();
}
