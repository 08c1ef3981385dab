// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* One call of a function is left out, with the result that it is to have, inside only. */
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
	expect_eq(hits(shadow, CALLEE), 1, "calls before it is patched");
	skip_add(shadow, 0, 0);
	actor_do(&inside, job_syscall, SYS_getppid);
	expect_eq(hits(shadow, CALLEE), 1, "calls when it is left out");
	patch_remove(shadow, "p");

	skip_add(shadow, SHADOWK_PATCH_VALUE, 4711);
	expect_eq(actor_do(&inside, job_syscall, SYS_getppid), 4711, "the value inside");
	expect_eq(actor_do(&outside, job_syscall, SYS_getppid), getpid(), "outside");
	expect_eq(hits(shadow, CALLEE), 1, "calls when it has a value");
	patch_remove(shadow, "p");
	expect_eq(actor_do(&inside, job_syscall, SYS_getppid), getpid(), "the patch has gone");
	expect_eq(hits(shadow, CALLEE), 2, "calls then");

	actor_end(&inside);
	actor_end(&outside);
	return finish();
}
