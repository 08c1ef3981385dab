// SPDX-License-Identifier: GPL-2.0-only
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "output.h"
#include "top.h"

const char *top_name(const struct top *top, size_t place)
{
	return top->counters.places.name[place];
}

uint64_t top_calls(const struct numbers *numbers)
{
	return numbers->hits + numbers->async_hits;
}

double top_rate(const struct top *top, size_t place)
{
	double seconds = top->counters.seconds;

	return seconds > 0 ? (double)top_calls(&top->counters.difference[place]) / seconds : 0;
}

size_t module_len(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? (size_t)(colon - name) : 0;
}

/* Orders higher numbers first. */
static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

/* Orders by the mean or the 99th percentile. Functions without measured calls are last. */
static int compare_latencies(const struct top *top, size_t one, size_t other)
{
	uint64_t number[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		const struct shadowk_probe_info *info = latency_of(top, i ? other : one);

		if (!info || !histogram_count(info->histogram))
			continue;
		/* 1 is less than all bounds, and means of 0 are not last. */
		number[i] = 1 + (top->rows.sort == SORT_MEAN
					 ? latency_mean(info)
					 : histogram_bound(info->histogram, 99) - 1);
	}
	return compare_numbers(number[0], number[1]);
}

static int compare_rates(const struct counters *counters, size_t one, size_t other)
{
	int order = compare_numbers(top_calls(&counters->difference[one]),
				    top_calls(&counters->difference[other]));

	return order ? order
		     : compare_numbers(top_calls(&counters->last[one]),
				       top_calls(&counters->last[other]));
}

static int row_compare(const void *a, const void *b, void *data)
{
	const struct top *top = data;
	const struct counters *counters = &top->counters;
	size_t one = *(const size_t *)a, other = *(const size_t *)b;
	const char *x = top_name(top, one), *y = top_name(top, other);
	int order = 0;

	switch (top->rows.sort) {
	case SORT_RATE:
		order = compare_rates(counters, one, other);
		break;
	case SORT_TOTAL:
		order = compare_numbers(top_calls(&counters->last[one]),
					top_calls(&counters->last[other]));
		break;
	case SORT_MODULE:
		order = (module_len(x) != 0) - (module_len(y) != 0);
		break;
	case SORT_MEAN:
	case SORT_P99:
		order = compare_latencies(top, one, other);
		if (!order)
			order = compare_rates(counters, one, other);
		break;
	case SORT_NAME:
		break;
	}
	return order ? order : strcmp(x, y);
}

static bool filter_matches(const char *filter, const char *name)
{
	if (!*filter)
		return true;
	if (strpbrk(filter, "*?["))
		return !fnmatch(filter, name, 0) ||
		       !fnmatch(filter, name + module_len(name) + (module_len(name) != 0), 0);
	return strstr(name, filter);
}

/*
 * Sets @at to the row of the selected place. It keeps its line of the screen, if that is possible.
 * If it is not in the table, @at stays, or is the last row.
 */
static void selection_find(struct top_rows *rows)
{
	size_t line = rows->at > rows->scroll ? rows->at - rows->scroll : 0;

	if (rows->selected == NO_PLACE)
		rows->at = 0;
	if (rows->at >= rows->nr)
		rows->at = rows->nr ? rows->nr - 1 : 0;
	for (size_t i = 0; i < rows->nr && rows->selected != NO_PLACE; i++) {
		if (rows->order[i] != rows->selected)
			continue;
		rows->at = i;
		rows->scroll = i > line ? i - line : 0;
	}
}

void rows_update(struct top *top)
{
	struct top_rows *rows = &top->rows;

	rows->nr = 0;
	rows->called = 0;
	for (size_t i = 0; i < top->counters.places.count; i++) {
		bool called = top_calls(&top->counters.last[i]);

		rows->called += called;
		if ((called || latency_of(top, i)) &&
		    filter_matches(rows->filter, top_name(top, i)))
			rows->order[rows->nr++] = i;
	}
	qsort_r(rows->order, rows->nr, sizeof(*rows->order), row_compare, top);
	selection_find(rows);
}

size_t rows_selected(const struct top *top)
{
	return top->rows.nr ? top->rows.order[top->rows.at] : NO_PLACE;
}

void rows_move(struct top *top, long by)
{
	struct top_rows *rows = &top->rows;
	long at = (long)rows->at + by;

	if (!rows->nr)
		return;
	if (at < 0)
		at = 0;
	if (at >= (long)rows->nr)
		at = (long)rows->nr - 1;
	rows->at = (size_t)at;
	rows->selected = rows->order[rows->at];
}

void rows_scroll(struct top *top, size_t height)
{
	struct top_rows *rows = &top->rows;

	if (rows->at < rows->scroll)
		rows->scroll = rows->at;
	if (height && rows->at >= rows->scroll + height)
		rows->scroll = rows->at - height + 1;
	if (rows->scroll + height > rows->nr)
		rows->scroll = rows->nr > height ? rows->nr - height : 0;
}
