// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of 'shadowctl top' has functions that were called or are measured. It is sorted by each
 * of its columns, and the selection is a function, wherever its row is.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "top.h"
#include "unit.h"

enum { READ, WRITE, PAGE, IDLE, PLACES };

static struct shadowk_probe_spec specs[PLACES];
static char *names[PLACES] = { "vfs_read", "vfs_write", "ext4:page_write", "idle" };
static struct numbers last[PLACES], difference[PLACES];
static struct measured measured[2];
static size_t order[PLACES];
static struct top top;

static int begin(void **state)
{
	memset(last, 0, sizeof(last));
	memset(difference, 0, sizeof(difference));
	top = (struct top){ .rows = { .order = order, .selected = NO_PLACE } };
	top.counters.places = (struct places){ .count = PLACES, .spec = specs, .name = names };
	top.counters.last = last;
	top.counters.difference = difference;
	top.measured = measured;
	last[READ].hits = 30;
	last[WRITE].hits = 10;
	last[WRITE].async_hits = 10;
	last[PAGE].hits = 25;
	difference[READ].hits = 1;
	difference[WRITE].hits = 9;
	difference[PAGE].hits = 5;
	return 0;
}

static void order_is(enum top_sort sort, const size_t *expected, size_t nr)
{
	top.rows.sort = sort;
	rows_update(&top);
	assert_int_equal(top.rows.nr, nr);
	for (size_t i = 0; i < nr; i++)
		assert_string_equal(names[order[i]], names[expected[i]]);
}

#define ORDER_IS(sort, ...) \
	order_is(sort, (size_t[]){ __VA_ARGS__ }, ARRAY_SIZE(((size_t[]){ __VA_ARGS__ })))

static void sorted(void **state)
{
	ORDER_IS(SORT_RATE, WRITE, PAGE, READ);
	ORDER_IS(SORT_TOTAL, READ, PAGE, WRITE);
	ORDER_IS(SORT_NAME, PAGE, READ, WRITE);
	ORDER_IS(SORT_MODULE, READ, WRITE, PAGE);
	assert_int_equal(top.rows.called, 3);
}

/* One is faster in the mean, and slower in the 99th percentile. */
static void sorted_by_latency(void **state)
{
	measured[0] = (struct measured){ .place = READ, .info.latency_sum = 102400 };
	measured[0].info.histogram[10] = 100;
	measured[1] = (struct measured){ .place = WRITE, .info.latency_sum = 52000 };
	measured[1].info.histogram[5] = 98;
	measured[1].info.histogram[14] = 2;
	top.nr_measured = 2;
	ORDER_IS(SORT_MEAN, READ, WRITE, PAGE);
	ORDER_IS(SORT_P99, WRITE, READ, PAGE);
	measured[1] = (struct measured){ .place = IDLE };
	ORDER_IS(SORT_P99, READ, WRITE, PAGE, IDLE);
	assert_int_equal(top.rows.called, 3);
}

static void filtered(void **state)
{
	strcpy(top.rows.filter, "write");
	ORDER_IS(SORT_NAME, PAGE, WRITE);
	strcpy(top.rows.filter, "page_*");
	ORDER_IS(SORT_NAME, PAGE);
	strcpy(top.rows.filter, "ext4:");
	ORDER_IS(SORT_NAME, PAGE);
	assert_int_equal(top.rows.called, 3);
	strcpy(top.rows.filter, "nothing");
	rows_update(&top);
	assert_int_equal(rows_selected(&top), NO_PLACE);
}

static void selected(void **state)
{
	ORDER_IS(SORT_RATE, WRITE, PAGE, READ);
	assert_int_equal(rows_selected(&top), WRITE);
	/* The first row is selected, not its function. */
	ORDER_IS(SORT_TOTAL, READ, PAGE, WRITE);
	assert_int_equal(rows_selected(&top), READ);
	rows_move(&top, 10);
	assert_int_equal(rows_selected(&top), WRITE);
	ORDER_IS(SORT_RATE, WRITE, PAGE, READ);
	assert_int_equal(rows_selected(&top), WRITE);
	/* A filter hides the function. */
	strcpy(top.rows.filter, "read");
	ORDER_IS(SORT_RATE, READ);
	assert_int_equal(rows_selected(&top), READ);
	top.rows.filter[0] = '\0';
	rows_update(&top);
	assert_int_equal(rows_selected(&top), WRITE);
	rows_move(&top, -10);
	assert_int_equal(rows_selected(&top), WRITE);
}

static void scrolled(void **state)
{
	ORDER_IS(SORT_TOTAL, READ, PAGE, WRITE);
	rows_move(&top, 2);
	rows_scroll(&top, 2);
	assert_int_equal(top.rows.scroll, 1);
	/* The selected row moves up, and its line on the screen is the first one then. */
	ORDER_IS(SORT_RATE, WRITE, PAGE, READ);
	rows_scroll(&top, 2);
	assert_int_equal(top.rows.scroll, 0);
	rows_move(&top, 2);
	rows_scroll(&top, 10);
	assert_int_equal(top.rows.scroll, 0);
	rows_scroll(&top, 1);
	assert_int_equal(top.rows.scroll, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sorted, begin),
		cmocka_unit_test_setup(sorted_by_latency, begin),
		cmocka_unit_test_setup(filtered, begin),
		cmocka_unit_test_setup(selected, begin),
		cmocka_unit_test_setup(scrolled, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
