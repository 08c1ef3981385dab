// SPDX-License-Identifier: GPL-2.0-only
/* test: newer core timeout=60 */
/*
 * A kernel thread that runs after a process inside borrows that process's mm, and executes the
 * base.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define ROUNDS 300
#define CALLS  10

/* In each round the CPU switches from the process directly to the kernel thread. */
static void check(struct actor *inside, struct shadowk_shadow *shadow, unsigned int cmd,
		  const char *who)
{
	struct shadowk_probe_info before = probe_info(shadow, VICTIM_SYMBOL), after;

	expect_eq(actor_do(inside, job_victim_rounds, VICTIM_ROUNDS(cmd, ROUNDS, CALLS)),
		  ROUNDS * CALLS, "calls by %s", who);
	after = probe_info(shadow, VICTIM_SYMBOL);
	expect_eq(after.hits - before.hits, 0, "hits by %s", who);
	expect_eq(after.async_hits - before.async_hits, 0, "async hits by %s", who);
}

int main(void)
{
	struct shadowk_shadow *shadow;
	struct actor inside;

	victim_load();
	shadow = shadow_new(NULL);
	count(shadow, VICTIM_SYMBOL);
	for (unsigned int cpu = 0; cpu < nr_cpus(); cpu++) {
		actor_start(&inside, cpu);
		attach(shadow, inside.pid);
		check(&inside, shadow, VICTIM_KTHREAD, "a kernel thread");
		check(&inside, shadow, VICTIM_WORK, "a work item");
		check(&inside, shadow, VICTIM_UNUSE_MM, "a kernel thread that used the mm before");
		actor_end(&inside);
	}
	actor_start(&inside, 0);
	attach(shadow, inside.pid);
	actor_do(&inside, job_victim, VICTIM_ORDER(VICTIM_SELF, 100));
	expect_eq(hits(shadow, VICTIM_SYMBOL), 100, "hits by the process itself");
	actor_end(&inside);
	victims_done();
	return finish();
}
