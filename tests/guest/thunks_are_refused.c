// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Thunks of returns and of indirect branches take no probe and no edit. All code returns through
 * them, and the code that reports hits does, too.
 */
#include "actor.h"
#include "shadows.h"

/* The kernel's text has these functions, whatever mitigations this CPU needs. */
static bool is_thunk(const char *name)
{
	static const char *const begins[] = {
		"__x86_indirect_", "__x86_return_thunk", "srso_alias_",	     "srso_return_",
		"srso_untrain_",   "srso_safe_",	 "retbleed_return_", "retbleed_untrain_",
		"its_return_",	   "call_depth_return_",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(begins); i++)
		if (!strncmp(name, begins[i], strlen(begins[i])))
			return true;
	return false;
}

static void check(struct shadowk_shadow *shadow, uint64_t addr, const char *name)
{
	struct shadowk_probe_spec probe = { .size = sizeof(probe),
					    .addr = addr,
					    .kind = SHADOWK_PROBE_COUNT };
	struct shadowk_raw_spec raw = {
		.size = sizeof(raw), .addr = addr, .len = 1, .bytes = { 0x90 }
	};

	expect_refused(shadowk_probe_add(shadow, &probe), -EOPNOTSUPP, SHADOWK_REASON_FORBIDDEN,
		       "a probe of %s", name);
	expect_refused(shadowk_raw_add(shadow, &raw), -EOPNOTSUPP, SHADOWK_REASON_FORBIDDEN,
		       "a raw edit of %s", name);
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	FILE *symbols = fopen("/proc/kallsyms", "re");
	unsigned int seen = 0;
	char line[512], name[256], type;
	uint64_t addr;

	need(symbols);
	while (fgets(line, sizeof(line), symbols)) {
		if (strchr(line, '[') ||
		    sscanf(line, "%" SCNx64 " %c %255s", &addr, &type, name) != 3)
			continue;
		/*
		 * Local symbols of these names stand for thunks that the kernel was built without.
		 */
		if (type == 'T' && is_thunk(name)) {
			check(shadow, addr, name);
			seen++;
		}
	}
	fclose(symbols);
	expect_range(seen, 10, 200, "number of thunks");
	shadow_close(shadow);
	return finish();
}
