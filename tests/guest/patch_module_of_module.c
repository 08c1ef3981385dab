// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * A patch module replaces a function of another module in one shadow, and its body calls the old
 * one. The other module cannot be unloaded before the patch is removed.
 */
#include "pair.h"
#include "patches.h"

int main(void)
{
	struct pair pair = { .shadow = shadow_new(NULL), .other = shadow_new(NULL) };
	struct shadowk_patch_spec spec = { .size = sizeof(spec), .kind = SHADOWK_PATCH_MODULE };

	/* A test that was skipped may have left the module loaded. */
	victims_done();
	need_ok(module_load(victim_path("shk_patch_victim"), ""));
	strcpy(spec.object, "shk_patch_victim");
	expect_refused(shadowk_patch_add(pair.shadow, &spec), -ENOENT,
		       SHADOWK_REASON_SYMBOL_UNKNOWN, "a patch of a module that is not loaded");
	expect(!strcmp(shadowk_error_subject(), "shk_victim:" VICTIM_TEXT),
	       "the error names another symbol: %s", shadowk_error_subject());
	expect(!spec.symbol[0] && !spec.id, "the argument is as it was");
	pair_start(&pair);

	patch_module(pair.shadow, "p", "shk_patch_victim");
	expect_calls(&pair.inside, pair.shadow, PAIR_CALLS / 2, "inside");
	expect_calls(&pair.elsewhere, pair.other, PAIR_CALLS, "in another shadow");
	patch_remove(pair.shadow, "p");
	expect_calls(&pair.inside, pair.shadow, PAIR_CALLS, "inside, removed");

	patch_module(pair.shadow, "p", "shk_patch_victim");
	pair_end(&pair);
	expect_ret(module_unload("shk_victim"), -EAGAIN, "rmmod while a patch is in the module");
	patch_remove(pair.shadow, "p");
	expect_ret(module_unload("shk_victim"), 0, "rmmod after the patch was removed");
	expect(eventually(!module_unload("shk_patch_victim")),
	       "the patch module cannot be unloaded");
	victims_done();
	return finish();
}
