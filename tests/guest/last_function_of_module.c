// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/*
 * The last function of a module's text is probed, or, where nothing is mapped behind the text, and the
 * kernel might read that to find out whether it can be probed, refused: of two modules it would read there
 * for one.
 */
#include "shadows.h"

/* 0 if it can be probed, else the error. */
static long try(struct shadowk_shadow *shadow, const char *module)
{
	char place[64];
	long ret;

	need_ok(module_load(victim_path(module), ""));
	snprintf(place, sizeof(place), "%s+1", module);
	ret = probe_try(shadow, "last", place, SHADOWK_PROBE_COUNT, SHADOWK_PROBE_FORCE_INT3);
	if (ret)
		expect_refused(ret, -EOPNOTSUPP, SHADOWK_REASON_MODULE_END,
			       "a probe in the last function of %s", module);
	if (!ret)
		probe_remove(shadow, "last");
	need(eventually(!module_unload(module)));
	return ret;
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	long a = try(shadow, "shk_last_a"), b = try(shadow, "shk_last_b");

	printf("the probes: %ld, %ld\n", a, b);
	expect_eq(a, b, "the answer for the one and for the other");
	return finish();
}
