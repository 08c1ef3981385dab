// SPDX-License-Identifier: GPL-2.0-only
/* test: icount timeout=120 */
/*
 * Entering and leaving takes as many instructions for a shadow with all pages private as for a
 * shadow with one.
 */
#include <x86intrin.h>

#include "actor.h"
#include "cost.h"
#include "shadows.h"

#define PAIRS	20
#define REPEATS 15

static struct shadowk_shadow *one, *all;

/*
 * Returns the instructions of a pair of calls: the lowest of several measurements, since a timer
 * tick may hit any of them.
 */
static long job_pairs(long of_all)
{
	struct shadowk_shadow *shadow = of_all ? all : one;
	unsigned long long least = -1ULL;

	for (int i = 0; i < REPEATS; i++) {
		unsigned long long begin = __rdtsc(), took;

		for (int n = 0; n < PAIRS; n++)
			need(!shadowk_enter(shadow) && !shadowk_leave(shadow));
		took = __rdtsc() - begin;
		if (took < least)
			least = took;
	}
	return least / PAIRS;
}

int main(void)
{
	struct shadowk_raw_spec raw = { .size = sizeof(raw), .flags = SHADOWK_RAW_IDENTITY };
	struct actor actor;
	long first, second;

	cost_main();
	one = shadow_new(NULL);
	all = shadow_new(NULL);
	count(one, GETPPID);
	need_ok(shadowk_raw_add(all, &raw));
	actor_start_holding(&actor, 0);
	/* Makes what the first graft needs: the shadow's tables, and the mm's notifier. */
	actor_do(&actor, job_pairs, true);
	first = actor_do(&actor, job_pairs, false);
	second = actor_do(&actor, job_pairs, true);
	printf("%ld instructions with %u private pages, %ld with %u\n", first,
	       shadow_info(one).private_pages, second, shadow_info(all).private_pages);
	expect(shadow_info(all).private_pages > 100 * shadow_info(one).private_pages,
	       "both shadows have about as many private pages, so the test checks nothing");
	expect_range(second, first * 95 / 100, first * 105 / 100,
		     "instructions of enter and leave, all pages private");
	actor_end(&actor);
	return finish();
}
