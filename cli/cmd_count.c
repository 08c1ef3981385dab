// SPDX-License-Identifier: GPL-2.0-only
/* The verb count: how often a target calls functions of the kernel. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "counters.h"
#include "functions.h"
#include "output.h"
#include "target.h"

struct count {
	struct target target;
	struct counters counters;
	double interval; /* INFINITY: print once */
};

static void count_free(struct count *count)
{
	target_close(&count->target);
	counters_free(&count->counters);
}

static bool is_zero(const struct numbers *numbers)
{
	return !numbers->hits && !numbers->async_hits;
}

static int place_compare(const void *a, const void *b, void *data)
{
	const struct counters *counters = data;
	size_t one = *(const size_t *)a, other = *(const size_t *)b;
	const struct numbers *x = &counters->difference[one], *y = &counters->difference[other];

	if (x->hits != y->hits)
		return x->hits < y->hits ? 1 : -1;
	if (x->async_hits != y->async_hits)
		return x->async_hits < y->async_hits ? 1 : -1;
	return strcmp(counters->places.name[one], counters->places.name[other]);
}

/* Returns the indices of the places that are not zero, sorted, for free(). Sets @nr. */
static size_t *count_sort(const struct counters *counters, size_t *nr)
{
	size_t *order = counters_order(counters);

	*nr = 0;
	for (size_t i = 0; i < counters->places.count; i++)
		if (!is_zero(&counters->difference[i]))
			order[(*nr)++] = i;
	qsort_r(order, *nr, sizeof(*order), place_compare, (void *)counters);
	return order;
}

static void print_json(const struct count *count, const size_t *order, size_t nr)
{
	struct json_object *object __cleanup(json_free) = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < nr; i++) {
		const struct numbers *numbers = &count->counters.difference[order[i]];
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "function",
				       json_text(count->counters.places.name[order[i]]));
		json_object_object_add(one, "address",
				       address_json(count->counters.places.spec[order[i]].addr));
		json_object_object_add(one, "hits", json_object_new_uint64(numbers->hits));
		json_object_object_add(one, "async_hits",
				       json_object_new_uint64(numbers->async_hits));
		json_object_array_add(array, one);
	}
	json_object_object_add(object, "seconds", json_object_new_double(count->counters.seconds));
	json_object_object_add(object, "probed",
			       json_object_new_uint64(count->counters.places.armed));
	json_object_object_add(object, "functions", array);
	json_print(&object, isfinite(count->interval));
}

static void print_table(const struct count *count, const size_t *order, size_t nr)
{
	struct table table __cleanup(table_free);
	bool is_async = false;

	for (size_t i = 0; i < nr; i++)
		is_async |= count->counters.difference[order[i]].async_hits > 0;
	table_init(&table, is_async ? "rrl" : "rl");
	table_add(&table, "HITS");
	if (is_async)
		table_add(&table, "ASYNC");
	table_add(&table, "FUNCTION");
	for (size_t i = 0; i < nr; i++) {
		const struct numbers *numbers = &count->counters.difference[order[i]];

		table_add(&table, "%" PRIu64, numbers->hits);
		if (is_async)
			table_add(&table, "%" PRIu64, numbers->async_hits);
		table_add(&table, "%s", count->counters.places.name[order[i]]);
	}
	table_print(&table, stdout);
	printf("%zu of %zu probed functions have hits.\n", nr, count->counters.places.armed);
}

static void count_print(const struct cli *cli, const struct count *count)
{
	size_t nr, *order = count_sort(&count->counters, &nr);
	time_t now = time(NULL);
	char clock[16];

	if (cli->json) {
		print_json(count, order, nr);
	} else {
		if (isfinite(count->interval) &&
		    strftime(clock, sizeof(clock), "%T", localtime(&now)))
			puts(clock);
		print_table(count, order, nr);
		if (isfinite(count->interval))
			puts("");
	}
	fflush(stdout);
	free(order);
}

/* Prints until the target ends. Returns a status. */
static int count_run(const struct cli *cli, struct count *count)
{
	double next = count->counters.since + count->interval;
	int status = STATUS_DONE;

	while (!status && !ferror(stdout)) {
		enum target_event event = target_wait(&count->target, next, -1);

		status = counters_read(&count->counters, count->target.session.shadow);
		if (!status)
			count_print(cli, count);
		if (event >= TARGET_OVER)
			break;
		next += count->interval;
	}
	return status;
}

/* Adds the probes before the first process is inside. Returns a status. */
static int count_begin(struct count *count, char **patterns, size_t nr, bool variants)
{
	int status = counters_init(&count->counters, patterns, nr, variants);

	if (!status)
		status = target_open(&count->target);
	if (!status)
		status = counters_begin(&count->counters, count->target.session.shadow);
	return status ? status : target_begin(&count->target);
}

static int cmd_count(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		TARGET_OPTIONS,
		{ "interval", required_argument, NULL, 'i' },
		{ "variants", no_argument, NULL, 'v' },
		{ 0 },
	};
	struct count count __cleanup(count_free) = { .interval = INFINITY };
	int own = target_command(&count.target, argc, argv), opt, status;
	bool variants = false;
	char **patterns;
	size_t nr;

	while ((opt = option_next(cli, own, argv, options))) {
		if (opt == 'i')
			count.interval = seconds_parse(cli, optarg);
		else if (opt == 'v')
			variants = true;
		else
			target_option(&count.target, cli, opt);
	}
	patterns = arguments_some(cli, own, argv, "PATTERN", &nr);
	target_check(&count.target, cli);
	status = count_begin(&count, patterns, nr, variants);
	if (!status)
		status = count_run(cli, &count);
	return target_end(&count.target, status);
}

const struct verb verb_count = {
	.name = "count",
	.group = GROUP_CHECKS,
	.args = "TARGET [--duration S] PATTERN... [--interval S] [--variants]",
	.summary = "Count how often processes call functions of the kernel",
	.options = TARGET_HELP PATTERN_HELP
	"  --interval S      print the hits of every S seconds\n",
	.help = "HITS are calls by the processes inside, ASYNC those in interrupts, softirqs and "
		"NMIs.\n"
		"Functions without hits are not printed. With --json and an interval, each interval\n"
		"is one line.\n",
	.run = cmd_count,
};
