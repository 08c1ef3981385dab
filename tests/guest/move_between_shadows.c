// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * A process that is attached to another shadow leaves its own: each call is a
 * hit in one of the two, none is in both, and none is lost on the way.
 */
#include "actor.h"
#include "runners.h"
#include "shadows.h"

#define ROUNDS 30

int main(void)
{
	struct shadowk_shadow *a = shadow_new(NULL), *b = shadow_new(NULL);
	uint64_t in_a = 0, in_b = 0, hits_a, hits_b, total = 0;
	struct runners runners;
	struct tally begin, end;
	struct actor actor;

	count(a, GETPPID);
	count(b, GETPPID);
	/* One after the other. */
	actor_start(&actor, -1);
	for (int i = 0; i < ROUNDS; i++) {
		attach(i % 2 ? b : a, actor.pid);
		expect_eq(shadow_of(actor.pid), shadow_info(i % 2 ? b : a).id, "where it is");
		actor_do(&actor, job_getppid, 10 + i);
		*(i % 2 ? &in_b : &in_a) += 10 + i;
		expect_eq(hits(a, GETPPID), in_a, "hits in the first after move %d", i);
		expect_eq(hits(b, GETPPID), in_b, "hits in the second after move %d", i);
	}
	/* To where it is: nothing changes. */
	attach(b, actor.pid);
	expect_eq(shadow_info(a).nr_grafts, 0, "processes in the first");
	expect_eq(shadow_info(b).nr_grafts, 1, "processes in the second");
	actor_end(&actor);

	/* While threads run. */
	runners_start(&runners, nr_cpus() + 1);
	runners_stop(&runners);
	attach(a, runners.pid);
	begin = runners_tally(&runners);
	runners_resume(&runners);
	for (int i = 0; i < ROUNDS; i++) {
		attach(i % 2 ? a : b, runners.pid);
		runners_progress(&runners, 5);
	}
	runners_stop(&runners);
	end = runners_tally(&runners);
	for (unsigned int i = 0; i < runners.nr; i++)
		total += end.done[i] - begin.done[i];
	hits_a = hits(a, GETPPID) - in_a;
	hits_b = hits(b, GETPPID) - in_b;
	expect_eq(hits_a + hits_b, total, "hits in both (%" PRIu64 " and %" PRIu64 ")", hits_a,
		  hits_b);
	expect_range(hits_a, 5 * runners.nr * (ROUNDS / 2), total, "hits in the first");
	expect_range(hits_b, 5 * runners.nr * (ROUNDS / 2), total, "hits in the second");
	runners_end(&runners);
	return finish();
}
