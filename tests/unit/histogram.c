// SPDX-License-Identifier: GPL-2.0-only
/* Histograms and tables look like those of bpftrace, and JSON output is valid UTF-8. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "output.h"
#include "unit.h"

static void label_is(unsigned int slot, const char *expected)
{
	char label[24];

	histogram_label(label, sizeof(label), slot);
	assert_string_equal(label, expected);
}

static void labels(void **state)
{
	label_is(0, "[0, 2)");
	label_is(1, "[2, 4)");
	label_is(9, "[512, 1K)");
	label_is(10, "[1K, 2K)");
	label_is(19, "[512K, 1M)");
	label_is(30, "[1G, 2G)");
	label_is(63, "[8E, 16E)");
}

static char *printed(const uint64_t *slots)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);

	histogram_print(file, slots);
	fclose(file);
	return text;
}

static void bars(void **state)
{
	static const char looks[] =
		"[512, 1K)              2 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |\n"
		"[1K, 2K)               0 |                                                    |\n"
		"[2K, 4K)               4 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|"
		"\n";
	uint64_t slots[SHADOWK_HISTOGRAM_LEN] = { [9] = 2, [11] = 4 };
	char *text = printed(slots);

	assert_string_equal(text, looks);
	free(text);
}

static void empty(void **state)
{
	uint64_t slots[SHADOWK_HISTOGRAM_LEN] = { 0 };
	char *text = printed(slots);

	assert_string_equal(text, "");
	free(text);
}

static void huge(void **state)
{
	uint64_t slots[SHADOWK_HISTOGRAM_LEN] = { [0] = 1, [63] = UINT64_MAX };
	char *text = printed(slots);

	assert_non_null(strstr(text, "[8E, 16E)       18446744073709551615 |@@@@"));
	free(text);
}

static void table_is_aligned(void **state)
{
	struct table table;
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);

	table_init(&table, "lr");
	table_add(&table, "NAME");
	table_add(&table, "N");
	table_add(&table, "%s", "a\nb");
	table_add(&table, "%d", 100);
	table_print(&table, file);
	table_free(&table);
	fclose(file);
	assert_string_equal(text, "NAME    N\na?b   100\n");
	free(text);
}

static void text_is(const char *text, const char *expected)
{
	struct json_object *object = json_text(text);

	assert_string_equal(json_object_get_string(object), expected);
	json_object_put(object);
}

static void json_is_utf8(void **state)
{
	text_is("plain", "plain");
	text_is("\xc3\xa4", "\xc3\xa4");
	text_is("cut off \xc3", "cut off ?");
	text_is("\xff\xfe", "??");
	text_is("\xed\xa0\x80", "???");
	text_is("\xe0\x80\x80", "???");
	text_is("\xf0\x9f\x90\xa7", "\xf0\x9f\x90\xa7");
}

static void difference(void **state)
{
	struct shadowk_probe_info info[2] = {
		{ .id = 1, .hits = 10, .now_ns = 50, .created_ns = 1, .histogram = { 3 } },
		{ .id = 2, .hits = 5 }
	};
	struct shadowk_probe_info old = { .id = 1, .hits = 4, .now_ns = 20, .histogram = { 1 } };
	struct probes now = { 2, info }, before = { 1, &old };

	probes_subtract(&now, &before);
	assert_int_equal(info[0].hits, 6);
	assert_int_equal(info[0].created_ns, 20);
	assert_int_equal(info[0].histogram[0], 2);
	assert_int_equal(info[1].hits, 5);
}

static void json_histogram(void **state)
{
	struct shadowk_probe_info info = { .id = 1,
					   .kind = SHADOWK_PROBE_LATENCY,
					   .histogram = { [0] = 1, [2] = 7 } };
	struct probes probes = { 1, &info };
	struct json_object *array = probes_json(&probes), *histogram, *hi;

	json_object_object_get_ex(json_object_array_get_idx(array, 0), "histogram", &histogram);
	assert_int_equal(json_object_array_length(histogram), 3);
	json_object_object_get_ex(json_object_array_get_idx(histogram, 2), "hi", &hi);
	assert_int_equal(json_object_get_int64(hi), 8);
	json_object_put(array);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels),
		cmocka_unit_test(bars),
		cmocka_unit_test(empty),
		cmocka_unit_test(huge),
		cmocka_unit_test(table_is_aligned),
		cmocka_unit_test(json_is_utf8),
		cmocka_unit_test(difference),
		cmocka_unit_test(json_histogram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
