// SPDX-License-Identifier: GPL-2.0-only
/* test: debug timeout=900 */
/*
 * A probe of a shadow with --async union is in the shadow's text and in the union's, or in neither,
 * whichever allocation fails. That holds for the union's first probe and for further ones. A
 * removal succeeds, whichever allocation fails.
 */
#include "failures.h"
#include "victims.h"

static struct shadowk_shadow *probed;
static const char *place;

static long run_add(unsigned int n)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec), .kind = SHADOWK_PROBE_COUNT };

	need_ok(shadowk_probe_parse(place, &spec));
	strcpy(spec.name, "walked");
	return DISTURBED(n, shadowk_probe_add(probed, &spec));
}

static void undo_add(void)
{
	probe_remove(probed, "walked");
}

static long run_remove(unsigned int n)
{
	return DISTURBED(n, shadowk_probe_remove(probed, "walked"));
}

static void undo_remove(void)
{
	need_ok(run_add(0));
}

/* The union still counts after all failures. */
static void counts(struct shadowk_shadow *steady)
{
	uint64_t was = probe_info(steady, VICTIM_SYMBOL).async_hits;

	actor_do(&outside, job_victim, VICTIM_ORDER(VICTIM_WORK, 10));
	expect_eq(probe_info(steady, VICTIM_SYMBOL).async_hits - was, 10, "async hits at the end");
}

int main(void)
{
	static const struct operation first = { "add the union's first probe", run_add, undo_add };
	static const struct operation last = { "remove the union's last probe", run_remove,
					       undo_remove };
	static const struct operation more = { "add a further probe", run_add, undo_add };
	static const char *const places[] = { "vfs_read", VICTIM_SYMBOL, VICTIM_TEXT };
	struct shadowk_shadow *steady;

	victim_load();
	failures_setup();
	probed = shadow_new_union(NULL);
	steady = shadow_new_union(NULL);
	place = "vfs_read";
	/* Makes what the shadow itself needs, which stays. */
	count(probed, GETUID);
	count(probed, place);
	probe_remove(probed, place);
	probe_remove(probed, GETUID);
	walk(&first);
	need_ok(run_add(0));
	walk(&last);
	probe_remove(probed, "walked");

	count(steady, VICTIM_SYMBOL);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		place = places[i];
		/*
		 * Makes what the shadow needs for this place, which stays: module text has tables
		 * of its own.
		 */
		count(probed, place);
		probe_remove(probed, place);
		walk(&more);
	}
	counts(steady);
	failures_done();
	victims_done();
	return finish();
}
