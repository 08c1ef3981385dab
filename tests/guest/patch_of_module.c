// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * A function of a loaded module is patched in one shadow: who is inside has the new
 * body, others the old one; the module cannot be unloaded before the patch is gone, and
 * can at once then.
 */
#include "pair.h"
#include "patches.h"

/* Its only caller goes on as if it had said that this was the last call. */
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
	expect_calls(&pair.inside, pair.shadow, 1, "inside, by its full name");

	patch_remove(pair.shadow, "p");
	leave_out(pair.shadow, "p");
	expect_calls(&pair.inside, pair.shadow, 0, "inside, left out");
	expect_calls(&pair.elsewhere, pair.other, PAIR_CALLS, "in another shadow, left out inside");

	pair_end(&pair);
	expect_ret(module_unload("shk_victim"), -EAGAIN, "rmmod while a call in it is left out");
	patch_remove(pair.shadow, "p");
	patch_return(pair.shadow, "p", VICTIM_TEXT, 1 << 30);
	expect_ret(module_unload("shk_victim"), -EAGAIN, "rmmod while a function of it is patched");
	patch_remove(pair.shadow, "p");
	expect_ret(module_unload("shk_victim"), 0, "rmmod when it is gone");
	victims_done();
	return finish();
}
