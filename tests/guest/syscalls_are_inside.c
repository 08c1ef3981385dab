// SPDX-License-Identifier: GPL-2.0-only
/* test: newer core timeout=60 */
/*
 * A process that is attached for some system calls is inside during each of them, from its first
 * function to its last. It is outside during other calls, and a process outside is never inside.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "actor.h"
#include "shadows.h"

#define CALLS (kernel_is_slow() ? 100 : 1000)

static struct shadowk_shadow *shadow, *during;

static long job_write(long n)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	while (n--)
		need(write(fd, "", 1) == 1);
	close(fd);
	return 0;
}

/* Makes the two calls alternately. */
static long job_both(long n)
{
	while (n--) {
		job_getppid(1);
		job_getpid(1);
	}
	return 0;
}

/* A child makes the calls. It is attached for the same calls as its parent. */
static long job_fork_getppid(long n)
{
	pid_t pid = fork();

	if (!pid) {
		job_getppid(n);
		_exit(0);
	}
	return wait_for(pid);
}

static struct shadowk_shadow *calls_of(struct shadowk_shadow *of, const unsigned int *numbers,
				       size_t count)
{
	struct shadowk_shadow *made;

	need_ok(shadowk_syscalls_create(of, numbers, count, &made, NULL));
	return made;
}

/* The actor also calls read() to get its jobs, so reads of /dev/zero are counted. */
static void expect_hits(const char *when, long read, long getppid)
{
	expect_eq(hits(shadow, "read_zero"), read, "reads, %s", when);
	expect_eq(hits(shadow, GETPPID), getppid, "calls of getppid, %s", when);
	expect_eq(hits(shadow, "write_null"), 0, "writes, %s", when);
	expect_eq(hits(shadow, GETPID), 0, "calls of getpid, %s", when);
}

int main(void)
{
	static const unsigned int both[] = { SYS_read, SYS_getppid };
	static const unsigned int one[] = { SYS_getppid };
	struct actor actor, neighbour;
	long n = CALLS;

	shadow = shadow_new(NULL);
	count(shadow, "read_zero");
	count(shadow, "write_null");
	count(shadow, GETPPID);
	count(shadow, GETPID);
	during = calls_of(shadow, both, ARRAY_SIZE(both));
	actor_start(&actor, 0);
	actor_start(&neighbour, -1);
	attach(during, actor.pid);
	expect_eq(shadow_info(shadow).nr_grafts, 1, "processes inside");
	expect_eq(module_info().nr_grafts, 1, "processes inside any shadow");

	actor_ask(&neighbour, job_read_zero, n);
	actor_do(&actor, job_read_zero, n);
	actor_do(&actor, job_write, n);
	actor_answer(&neighbour);
	actor_do(&neighbour, job_both, n);
	expect_hits("read", n, 0);
	actor_do(&actor, job_both, n);
	expect_hits("read and getppid", n, n);

	shadowk_shadow_close(during);
	during = calls_of(shadow, one, ARRAY_SIZE(one));
	actor_do(&actor, job_both, n);
	expect_hits("after the handle was closed", n, 2 * n);
	attach(during, actor.pid);
	actor_do(&actor, job_both, n);
	actor_do(&actor, job_read_zero, n);
	expect_hits("getppid only", n, 3 * n);

	need_ok(actor_do(&actor, job_fork_getppid, n));
	expect_hits("in a child", n, 4 * n);

	detach(actor.pid);
	actor_do(&actor, job_both, n);
	actor_do(&actor, job_read_zero, n);
	expect_hits("after detach", n, 4 * n);
	expect_eq(shadow_info(shadow).nr_grafts, 0, "processes inside at the end");
	shadowk_shadow_close(during);
	actor_end(&actor);
	actor_end(&neighbour);
	return finish();
}
