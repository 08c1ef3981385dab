// SPDX-License-Identifier: GPL-2.0-only
/* test: debug timeout=900 */
/*
 * Adding and removing a probe changes nothing if one of its allocations fails, for each kind of
 * probe and each arm.
 */
#include "failures.h"
#include "places.h"
#include "victims.h"

/* The probe that the next walk adds and removes, and its shadow. */
static struct shadowk_shadow *probed;
static struct shadowk_probe_spec spec;

static long run_probe_add(unsigned int n)
{
	struct shadowk_probe_spec wish = spec;

	return DISTURBED(n, shadowk_probe_add(probed, &wish));
}

static void undo_probe_add(void)
{
	probe_remove(probed, "walked");
}

static void undo_probe_add_fresh(void)
{
	need_ok(shadowk_shadow_destroy(fresh));
	renew_fresh();
	probed = fresh;
}

static long run_probe_remove(unsigned int n)
{
	return DISTURBED(n, shadowk_probe_remove(probed, "walked"));
}

static void undo_probe_remove(void)
{
	need_ok(run_probe_add(0));
}

static void walk_probe(const char *name, const char *place, enum shadowk_probe_kind kind,
		       uint32_t flags)
{
	struct operation add = { name, run_probe_add, undo_probe_add };
	char removal[128];
	struct operation remove = { removal, run_probe_remove, undo_probe_remove };

	snprintf(removal, sizeof(removal), "remove: %s", name);
	spec = (struct shadowk_probe_spec){ .size = sizeof(spec), .kind = kind, .flags = flags };
	need_ok(shadowk_probe_parse(place, &spec));
	strcpy(spec.name, "walked");
	probed = shadow;
	/* Makes the tables that the probe needs, which stay. */
	need_ok(run_probe_add(0));
	undo_probe_add();
	walk(&add);
	need_ok(run_probe_add(0));
	walk(&remove);
	probe_remove(shadow, "walked");
}

static void walk_probes(void)
{
	static const struct operation first = { "a probe in an empty shadow", run_probe_add,
						undo_probe_add_fresh };
	static const struct operation first_in_module = { "a probe of a module in an empty shadow",
							  run_probe_add, undo_probe_add_fresh };
	struct place jump = find_place(GETUID, SHADOWK_ARM_JUMP, job_getuid);
	struct place int3 = find_place(GETUID, SHADOWK_ARM_INT3, job_getuid);

	walk_probe("count, call", "vfs_read", SHADOWK_PROBE_COUNT, 0);
	walk_probe("event, call", "vfs_read", SHADOWK_PROBE_EVENT, 0);
	walk_probe("latency, call", "vfs_read", SHADOWK_PROBE_LATENCY, 0);
	walk_probe("count, return", "vfs_read", SHADOWK_PROBE_COUNT, SHADOWK_PROBE_RETURN);
	walk_probe("latency, int3", "vfs_read", SHADOWK_PROBE_LATENCY, SHADOWK_PROBE_FORCE_INT3);
	walk_probe("count, jump", jump.text, SHADOWK_PROBE_COUNT, jump.flags);
	walk_probe("event, jump", jump.text, SHADOWK_PROBE_EVENT, jump.flags);
	walk_probe("count, int3", int3.text, SHADOWK_PROBE_COUNT, int3.flags);
	walk_probe("event, int3", int3.text, SHADOWK_PROBE_EVENT, int3.flags);
	walk_probe("count, in a module", VICTIM_TEXT, SHADOWK_PROBE_COUNT, 0);
	probed = fresh;
	walk(&first);
	need_ok(shadowk_probe_parse(VICTIM_TEXT, &spec));
	walk(&first_in_module);
}

int main(void)
{
	victim_load();
	failures_setup();
	walk_probes();
	failures_done();
	victims_done();
	return finish();
}
