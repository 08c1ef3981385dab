// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * A process that is attached to another shadow leaves its own. Each call is a hit in exactly one of
 * the two, also while the process moves.
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
	/* The process makes its calls between the moves. */
	actor_start(&actor, -1);
	for (int i = 0; i < ROUNDS; i++) {
		attach(i % 2 ? b : a, actor.pid);
		expect_eq(shadow_of(actor.pid), shadow_info(i % 2 ? b : a).id,
			  "shadow after a move");
		actor_do(&actor, job_getppid, 10 + i);
		*(i % 2 ? &in_b : &in_a) += 10 + i;
		expect_eq(hits(a, GETPPID), in_a, "hits in the first shadow after move %d", i);
		expect_eq(hits(b, GETPPID), in_b, "hits in the second shadow after move %d", i);
	}
	/* Attaching to the same shadow changes nothing. */
	attach(b, actor.pid);
	expect_eq(shadow_info(a).nr_grafts, 0, "processes in the first shadow");
	expect_eq(shadow_info(b).nr_grafts, 1, "processes in the second shadow");
	actor_end(&actor);

	/* Threads make calls during the moves. */
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
	expect_eq(hits_a + hits_b, total, "hits in both shadows (%" PRIu64 " and %" PRIu64 ")",
		  hits_a, hits_b);
	expect_range(hits_a, 5 * runners.nr * (ROUNDS / 2), total, "hits in the first shadow");
	expect_range(hits_b, 5 * runners.nr * (ROUNDS / 2), total, "hits in the second shadow");
	runners_end(&runners);
	return finish();
}
