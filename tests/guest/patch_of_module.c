// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * A function of a loaded module is patched in one shadow. Processes inside execute the new body,
 * and others the old one. The module cannot be unloaded before the patch is removed, and can be at
 * once afterwards.
 */
#include "pair.h"
#include "patches.h"

/*
 * Skips the only call of the function. The caller continues with a count so large that its loop
 * ends.
 */
static void leave_out(struct shadowk_shadow *shadow, const char *name)
{
	struct shadowk_patch_spec spec = {
		.size = sizeof(spec),
		.kind = SHADOWK_PATCH_SKIP_CALL,
		.flags = SHADOWK_PATCH_VALUE,
		.value = 1 << 30,
		.symbol = "shk_victim:victim_ioctl",
		.object = "shk_victim:" VICTIM_TEXT,
	};

	strcpy(spec.name, name);
	need_ok(shadowk_patch_add(shadow, &spec));
}

int main(void)
{
	struct pair pair = { .shadow = shadow_new(NULL), .other = shadow_new(NULL) };

	pair_start(&pair);

	patch_return(pair.shadow, "p", VICTIM_TEXT, 1 << 30);
	expect_calls(&pair.inside, pair.shadow, 1, "inside");
	expect_calls(&pair.elsewhere, pair.other, PAIR_CALLS, "in another shadow");
	patch_remove(pair.shadow, "p");
	expect_calls(&pair.inside, pair.shadow, PAIR_CALLS, "inside, removed");
	patch_return(pair.shadow, "p", "shk_victim:" VICTIM_TEXT, 1 << 30);
	expect_calls(&pair.inside, pair.shadow, 1, "inside, patched by its full name");

	patch_remove(pair.shadow, "p");
	leave_out(pair.shadow, "p");
	expect_calls(&pair.inside, pair.shadow, 0, "inside, with the call skipped");
	expect_calls(&pair.elsewhere, pair.other, PAIR_CALLS,
		     "in another shadow, with the call skipped inside");

	pair_end(&pair);
	expect_ret(module_unload("shk_victim"), -EAGAIN,
		   "rmmod while a call in the module is skipped");
	patch_remove(pair.shadow, "p");
	patch_return(pair.shadow, "p", VICTIM_TEXT, 1 << 30);
	expect_ret(module_unload("shk_victim"), -EAGAIN,
		   "rmmod while a function of the module is patched");
	patch_remove(pair.shadow, "p");
	expect_ret(module_unload("shk_victim"), 0, "rmmod after the patch was removed");
	victims_done();
	return finish();
}
