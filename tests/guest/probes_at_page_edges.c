// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/*
 * The jump of an optimised kprobe may lie in two pages, of which a shadow may have a copy of one.
 * Instructions that such a jump could reach over take no probe. A function whose __fentry__ site
 * lies in two pages is probed behind the site, and takes no patch.
 */
#include "actor.h"
#include "shadows.h"
#include "tracefs.h"
#include "victims.h"

#define EDGE  "shk_victim:" VICTIM_AT_EDGE
#define SPANS "shk_victim:" VICTIM_SPANS_PAGES

static long job_call(long n)
{
	return victim_call(VICTIM_EDGE, n) == n && victim_call(VICTIM_SPANS, n) == n;
}

static void edge_is_refused(struct shadowk_shadow *shadow)
{
	struct raw_place {
		const char *place;
		long expected;
	} places[] = {
		{ EDGE "+4", -EOPNOTSUPP }, /* the last instruction of the page */
		{ EDGE "+6", -EOPNOTSUPP }, /* the first instruction of the next page */
		{ EDGE "+8", -EOPNOTSUPP }, /* may be the last byte of a jump */
		{ EDGE "+10", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		long ret = probe_try(shadow, "inner", places[i].place, SHADOWK_PROBE_COUNT, 0);

		expect_ret(ret, places[i].expected, "a probe at %s", places[i].place);
		if (!ret)
			probe_remove(shadow, "inner");
	}
}

static void kprobe_over_edge(struct shadowk_shadow *shadow, struct actor *inside)
{
	uint64_t addr = module_symbol(VICTIM_AT_EDGE) + 4;
	uint64_t entry = hits(shadow, "edge");

	/* Tracing cannot add a kprobe to a function without a __fentry__ site. */
	need_ok(module_load(victim_path("shk_kprobe"), "at=" EDGE " offset=4"));
	kprobes_optimise(true);
	if (!eventually(kprobe_is_optimised(addr)))
		printf("# the kernel does not optimise the kprobe\n");
	expect_eq(actor_do(inside, job_call, 10), 1,
		  "calls with an optimised kprobe over the edge");
	expect_eq(hits(shadow, "edge") - entry, 10, "hits at the entry");
	need_ok(module_unload("shk_kprobe"));
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct shadowk_patch_spec patch = { .size = sizeof(patch),
					    .kind = SHADOWK_PATCH_RETURN,
					    .symbol = SPANS };
	struct actor inside;

	victim_load();
	probe_add(shadow, "edge", EDGE, SHADOWK_PROBE_COUNT, 0);
	expect_ret(probe_try(shadow, "spans", SPANS, SHADOWK_PROBE_COUNT, 0), 0,
		   "a probe where the __fentry__ site lies in two pages");
	expect_ret(probe_try(shadow, "latency", SPANS, SHADOWK_PROBE_LATENCY, 0), 0,
		   "its latency probe");
	expect_refused(shadowk_patch_add(shadow, &patch), -EOPNOTSUPP, SHADOWK_REASON_PAGE_EDGE,
		       "a patch there");
	edge_is_refused(shadow);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	expect_eq(actor_do(&inside, job_call, 10), 1, "calls");
	expect_eq(hits(shadow, "edge"), 10, "hits at the entry before the edge");
	expect_eq(hits(shadow, "spans"), 10, "hits behind the __fentry__ site");
	expect_eq(hits(shadow, "latency"), 10, "latencies behind the __fentry__ site");
	kprobe_over_edge(shadow, &inside);
	actor_end(&inside);
	return finish();
}
