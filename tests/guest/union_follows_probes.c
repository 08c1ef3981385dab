// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * While work items execute on all CPUs, probes and shadows with --async union come and go, also at
 * one place. Each probe counts from its addition to its removal, and probes of other shadows miss
 * no hit. The union goes with the last probe and frees its memory, and comes again with the next
 * one.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define STEPS 12
#define CALLS 3
#define CPUS  2

static struct actor workers[CPUS];
static int nr;

static long job_work(long rounds)
{
	long calls = 0;

	for (long i = 0; i < rounds; i++)
		calls += victim_call(VICTIM_WORK, CALLS);
	return calls;
}

static void ask(long rounds)
{
	for (int i = 0; i < nr; i++)
		actor_ask(&workers[i], job_work, rounds);
}

static long answers(void)
{
	long calls = 0;

	for (int i = 0; i < nr; i++)
		calls += actor_answer(&workers[i]);
	return calls;
}

static uint64_t async_hits(struct shadowk_shadow *shadow)
{
	struct shadowk_probe_info info = probe_info(shadow, VICTIM_SYMBOL);

	expect_eq(info.hits, 0, "hits of processes");
	return info.async_hits;
}

/* @steady has a probe all the time. Another shadow that comes and goes does not disturb it. */
static void step(struct shadowk_shadow *steady, int i)
{
	struct shadowk_shadow *comer = shadow_new_union(NULL);
	uint64_t was = async_hits(steady), between;
	long calls;

	ask(40);
	count(comer, VICTIM_SYMBOL);
	/* A probe at another place, and one with another arm. */
	count(comer, "process_one_work");
	probe_add(comer, "int3", VICTIM_SYMBOL, SHADOWK_PROBE_COUNT, SHADOWK_PROBE_FORCE_INT3);
	calls = answers();
	expect_eq(async_hits(steady) - was, calls, "async hits while probes come");

	between = async_hits(comer);
	ask(5);
	calls = answers();
	expect_eq(async_hits(comer) - between, calls, "async hits of the shadow that has come");

	was = async_hits(steady);
	ask(40);
	probe_remove(comer, i % 2 ? "int3" : VICTIM_SYMBOL);
	if (i % 3)
		need_ok(shadowk_shadow_destroy(comer));
	shadow_close(comer);
	calls = answers();
	expect_eq(async_hits(steady) - was, calls, "async hits while probes go");
}

static void whole_life(void)
{
	struct shadowk_shadow *shadow = shadow_new_union(NULL);
	uint64_t memory = module_info().memory;
	long calls;

	ask(20);
	expect_eq(module_info().memory, memory, "memory without probes");
	answers();
	ask(20);
	count(shadow, VICTIM_SYMBOL);
	expect(module_info().memory > memory, "no union was made for a probe");
	answers();
	probe_remove(shadow, VICTIM_SYMBOL);
	count(shadow, VICTIM_SYMBOL);
	ask(10);
	calls = answers();
	expect_eq(async_hits(shadow), calls, "async hits of a probe that was added again");
	ask(20);
	shadow_close(shadow);
	answers();
}

/* A probe that is refused makes no union. The union would be a shadow, and would take an id. */
static void refused_makes_none(void)
{
	struct shadowk_shadow *shadow = shadow_new_union(NULL), *after;

	expect_refused(probe_try(shadow, "p", "shadowk:shk_shadow_put", SHADOWK_PROBE_COUNT, 0),
		       -EOPNOTSUPP, SHADOWK_REASON_FORBIDDEN, "a probe of the module itself");
	after = shadow_new(NULL);
	expect_eq(shadow_info(after).id - shadow_info(shadow).id, 1,
		  "ids between two shadows (2 if a union was made)");
	shadow_close(after);
	shadow_close(shadow);
}

int main(void)
{
	unsigned int steps = kernel_is_slow() ? STEPS / 3 : STEPS;
	struct shadowk_shadow *steady;
	uint64_t memory;

	victim_load();
	nr = nr_cpus() < CPUS ? (int)nr_cpus() : CPUS;
	for (int i = 0; i < nr; i++)
		actor_start(&workers[i], i);
	memory = module_info().memory;
	refused_makes_none();
	for (unsigned int i = 0; i < 3; i++)
		whole_life();
	expect_eq(module_info().memory, memory, "memory after the last union");
	steady = shadow_new_union(NULL);
	count(steady, VICTIM_SYMBOL);
	probe_add(steady, "below", VICTIM_SYMBOL, SHADOWK_PROBE_COUNT, SHADOWK_PROBE_BELOW);
	for (unsigned int i = 0; i < steps; i++)
		step(steady, (int)i);
	expect_eq(probe_info(steady, "below").async_hits, 0, "hits below calls that are not made");
	shadow_close(steady);
	expect_eq(module_info().memory, memory, "memory after all shadows were closed");
	for (int i = 0; i < nr; i++)
		actor_end(&workers[i]);
	victims_done();
	return finish();
}
