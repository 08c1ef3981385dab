// SPDX-License-Identifier: GPL-2.0-only
/* test: icount timeout=120 */
/* To enter and to leave takes as many instructions for a shadow with all pages private as with one. */
#include <x86intrin.h>

#include "actor.h"
#include "cost.h"
#include "shadows.h"

#define PAIRS	20
#define REPEATS 15

static struct shadowk_shadow *one, *all;

/* The least for a pair: a timer tick may fall into any. */
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
	/* What the first graft makes is made, and the mm's subscriptions. */
	actor_do(&actor, job_pairs, true);
	first = actor_do(&actor, job_pairs, false);
	second = actor_do(&actor, job_pairs, true);
	printf("%ld instructions with %u private pages, %ld with %u\n", first,
	       shadow_info(one).private_pages, second, shadow_info(all).private_pages);
	expect(shadow_info(all).private_pages > 100 * shadow_info(one).private_pages,
	       "pages of the two are about as many: this test sees nothing");
	expect_range(second, first * 95 / 100, first * 105 / 100,
		     "instructions of enter and leave, all pages private");
	actor_end(&actor);
	return finish();
}
