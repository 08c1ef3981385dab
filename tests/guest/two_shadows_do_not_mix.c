// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * Two shadows have a probe at the same function, and one of them also at others beside it.
 * Processes in both and one outside run alternately on one CPU, and each shadow counts exactly its
 * own calls.
 */
#include "actor.h"
#include "shadows.h"

#define ROUNDS 200

static long job_both(long n)
{
	job_getppid(n);
	return job_getuid(2 * n);
}

int main(void)
{
	struct shadowk_shadow *a = shadow_new(NULL), *b = shadow_new(NULL);
	struct actor in_a, in_b, outside;

	actor_start(&in_a, 0);
	actor_start(&in_b, 0);
	actor_start(&outside, 0);
	count(a, GETPPID);
	count(b, GETPPID);
	count(b, GETUID);
	attach(a, in_a.pid);
	attach(b, in_b.pid);

	for (int i = 0; i < ROUNDS; i++) {
		actor_do(&in_a, job_both, 3);
		actor_do(&in_b, job_both, 5);
		actor_do(&outside, job_both, 7);
	}
	expect_eq(hits(a, GETPPID), 3 * ROUNDS, "hits in the first shadow");
	expect_eq(hits(b, GETPPID), 5 * ROUNDS, "hits in the second shadow");
	expect_eq(hits(b, GETUID), 2 * 5 * ROUNDS,
		  "hits of the probe that only the second shadow has");

	/* An edit of one shadow has no effect in the other. */
	probe_remove(b, GETPPID);
	count(a, GETPID);
	for (int i = 0; i < ROUNDS; i++) {
		actor_do(&in_b, job_both, 5);
		actor_do(&in_b, job_getpid, 5);
		actor_do(&in_a, job_both, 3);
		actor_do(&outside, job_getpid, 7);
	}
	expect_eq(hits(a, GETPPID), 2 * 3 * ROUNDS,
		  "hits in the first shadow, without the second's probe");
	expect_eq(hits(a, GETPID), 0, "hits in the first shadow by calls in the second");
	expect_eq(hits(b, GETUID), 2 * 2 * 5 * ROUNDS,
		  "hits of the probe that the second shadow kept");

	actor_end(&in_a);
	actor_end(&in_b);
	actor_end(&outside);
	return finish();
}
