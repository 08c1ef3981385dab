// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/*
 * Two modules have a function of the same name. Wherever only this name is given, the call is
 * refused and the error names both. With the module's name, each function is counted separately.
 * After one module was unloaded, the name alone suffices.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define TWIN "shk_twin"

static long job_call(long a_b)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", a_b >> 8);
	need(write_file("/sys/module/shk_twin_a/parameters/call", text));
	snprintf(text, sizeof(text), "%ld", a_b & 255);
	need(write_file("/sys/module/shk_twin_b/parameters/call", text));
	return 0;
}

static void expect_candidates(long err, enum shadowk_op op, const struct shadowk_subject *subject,
			      const char *what)
{
	char line[512];

	expect_refused(err, -EINVAL, SHADOWK_REASON_SYMBOL_AMBIGUOUS, "%s by the name alone", what);
	shadowk_explain(line, sizeof(line), op, err, subject);
	expect(strstr(line, "shk_twin_a:" TWIN) && strstr(line, "shk_twin_b:" TWIN),
	       "%s: the error does not name both: %s", what, line);
}

static void name_is_refused(struct shadowk_shadow *shadow)
{
	struct shadowk_probe_spec probe = { .size = sizeof(probe),
					    .kind = SHADOWK_PROBE_COUNT,
					    .symbol = TWIN };
	struct shadowk_patch_spec patch = { .size = sizeof(patch),
					    .kind = SHADOWK_PATCH_RETURN,
					    .symbol = TWIN };
	struct shadowk_subject subject = { .size = sizeof(subject),
					   .shadow = "twins",
					   .probe_spec = &probe,
					   .probe = TWIN,
					   .patch_spec = &patch };

	expect_candidates(shadowk_probe_add(shadow, &probe), SHADOWK_OP_PROBE_ADD, &subject,
			  "a probe");
	expect_candidates(shadowk_patch_add(shadow, &patch), SHADOWK_OP_PATCH_ADD, &subject,
			  "a patch");
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor inside;

	need_ok(module_load(victim_path("shk_twin_a"), ""));
	need_ok(module_load(victim_path("shk_twin_b"), ""));
	name_is_refused(shadow);
	probe_add(shadow, "a", "shk_twin_a:" TWIN, SHADOWK_PROBE_COUNT, 0);
	probe_add(shadow, "b", "shk_twin_b:" TWIN, SHADOWK_PROBE_COUNT, 0);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	actor_do(&inside, job_call, 3 << 8 | 5);
	expect_eq(hits(shadow, "a"), 3, "hits in the first module");
	expect_eq(hits(shadow, "b"), 5, "hits in the second module");
	actor_end(&inside);
	probe_remove(shadow, "a");
	need_ok(module_unload("shk_twin_a"));
	count(shadow, TWIN);
	expect(!strcmp(probe_info(shadow, TWIN).symbol, "shk_twin_b:" TWIN),
	       "the probe is not in the module that is left");
	probe_remove(shadow, "b");
	probe_remove(shadow, TWIN);
	need_ok(module_unload("shk_twin_b"));
	return finish();
}
