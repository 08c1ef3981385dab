// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metrics have the escapes of the formats, buckets that include their bounds, and the order of the
 * table, whatever the names of shadows and functions are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "metrics.h"
#include "unit.h"

static char *printed(const struct metrics *metrics, enum metrics_format format)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);

	metrics_print(metrics, file, format);
	fclose(file);
	return text;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

static void lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' in:\n%s", part, text);
}

/* A shadow with a latency probe. The kernel accepts no such name today. */
static void metrics_fill(struct metrics *metrics, struct metrics_shadow *shadow,
			 struct shadowk_probe_info *probe)
{
	*metrics = (struct metrics){ .loaded = true, .count = 1, .shadow = shadow };
	metrics->info.nr_shadows = 1;
	strcpy(metrics->info.version, "0.1.0");
	*shadow = (struct metrics_shadow){ .info = { .id = 7, .nr_grafts = 3, .memory = 8192 } };
	strcpy(shadow->info.name, "a\"b\\c\nd\xff"
				  "e");
	shadow->probes = (struct probes){ .count = 1, .info = probe };
	*probe = (struct shadowk_probe_info){ .id = 1, .kind = SHADOWK_PROBE_LATENCY };
	strcpy(probe->name, "reads");
	strcpy(probe->symbol, "ext4:ext4_file_read_iter");
	probe->addr = 0xffffffff81234560;
	probe->offset = 0x1b;
	probe->hits = 7;
	probe->latency_sum = 2000000003;
	probe->histogram[0] = 1;
	probe->histogram[5] = 1;
	probe->histogram[9] = 2;
	probe->histogram[63] = 3;
}

static void escapes(void **state)
{
	struct shadowk_probe_info probe;
	struct metrics_shadow shadow;
	struct metrics metrics;
	char *text;

	metrics_fill(&metrics, &shadow, &probe);
	text = printed(&metrics, METRICS_OPENMETRICS);
	has(text, "\nshadowk_shadow_processes{shadow=\"a\\\"b\\\\c\\nd?e\",id=\"7\"} 3\n");
	has(text, ",probe=\"reads\",function=\"ext4:ext4_file_read_iter+0x1b\"} 7\n");
	lacks(text, "ffffffff8");
	free(text);
}

static void buckets(void **state)
{
	struct shadowk_probe_info probe;
	struct metrics_shadow shadow;
	struct metrics metrics;
	char *text;

	metrics_fill(&metrics, &shadow, &probe);
	text = printed(&metrics, METRICS_OPENMETRICS);
	has(text, ",le=\"6.3e-08\"} 2\n");
	has(text, ",le=\"5.11e-07\"} 2\n");
	has(text, ",le=\"1.023e-06\"} 4\n");
	has(text, ",le=\"68.719476735\"} 4\n");
	has(text, ",le=\"+Inf\"} 7\n");
	has(text, "} 2.000000003\n");
	lacks(text, ",le=\"3.1e-08\"");
	free(text);
}

static void formats(void **state)
{
	struct shadowk_probe_info probe;
	struct metrics_shadow shadow;
	struct metrics metrics;
	char *text;

	metrics_fill(&metrics, &shadow, &probe);
	text = printed(&metrics, METRICS_OPENMETRICS);
	has(text, "\n# TYPE shadowk_probe_hits counter\nshadowk_probe_hits_total{");
	has(text, "\n# TYPE shadowk_module info\nshadowk_module_info{version=\"0.1.0\",");
	has(text, "\n# UNIT shadowk_shadow_memory_bytes bytes\n");
	assert_string_equal(text + strlen(text) - strlen("\n# EOF\n"), "\n# EOF\n");
	free(text);
	text = printed(&metrics, METRICS_PROMETHEUS);
	has(text, "\n# TYPE shadowk_probe_hits_total counter\nshadowk_probe_hits_total{");
	has(text, "\n# TYPE shadowk_module_info gauge\nshadowk_module_info{version=\"0.1.0\",");
	lacks(text, "# UNIT");
	lacks(text, "# EOF");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes),
		cmocka_unit_test(buckets),
		cmocka_unit_test(formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
