// SPDX-License-Identifier: GPL-2.0-only
/* The verb count: how often a target calls functions of the kernel. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "functions.h"
#include "output.h"
#include "target.h"

/* Probes that one call reads. */
#define READ_STEP 256

struct numbers {
	uint64_t hits;
	uint64_t async_hits;
	uint64_t missed;
};

struct count {
	struct target target;
	struct places places;
	struct numbers *last;	    /* of each place, since its probe was added */
	struct numbers *difference; /* last ones minus the ones before them */
	double since;		    /* target_now() of the ones before them */
	double seconds;		    /* the time that @difference covers */
	double interval;	    /* INFINITY: print once */
};

static void count_free(struct count *count)
{
	target_close(&count->target);
	places_free(&count->places);
	free(count->last);
	free(count->difference);
}

static void numbers_set(struct count *count, const struct shadowk_probe_info *info)
{
	size_t place = places_find(&count->places, info->id);
	struct numbers *last, *difference;

	if (place == count->places.count)
		return;
	last = &count->last[place];
	difference = &count->difference[place];
	difference->hits = info->hits - last->hits;
	difference->async_hits = info->async_hits - last->async_hits;
	difference->missed = info->missed - last->missed;
	*last = (struct numbers){ info->hits, info->async_hits, info->missed };
}

/* Reads the numbers of all probes. Reports an error. Returns a status. */
static int count_read(struct count *count)
{
	struct shadowk_probe_info *infos = calloc(READ_STEP, sizeof(*infos));
	uint64_t cursor = 0;
	double now = target_now();
	int nr = 0;

	do {
		nr = infos ? shadowk_probe_list(count->target.session.shadow, &cursor, infos,
						sizeof(infos[0]), READ_STEP)
			   : -ENOMEM;
		for (int i = 0; i < nr; i++)
			numbers_set(count, &infos[i]);
	} while (nr >= 0 && cursor);
	free(infos);
	count->seconds = now - count->since;
	count->since = now;
	return nr < 0 ? refuse(SHADOWK_OP_PROBE_LIST, nr, NULL) : STATUS_DONE;
}

static bool is_zero(const struct numbers *numbers)
{
	return !numbers->hits && !numbers->async_hits && !numbers->missed;
}

static int place_compare(const void *a, const void *b, void *data)
{
	const struct count *count = data;
	size_t one = *(const size_t *)a, other = *(const size_t *)b;
	const struct numbers *x = &count->difference[one], *y = &count->difference[other];

	if (x->hits != y->hits)
		return x->hits < y->hits ? 1 : -1;
	if (x->async_hits != y->async_hits)
		return x->async_hits < y->async_hits ? 1 : -1;
	return strcmp(count->places.name[one], count->places.name[other]);
}

/* Returns the indices of the places that are not zero, sorted, for free(). Sets @nr. */
static size_t *count_sort(const struct count *count, size_t *nr)
{
	size_t *order = calloc(count->places.count + 1, sizeof(*order));

	if (!order) {
		report("out of memory");
		exit(STATUS_REFUSED);
	}
	*nr = 0;
	for (size_t i = 0; i < count->places.count; i++)
		if (!is_zero(&count->difference[i]))
			order[(*nr)++] = i;
	qsort_r(order, *nr, sizeof(*order), place_compare, (void *)count);
	return order;
}

static void print_json(const struct count *count, const size_t *order, size_t nr)
{
	struct json_object *object __cleanup(json_free) = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < nr; i++) {
		const struct numbers *numbers = &count->difference[order[i]];
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "function", json_text(count->places.name[order[i]]));
		json_object_object_add(one, "address",
				       address_json(count->places.spec[order[i]].addr));
		json_object_object_add(one, "hits", json_object_new_uint64(numbers->hits));
		json_object_object_add(one, "async_hits",
				       json_object_new_uint64(numbers->async_hits));
		json_object_object_add(one, "missed", json_object_new_uint64(numbers->missed));
		json_object_array_add(array, one);
	}
	json_object_object_add(object, "seconds", json_object_new_double(count->seconds));
	json_object_object_add(object, "probed", json_object_new_uint64(count->places.armed));
	json_object_object_add(object, "functions", array);
	json_print(&object, isfinite(count->interval));
}

static void print_table(const struct count *count, const size_t *order, size_t nr)
{
	struct table table __cleanup(table_free);
	bool is_async = false;

	for (size_t i = 0; i < nr; i++)
		is_async |= count->difference[order[i]].async_hits > 0;
	table_init(&table, is_async ? "rrl" : "rl");
	table_add(&table, "HITS");
	if (is_async)
		table_add(&table, "ASYNC");
	table_add(&table, "FUNCTION");
	for (size_t i = 0; i < nr; i++) {
		const struct numbers *numbers = &count->difference[order[i]];

		table_add(&table, "%" PRIu64, numbers->hits);
		if (is_async)
			table_add(&table, "%" PRIu64, numbers->async_hits);
		table_add(&table, "%s", count->places.name[order[i]]);
	}
	table_print(&table, stdout);
	printf("%zu of %zu probed functions have hits.\n", nr, count->places.armed);
}

static void count_print(const struct cli *cli, const struct count *count)
{
	size_t nr, *order = count_sort(count, &nr);
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
	double next = count->since + count->interval;
	int status = STATUS_DONE;

	while (!status && !ferror(stdout)) {
		enum target_event event = target_wait(&count->target, next, -1);

		status = count_read(count);
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
	int status = places_read(&count->places, patterns, nr, variants);

	if (status)
		return status;
	count->last = calloc(count->places.count, sizeof(*count->last));
	count->difference = calloc(count->places.count, sizeof(*count->difference));
	if (!count->last || !count->difference) {
		report("out of memory");
		return STATUS_REFUSED;
	}
	status = target_open(&count->target);
	if (!status)
		status = places_arm(&count->places, count->target.session.shadow, NULL);
	if (status)
		return status;
	count->since = target_now();
	return target_begin(&count->target);
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
