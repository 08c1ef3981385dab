// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=90 */
/*
 * A process in an attached cgroup executes the shadow from the moment at which it is there. A
 * process that is forked into the cgroup does so from its first instruction. A process that is
 * moved, or moves itself, does so when that write() has returned. A process that leaves executes
 * the base from then on.
 */
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "actor.h"
#include "cgroups.h"

#define ROUNDS (kernel_is_slow() ? 20 : 200)
#define CALLS  3

static struct cgroup in, out;
static struct shadowk_shadow *shadow;
static uint64_t counted;

static void expect_counted(long calls, const char *what)
{
	counted += calls;
	expect_eq(hits(shadow, GETPPID), counted, "hits, %s", what);
}

static long job_give_birth(long inside)
{
	for (long i = 0; i < ROUNDS; i++) {
		/* The child has its own memory. With CLONE_VFORK the parent waits for it. */
		pid_t pid = fork_into(inside ? &in : &out, i % 2 ? CLONE_VFORK : 0);

		if (!pid) {
			job_getppid(CALLS);
			_exit(0);
		}
		if (pid < 0 || wait_for(pid))
			return -1;
	}
	return 0;
}

/* Spawns as posix_spawn() does: the child runs in its parent's memory and on its parent's stack. */
static long job_spawn(long inside)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP | CLONE_VFORK | CLONE_VM,
		.exit_signal = SIGCHLD,
		.cgroup = (unsigned int)(inside ? in : out).fd,
	};

	for (long i = 0; i < ROUNDS / 10; i++) {
		long pid;

		asm volatile("syscall"
			     : "=a"(pid)
			     : "0"((long)SYS_clone3), "D"(&args), "S"(sizeof(args))
			     : "rcx", "r11", "memory");
		if (!pid) {
			execl("/proc/self/exe", "program", NULL);
			_exit(111);
		}
		if (pid < 0 || wait_for((pid_t)pid))
			return -1;
	}
	return 0;
}

static long job_move_itself(long unused)
{
	for (long i = 0; i < ROUNDS; i++) {
		cgroup_move(&in, 0);
		job_getppid(CALLS);
		cgroup_move(&out, 0);
		job_getppid(CALLS);
	}
	return 0;
}

static void vfork_stays_with_its_parent(void)
{
	pid_t pid;

	/*
	 * The child runs in the memory of this test, which stays outside, until it executes the
	 * program.
	 */
	pid = vfork();
	need(pid >= 0);
	if (!pid) {
		cgroup_move(&in, 0);
		job_getppid(CALLS);
		execl("/proc/self/exe", "program", NULL);
		_exit(111);
	}
	job_getppid(CALLS);
	expect_eq(wait_for(pid), 0, "exit status of vfork's child");
	expect_counted(CALLS, "vfork's child, from its program on");
}

int main(int argc, char **argv)
{
	struct actor actor;

	if (!strcmp(argv[0], "program"))
		return job_getppid(CALLS) != CALLS;
	shadow = shadow_new("cgroup");
	count(shadow, GETPPID);
	cgroup_make(&in, NULL, "in");
	cgroup_make(&out, NULL, "out");
	cgroup_attach(shadow, &in);
	actor_start(&actor, -1);

	expect_eq(actor_do(&actor, job_give_birth, true), 0, "forks into the cgroup");
	expect_counted(ROUNDS * CALLS, "processes that were forked into the cgroup");
	expect_eq(actor_do(&actor, job_spawn, true), 0, "spawns into the cgroup");
	expect_counted(ROUNDS / 10 * CALLS, "programs that were spawned into the cgroup");
	cgroup_move(&in, actor.pid);
	expect_eq(actor_do(&actor, job_give_birth, false), 0, "forks out of the cgroup");
	expect_eq(actor_do(&actor, job_spawn, false), 0, "spawns out of the cgroup");
	expect_counted(0, "children outside, of a parent inside");

	expect_eq(actor_do(&actor, job_move_itself, 0), 0, "moves");
	expect_counted(ROUNDS * CALLS, "a process that moves itself");
	for (int i = 0; i < ROUNDS; i++) {
		cgroup_move(i % 2 ? &out : &in, actor.pid);
		actor_do(&actor, job_getppid, CALLS);
	}
	expect_counted(ROUNDS / 2 * CALLS, "a process that is moved");
	vfork_stays_with_its_parent();

	actor_end(&actor);
	cgroup_detach(&in);
	cgroup_remove(&in);
	cgroup_remove(&out);
	need_ok(shadowk_shadow_destroy(shadow));
	return finish();
}
