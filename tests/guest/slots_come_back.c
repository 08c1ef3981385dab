// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=60 */
/*
 * When a call that destroys a shadow returns, everything that its probes took is free again: the
 * kernel's kprobes, and with them the module's detours.
 */
#include <sys/mount.h>

#include "shadows.h"

#define PROBES 300

static unsigned int nr_kprobes(void)
{
	FILE *file = fopen("/sys/kernel/debug/kprobes/list", "re");
	unsigned int nr = 0;
	char line[512];

	need(file);
	while (fgets(line, sizeof(line), file))
		nr++;
	fclose(file);
	return nr;
}

/* Adds @nr probes, each at the entry of another function. Returns how many were added. */
static unsigned int fill(struct shadowk_shadow *shadow, unsigned int nr)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[512], symbol[256], type;
	unsigned int added = 0;

	need(file);
	while (added < nr && fgets(line, sizeof(line), file)) {
		struct shadowk_probe_spec spec = { .size = sizeof(spec),
						   .kind = SHADOWK_PROBE_COUNT,
						   .flags = SHADOWK_PROBE_FORCE_INT3 };

		if (sscanf(line, "%*x %c %255s", &type, symbol) != 2 || type != 'T' ||
		    strncmp(symbol, "__x64_sys_", 10))
			continue;
		need_ok(shadowk_probe_parse(symbol, &spec));
		added += !shadowk_probe_add(shadow, &spec);
	}
	fclose(file);
	return added;
}

int main(void)
{
	struct shadowk_shadow *shadow;
	unsigned int before;

	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	before = nr_kprobes();
	for (int i = 0; i < 2; i++) {
		shadow = shadow_new("slots");
		expect_eq(fill(shadow, PROBES), PROBES, "probes");
		expect_eq(nr_kprobes(), before + PROBES, "kprobes while the shadow exists");
		need_ok(shadowk_shadow_destroy(shadow));
		expect_eq(nr_kprobes(), before, "kprobes after destroy");
		shadow_close(shadow);
	}
	return finish();
}
