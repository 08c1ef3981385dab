// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/*
 * The last function of a module's text can be probed, or is refused if the kernel would read behind
 * the mapped text to decode it. The kernel would do that in one of the two modules, and both get
 * the same answer.
 */
#include "shadows.h"

/* Returns 0 if the module's last function can be probed, or the error. */
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

	printf("results of the two probes: %ld, %ld\n", a, b);
	expect_eq(a, b, "results of the two probes");
	return finish();
}
