// SPDX-License-Identifier: GPL-2.0-only
/* test: debug timeout=900 */
/*
 * Adding and removing a patch changes nothing if one of its allocations fails, for each kind of
 * patch and in the kernel as in a module.
 */
#include "failures.h"
#include "patches.h"
#include "victims.h"

#define SAMPLE "shk_inplace"

/* The patch that the next walk adds and removes, and its shadow. */
static struct shadowk_shadow *patched;
static struct shadowk_patch_spec wish;

static long run_add(unsigned int n)
{
	struct shadowk_patch_spec spec = wish;

	return DISTURBED(n, shadowk_patch_add(patched, &spec));
}

static void undo_add(void)
{
	patch_remove(patched, wish.name);
}

static void undo_add_fresh(void)
{
	need_ok(shadowk_shadow_destroy(fresh));
	renew_fresh();
	patched = fresh;
}

static long run_remove(unsigned int n)
{
	return DISTURBED(n, shadowk_patch_remove(patched, wish.name));
}

static void undo_remove(void)
{
	need_ok(run_add(0));
}

static void walk_patch(const char *what, const struct shadowk_patch_spec *spec)
{
	char removal[128], first[128];
	struct operation add = { what, run_add, undo_add };
	struct operation remove = { removal, run_remove, undo_remove };
	struct operation add_fresh = { first, run_add, undo_add_fresh };

	snprintf(removal, sizeof(removal), "remove: %s", what);
	snprintf(first, sizeof(first), "in an empty shadow: %s", what);
	wish = *spec;
	wish.size = sizeof(wish);
	strcpy(wish.name, "walked");
	patched = shadow;
	/* Makes the tables that the patch needs, which stay. */
	need_ok(run_add(0));
	undo_add();
	walk(&add);
	need_ok(run_add(0));
	walk(&remove);
	undo_add();
	patched = fresh;
	walk(&add_fresh);
}

int main(void)
{
	static const struct {
		const char *what;
		struct shadowk_patch_spec spec;
	} patches[] = {
		{ "a constant", { .kind = SHADOWK_PATCH_RETURN, .symbol = GETUID } },
		{ "a constant in a module",
		  { .kind = SHADOWK_PATCH_RETURN, .symbol = VICTIM_TEXT } },
		{ "a skipped call",
		  { .kind = SHADOWK_PATCH_SKIP_CALL,
		    .symbol = GETUID,
		    .object = "from_kuid_munged" } },
		{ "a patch module", { .kind = SHADOWK_PATCH_MODULE, .object = SAMPLE } },
	};

	victim_load();
	need_ok(module_load(victim_path(SAMPLE), ""));
	failures_setup();
	for (size_t i = 0; i < ARRAY_SIZE(patches); i++)
		walk_patch(patches[i].what, &patches[i].spec);
	failures_done();
	expect(eventually(!module_unload(SAMPLE)), "the patch module cannot be unloaded");
	victims_done();
	return finish();
}
