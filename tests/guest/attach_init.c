// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/* Process 1 can be attached and detached like any other process. */
#include "actor.h"
#include "shadows.h"

#define READ "vfs_read"

/*
 * Makes process 1 read: it reads from a signalfd that a child has exited, and waits for that child.
 */
static void give_it_work(void)
{
	pid_t pid = fork_tied();

	if (!pid) {
		pid_t orphan = fork();

		if (!orphan)
			_exit(0);
		_exit(orphan < 0);
	}
	need(!wait_for(pid));
	/* Process 1 of the guest also reads the test's output. */
	printf("work for process 1\n");
	fflush(stdout);
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	uint64_t seen;

	count(shadow, READ);
	attach(shadow, 1);
	expect_eq(shadow_of(1), shadow_info(shadow).id, "shadow of process 1");
	expect_eq(shadow_of(0), 0, "shadow of the test, a process that existed before");
	give_it_work();
	expect(eventually(hits(shadow, READ)), "%s: 0 hits by process 1, expected some", READ);
	expect_ret(shadowk_shadow_destroy(shadow), -EBUSY, "destroy with process 1 inside");

	detach(1);
	expect_eq(shadow_of(1), 0, "shadow of process 1 after detach");
	seen = hits(shadow, READ);
	give_it_work();
	usleep(300000);
	expect_eq(hits(shadow, READ) - seen, 0, "%s: hits after detach", READ);
	return finish();
}
