// SPDX-License-Identifier: GPL-2.0-only
/* The verb latency: how long functions of the kernel take when a target calls them. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "functions.h"
#include "output.h"
#include "target.h"
#include "tracer.h"

/* Highest value of --slower-than in us, about 11 days. */
#define SLOWER_MAX 1000000000000ULL

struct latency {
	struct target target;
	struct places places;
	struct probes probes; /* those that have hits, most time first */
	struct tracer tracer; /* prints the calls of @slow */
	struct places slow;   /* probes of the same functions, for calls slower than @slower_than */
	uint64_t slower_than; /* ns, or 0 */
	double begun;	      /* target_now() */
	double seconds;
};

static void latency_free(struct latency *latency)
{
	target_close(&latency->target);
	tracer_free(&latency->tracer);
	places_free(&latency->places);
	places_free(&latency->slow);
	probes_free(&latency->probes);
}

static const char *function_name(const struct latency *latency,
				 const struct shadowk_probe_info *info)
{
	size_t place = places_find(&latency->places, info->id);

	return place < latency->places.count ? latency->places.name[place] : info->symbol;
}

static int info_compare(const void *a, const void *b)
{
	const struct shadowk_probe_info *one = a, *other = b;

	if (one->latency_sum != other->latency_sum)
		return one->latency_sum < other->latency_sum ? 1 : -1;
	return strcmp(one->symbol, other->symbol);
}

/* Reads the probes, and keeps those that have seen a call. Returns a status. */
static int latency_read(struct latency *latency)
{
	struct probes *probes = &latency->probes;
	int count = 0, status;

	latency->seconds = target_now() - latency->begun;
	status = probes_read(probes, latency->target.session.shadow, NULL);
	for (int i = 0; i < probes->count; i++) {
		const struct shadowk_probe_info *info = &probes->info[i];

		if (info->kind != SHADOWK_PROBE_LATENCY)
			continue;
		if (info->hits || info->async_hits || info->missed || info->unreturned)
			probes->info[count++] = *info;
	}
	probes->count = count;
	if (count)
		qsort(probes->info, (size_t)count, sizeof(*probes->info), info_compare);
	return status;
}

static struct json_object *function_json(const struct latency *latency,
					 const struct shadowk_probe_info *info)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "function", json_text(function_name(latency, info)));
	json_object_object_add(object, "address", address_json(info->addr));
	latency_json(object, info);
	return object;
}

static void print_json(const struct latency *latency)
{
	struct json_object *object __cleanup(json_free) = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (int i = 0; i < latency->probes.count; i++)
		json_object_array_add(array, function_json(latency, &latency->probes.info[i]));
	json_object_object_add(object, "seconds", json_object_new_double(latency->seconds));
	json_object_object_add(object, "probed", json_object_new_uint64(latency->places.armed));
	json_object_object_add(object, "functions", array);
	/* Behind lines of calls. */
	json_print(&object, latency->slower_than);
}

static void bound_add(struct table *table, const uint64_t *slots, unsigned int percent)
{
	char text[BOUND_TEXT_LEN];

	table_add(table, "%s", histogram_bound_text(text, sizeof(text), slots, percent));
}

static void print_table(const struct latency *latency)
{
	static const char *const headings[] = { "FUNCTION", "COUNT", "MEAN",   "P50",
						"P99",	    "MAX",   "MISSED", "UNRETURNED" };
	struct table table __cleanup(table_free);

	table_init(&table, "lrrrrrrr");
	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		table_add(&table, "%s", headings[i]);
	for (int i = 0; i < latency->probes.count; i++) {
		const struct shadowk_probe_info *info = &latency->probes.info[i];

		table_add(&table, "%s", function_name(latency, info));
		table_add(&table, "%" PRIu64, info->hits);
		table_add(&table, "%" PRIu64, latency_mean(info));
		bound_add(&table, info->histogram, 50);
		bound_add(&table, info->histogram, 99);
		bound_add(&table, info->histogram, 100);
		table_add(&table, "%" PRIu64, info->missed);
		table_add(&table, "%" PRIu64, info->unreturned);
	}
	table_print(&table, stdout);
	printf("%d of %zu probed functions were called. Times are in ns; P50, P99 and MAX are bounds "
	       "of the histogram.\n",
	       latency->probes.count, latency->places.armed);
}

static void print_histograms(const struct latency *latency)
{
	for (int i = 0; i < latency->probes.count; i++) {
		const struct shadowk_probe_info *info = &latency->probes.info[i];

		if (!histogram_count(info->histogram))
			continue;
		printf("\n%s: latency in ns\n", function_name(latency, info));
		histogram_print(stdout, info->histogram);
	}
}

static void missed_note(const struct latency *latency)
{
	uint64_t missed = 0;

	for (int i = 0; i < latency->probes.count; i++)
		missed += latency->probes.info[i].missed;
	if (missed)
		report("note: %" PRIu64 " calls were not measured: too many were in "
		       "progress; see --calls",
		       missed);
}

static void latency_print(const struct cli *cli, const struct latency *latency)
{
	if (cli->json) {
		print_json(latency);
	} else {
		print_table(latency);
		print_histograms(latency);
	}
	fflush(stdout);
	missed_note(latency);
}

/* Adds a second probe to each function, which reports slow calls. Returns a status. */
static int slow_begin(struct latency *latency, uint32_t calls)
{
	struct shadowk_shadow *shadow = latency->target.session.shadow;
	struct places *slow = &latency->slow;
	int status;

	places_copy_armed(slow, &latency->places);
	for (size_t i = 0; i < slow->count; i++) {
		struct shadowk_probe_spec *spec = &slow->spec[i];

		spec->kind = SHADOWK_PROBE_CALL;
		spec->calls = calls;
		spec->nr_conditions = 1;
		spec->conditions[0] = (struct shadowk_condition){
			.of = SHADOWK_OF_DURATION,
			.op = SHADOWK_OP_GT,
			.bytes = 8,
			.value = latency->slower_than,
		};
	}
	status = places_arm(slow, shadow, NULL);
	return status ? status : tracer_begin(&latency->tracer, shadow, slow);
}

/* Adds the probes before the first process is inside. Returns a status. */
static int latency_begin(struct latency *latency, char **patterns, size_t nr, bool variants,
			 uint32_t calls)
{
	struct places *places = &latency->places;
	int status = places_read(places, patterns, nr, variants);

	for (size_t i = 0; i < places->count; i++) {
		places->spec[i].kind = SHADOWK_PROBE_LATENCY;
		places->spec[i].calls = calls;
	}
	if (!status)
		status = target_open(&latency->target);
	if (!status)
		status = places_arm(places, latency->target.session.shadow, NULL);
	if (!status && latency->slower_than)
		status = slow_begin(latency, calls);
	latency->begun = target_now();
	return status ? status : target_begin(&latency->target);
}

/* Returns the ns of --slower-than, which is in us. */
static uint64_t slower_parse(const struct cli *cli, const char *text)
{
	uint64_t us = count_parse(cli, text);

	if (us > SLOWER_MAX)
		usage(cli, "--slower-than is at most %llu us", SLOWER_MAX);
	return us * 1000;
}

static int cmd_latency(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		TARGET_OPTIONS,
		{ "calls", required_argument, NULL, 'c' },
		{ "slower-than", required_argument, NULL, 's' },
		{ "buffer", required_argument, NULL, 'b' },
		{ "stack", no_argument, NULL, 'k' },
		{ "variants", no_argument, NULL, 'v' },
		{ 0 },
	};
	struct latency latency __cleanup(latency_free) = { 0 };
	int own = target_command(&latency.target, argc, argv), opt, status;
	bool variants = false;
	uint32_t calls = 0;
	char **patterns;
	size_t nr;

	while ((opt = option_next(cli, own, argv, options))) {
		if (opt == 'c')
			calls = calls_parse(cli, optarg);
		else if (opt == 's')
			latency.slower_than = slower_parse(cli, optarg);
		else if (opt == 'b')
			latency.tracer.buffer_kb = buffer_parse(cli, optarg);
		else if (opt == 'k')
			latency.tracer.stack = true;
		else if (opt == 'v')
			variants = true;
		else
			target_option(&latency.target, cli, opt);
	}
	patterns = arguments_some(cli, own, argv, "PATTERN", &nr);
	target_check(&latency.target, cli);
	if (!latency.slower_than && (latency.tracer.stack || latency.tracer.buffer_kb))
		usage(cli, "--stack and --buffer are about calls that --slower-than prints");
	latency.tracer.json = cli->json;
	status = latency_begin(&latency, patterns, nr, variants, calls);
	if (!status && latency.slower_than)
		status = tracer_run(&latency.tracer, &latency.target);
	else if (!status)
		target_wait(&latency.target, INFINITY, -1);
	if (!status)
		status = latency_read(&latency);
	if (!status)
		latency_print(cli, &latency);
	return target_end(&latency.target, status);
}

const struct verb verb_latency = {
	.name = "latency",
	.group = GROUP_CHECKS,
	.args = "TARGET [--duration S] PATTERN... [--calls N] [--variants]\n"
		"TARGET [--duration S] PATTERN... --slower-than US [--stack] [--buffer KB]",
	.summary = "Measure how long functions of the kernel take in processes",
	.options = TARGET_HELP PATTERN_HELP
	"  --calls N         measure at most N calls of a function at a time\n"
	"  --slower-than US  also print each call that takes more than US microseconds\n" TRACER_HELP,
	.help = "Times are from the entry of a function to its return, in ns. P50, P99 and MAX are "
		"upper\n"
		"bounds of a slot of the histogram: that share of the calls took less.\n",
	.run = cmd_latency,
};
