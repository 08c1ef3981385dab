// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * One call in a function is skipped, for processes inside only. Its result is the value that the
 * patch gives.
 */
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"

#define CALLEE "__task_pid_nr_ns"

static void skip_add(struct shadowk_shadow *shadow, uint32_t flags, long value)
{
	struct shadowk_patch_spec spec = {
		.size = sizeof(spec),
		.kind = SHADOWK_PATCH_SKIP_CALL,
		.flags = flags,
		.value = value,
		.name = "p",
		.symbol = GETPPID,
		.object = CALLEE,
	};

	need_ok(shadowk_patch_add(shadow, &spec));
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor inside, outside;

	actor_start(&inside, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);
	count(shadow, CALLEE);

	actor_do(&inside, job_syscall, SYS_getppid);
	expect_eq(hits(shadow, CALLEE), 1, "calls without a patch");
	skip_add(shadow, 0, 0);
	actor_do(&inside, job_syscall, SYS_getppid);
	expect_eq(hits(shadow, CALLEE), 1, "calls when the call is skipped");
	patch_remove(shadow, "p");

	skip_add(shadow, SHADOWK_PATCH_VALUE, 4711);
	expect_eq(actor_do(&inside, job_syscall, SYS_getppid), 4711, "getppid() inside");
	expect_eq(actor_do(&outside, job_syscall, SYS_getppid), getpid(), "getppid() outside");
	expect_eq(hits(shadow, CALLEE), 1, "calls when the call is skipped with a value");
	patch_remove(shadow, "p");
	expect_eq(actor_do(&inside, job_syscall, SYS_getppid), getpid(), "getppid() after removal");
	expect_eq(hits(shadow, CALLEE), 2, "calls after removal");

	actor_end(&inside);
	actor_end(&outside);
	return finish();
}
