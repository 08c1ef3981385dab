// SPDX-License-Identifier: GPL-2.0-only
/* Patterns select functions by all of their names, and each function once. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "functions.h"
#include "unit.h"

/* In the order of functions_read(). */
static struct function known[] = {
	{ 0x1000, "sys_read", "", 'T' },
	{ 0x1000, "__do_read", "", 't' },
	{ 0x2000, "read_all", "", 't' },
	{ 0x3000, "read_all.isra.0", "", 't' },
	{ 0x4000, "only.constprop.0", "", 't' },
	{ 0x5000, "twin", "", 't' },
	{ 0x6000, "twin", "", 't' },
	{ 0x7000, "twin", "one", 't' },
	{ 0x8000, "twin", "two", 't' },
	{ 0x9000, "other", "two", 't' },
};
static struct function hidden[] = {
	{ 0, "read_all", "", 't' },
	{ 0, "twin", "", 't' },
	{ 0, "twin", "", 't' },
	{ 0, "twin", "one", 't' },
};

static const struct functions all = { .count = ARRAY_SIZE(known), .function = known };
static const struct functions unseen = { .count = ARRAY_SIZE(hidden), .function = hidden };

/* Joins the names that @patterns, ended by NULL, select. */
static char *selected(const struct functions *functions, char **patterns, bool variants,
		      int expected)
{
	struct places places __cleanup(places_free) = { 0 };
	size_t nr = 0, len = 0;
	char *names = calloc(1, 256);

	while (patterns[nr])
		nr++;
	assert_int_equal(places_select(&places, functions, patterns, nr, variants), expected);
	for (size_t i = 0; !expected && i < places.count; i++) {
		assert_int_equal(places.spec[i].size, sizeof(places.spec[i]));
		assert_int_equal(!places.spec[i].addr, !!places.spec[i].symbol[0]);
		len += (size_t)snprintf(names + len, 256 - len, "%s ", places.name[i]);
	}
	return names;
}

static void check(const struct functions *functions, bool variants, const char *expected,
		  char **patterns)
{
	char *names = selected(functions, patterns, variants, STATUS_DONE);

	assert_string_equal(names, expected);
	free(names);
}

static void refused(char **patterns)
{
	free(selected(&all, patterns, false, STATUS_REFUSED));
}

#define PATTERNS(...) ((char *[]){ __VA_ARGS__, NULL })

static void names(void **state)
{
	check(&all, false, "read_all ", PATTERNS("read_all"));
	check(&all, false, "__do_read ", PATTERNS("__do_read"));
	check(&all, false, "__do_read ", PATTERNS("sys_*", "__do_read"));
	check(&all, false, "sys_read ", PATTERNS("sys_read", "__do_read"));
	check(&all, false, "twin twin one:twin two:twin ", PATTERNS("twin"));
	check(&all, false, "twin twin ", PATTERNS("vmlinux:twin"));
	check(&all, false, "two:twin ", PATTERNS("two:twin", "two:tw[i]n"));
}

static void wildcards(void **state)
{
	check(&all, false, "sys_read read_all read_all.isra.0 ", PATTERNS("*read", "read*"));
}

static void variants(void **state)
{
	check(&all, true, "read_all read_all.isra.0 ", PATTERNS("read_all"));
	check(&all, true, "only.constprop.0 ", PATTERNS("only"));
	check(&all, true, "only.constprop.0 ", PATTERNS("vmlinux:only"));
}

static void nothing(void **state)
{
	refused(PATTERNS("only"));
	refused(PATTERNS("read_all", "no"));
	refused(PATTERNS("one:other"));
	refused(PATTERNS("no*"));
	refused(PATTERNS(""));
	refused(PATTERNS("read_all+4"));
}

static void hidden_addresses(void **state)
{
	check(&unseen, false, "twin one:twin ", PATTERNS("twin"));
	check(&unseen, false, "read_all twin one:twin ", PATTERNS("*"));
}

/* A function that patterns of both parts select is in the second part only. */
static void parts(void **state)
{
	struct places below __cleanup(places_free) = { 0 }, roots __cleanup(places_free) = { 0 };
	char **patterns = PATTERNS("read_*", "*tw*", "read_all", "two:twin");

	assert_int_equal(places_select(&below, &all, patterns, 4, false), STATUS_DONE);
	places_split(&below, &roots, 2);
	assert_int_equal(below.count, 4);
	assert_string_equal(below.name[0], "read_all.isra.0");
	assert_string_equal(below.name[3], "one:twin");
	assert_int_equal(roots.count, 2);
	assert_string_equal(roots.name[0], "read_all");
	assert_int_equal(roots.spec[1].addr, 0x8000);
	assert_int_equal(roots.spec[1].size, sizeof(roots.spec[1]));
}

static void names_of_probes(void **state)
{
	struct places places __cleanup(places_free) = { 0 };
	size_t by_id[] = { 2, 0, 1 };

	assert_int_equal(places_select(&places, &all, PATTERNS("two:*", "one:twin"), 2, false),
			 STATUS_DONE);
	strcpy(places.spec[0].name, "b");
	strcpy(places.spec[1].name, "c");
	strcpy(places.spec[2].name, "a");
	places.armed = 3;
	places.by_id = memcpy(calloc(1, sizeof(by_id)), by_id, sizeof(by_id));
	places_sort_names(&places);
	assert_int_equal(places_find_name(&places, "a"), 2);
	assert_int_equal(places_find_name(&places, "b"), 0);
	assert_int_equal(places_find_name(&places, "c"), 1);
	assert_int_equal(places_find_name(&places, "d"), 3);
	assert_int_equal(places_find_name(&places, ""), 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(wildcards),
		cmocka_unit_test(variants),
		cmocka_unit_test(nothing),
		cmocka_unit_test(hidden_addresses),
		cmocka_unit_test(parts),
		cmocka_unit_test(names_of_probes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
