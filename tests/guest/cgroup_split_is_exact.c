// SPDX-License-Identifier: GPL-2.0-only
/* test: once timeout=90 */
/*
 * A cgroup is split between two shadows. Of each hundred processes that come into it, exactly as
 * many are in each shadow as was asked for, from their first instruction on. It does not matter how
 * they come, and they stay there.
 */
#include <spawn.h>

#include "lists.h"
#include "actor.h"
#include "cgroups.h"
#include "reexec.h"

#define PERCENT 30

static struct cgroup in, below;
static struct shadowk_shadow *a, *b;
static uint64_t in_a, in_b;
static struct actor server;

static void expect_share(long of_a, long of_b, const char *what)
{
	in_a += of_a;
	in_b += of_b;
	expect_eq(hits(a, GETPPID), in_a, "calls in A, %s", what);
	expect_eq(hits(b, GETPPID), in_b, "calls in B, %s", what);
}

static long job_fork(long n)
{
	while (n--) {
		pid_t pid = fork();

		if (!pid) {
			job_getppid(1);
			_exit(0);
		}
		if (pid < 0 || wait_for(pid))
			return -1;
	}
	return 0;
}

/* The child has its own memory only from exec on. */
static long job_spawn(long n)
{
	while (n--) {
		pid_t pid;

		if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, reexec_argv(1), environ) ||
		    wait_for(pid))
			return -1;
	}
	return 0;
}

/* A process keeps its shadow in exec. */
static long job_fork_and_execute(long n)
{
	while (n--) {
		pid_t pid = fork();

		if (!pid) {
			execv("/proc/self/exe", reexec_argv(1));
			_exit(111);
		}
		if (pid < 0 || wait_for(pid))
			return -1;
	}
	return 0;
}

static long job_move(long unused)
{
	cgroup_move(&below, 0);
	cgroup_move(&in, 0);
	return 0;
}

static void move_many(long n)
{
	for (long i = 0; i < n; i++) {
		struct actor actor;

		actor_start(&actor, -1);
		cgroup_move(&in, actor.pid);
		actor_do(&actor, job_getppid, 1);
		actor_end(&actor);
	}
}

/*
 * The server is the first of the first hundred, and 99 forked processes complete it. Each of the
 * other ways makes a hundred.
 */
static void shares(void)
{
	actor_start_holding(&server, -1);
	cgroup_move(&in, server.pid);
	need_ok(shadowk_cgroup_split(a, b, in.path, PERCENT));
	actor_do(&server, job_getppid, 1);
	expect_ret(actor_do(&server, job_fork, 99), 0, "fork");
	expect_share(100 - PERCENT, PERCENT, "forked processes");
	expect_ret(actor_do(&server, job_spawn, 100), 0, "spawn");
	expect_share(100 - PERCENT, PERCENT, "spawned processes");
	expect_ret(actor_do(&server, job_fork_and_execute, 100), 0, "fork and execute");
	expect_share(100 - PERCENT, PERCENT, "forked processes that execute a program");
	move_many(100);
	expect_share(100 - PERCENT, PERCENT, "processes that were moved there");
}

/* The first process of each hundred is in A, so the server is. */
static void stays(void)
{
	actor_do(&server, job_move, 0);
	actor_do(&server, job_getppid, 10);
	expect_share(10, 0, "a process that moves within the cgroup");
	expect_ret(shadowk_process_attach(b, server.pid), -EBUSY, "attach a process of A to B");
	expect_ret(shadowk_process_detach(device(), server.pid), -EBUSY, "detach a process of A");
	expect_ret(shadowk_shadow_destroy(b), -EBUSY, "destroy B");
	expect_ret(shadowk_cgroup_split(a, b, in.path, PERCENT), 0, "the split again");
	expect_ret(shadowk_cgroup_split(a, b, in.path, PERCENT + 1), -EBUSY,
		   "a split with other shares");
	expect_ret(shadowk_cgroup_attach(a, in.path), -EBUSY, "attach the cgroup to A alone");
}

static void is_told(void)
{
	struct shadowk_cgroup cgroup = { 0 };

	expect_ret(list_first(shadowk_cgroup_list, a, &cgroup), 1, "A's cgroup");
	expect_eq(cgroup.percent, 100 - PERCENT, "A's share");
	expect_ret(list_first(shadowk_cgroup_list, b, &cgroup), 1, "B's cgroup");
	expect_eq(cgroup.percent, PERCENT, "B's share");
}

static void ends(void)
{
	cgroup_detach(&in);
	expect_ret(actor_do(&server, job_fork, 10), 0, "fork, afterwards");
	actor_do(&server, job_getppid, 10);
	expect_share(0, 0, "at the end");
	expect_eq(module_info().nr_grafts, 0, "processes inside at the end");
}

int main(int argc, char **argv)
{
	reexec_main(argc, argv);
	cgroup_make(&in, NULL, "split");
	cgroup_make(&below, &in, "below");
	a = shadow_new(NULL);
	b = shadow_new(NULL);
	count(a, GETPPID);
	count(b, GETPPID);
	shares();
	stays();
	is_told();
	ends();
	actor_end(&server);
	cgroup_remove(&below);
	cgroup_remove(&in);
	return finish();
}
