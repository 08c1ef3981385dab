// SPDX-License-Identifier: GPL-2.0-only
/* test: icount timeout=240 */
/*
 * A process outside executes exactly as many instructions with the module loaded, and with shadows
 * that have probes and a process, as without the module. This test measures the null system call,
 * which costs the same each time. bench/guest/outside.py measures operations that need many rounds.
 */
#include "actor.h"
#include "cost.h"
#include "shadows.h"

#define CALLS 1000

int main(void)
{
	static const char *const probed[] = { GETPPID, "vfs_read", "vfs_write", "do_mmap" };
	struct shadowk_shadow *shadow;
	struct actor outside, inside;
	long absent, cost;

	cost_main();
	actor_start(&outside, 0);
	need_ok(module_unload("shadowk"));
	absent = actor_do(&outside, job_cost, CALLS);
	need_ok(module_load(shadowk_path(), ""));
	expect_eq(actor_do(&outside, job_cost, CALLS), absent,
		  "instructions with the module loaded");

	shadow = shadow_new(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(probed); i++)
		count(shadow, probed[i]);
	actor_start(&inside, 0);
	attach(shadow, inside.pid);
	expect_eq(actor_do(&outside, job_cost, CALLS), absent,
		  "instructions outside, with a process inside");

	/* The measurement works: a process inside needs more instructions. */
	cost = actor_do(&inside, job_cost, CALLS);
	expect(cost > absent, "inside %ld instructions, outside %ld", cost, absent);
	actor_end(&inside);
	actor_end(&outside);
	return finish();
}
