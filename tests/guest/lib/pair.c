// SPDX-License-Identifier: GPL-2.0-only
#include "pair.h"

static long job_own(long n)
{
	return job_victim(VICTIM_ORDER(VICTIM_OWN, n));
}

void pair_start(struct pair *pair)
{
	victim_load();
	actor_start(&pair->inside, -1);
	actor_start(&pair->elsewhere, -1);
	count(pair->shadow, VICTIM_TEXT);
	count(pair->other, VICTIM_TEXT);
	attach(pair->shadow, pair->inside.pid);
	attach(pair->other, pair->elsewhere.pid);
}

void pair_end(struct pair *pair)
{
	actor_end(&pair->inside);
	actor_end(&pair->elsewhere);
	probe_remove(pair->shadow, VICTIM_TEXT);
	probe_remove(pair->other, VICTIM_TEXT);
}

void expect_calls(struct actor *actor, struct shadowk_shadow *in, long counted, const char *what)
{
	uint64_t before = hits(in, VICTIM_TEXT);

	actor_do(actor, job_own, PAIR_CALLS);
	expect_eq(hits(in, VICTIM_TEXT) - before, counted, "calls %s", what);
}
