// SPDX-License-Identifier: GPL-2.0-only
/* The verb trace: a line for each call of functions of the kernel by a target. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "filter.h"
#include "functions.h"
#include "target.h"
#include "tracer.h"

struct trace {
	struct target target;
	struct tracer tracer;
	struct places places;
	struct filter *filter; /* of each pattern */
	char **pattern;
	size_t nr;
	uint32_t calls; /* of --calls, or 0 */
};

static void trace_free(struct trace *trace)
{
	/* The processes are detached first, so that they do not wait for the rest. */
	target_close(&trace->target);
	tracer_free(&trace->tracer);
	places_free(&trace->places);
	for (size_t i = 0; trace->filter && i < trace->nr; i++)
		filter_free(&trace->filter[i]);
	free(trace->filter);
	free(trace->pattern);
}

/* Reads the patterns and their filters. Exits by usage() if one is wrong. */
static void filters_parse(struct trace *trace, const struct cli *cli, char **texts)
{
	char error[256];

	trace->filter = calloc(trace->nr, sizeof(*trace->filter));
	trace->pattern = calloc(trace->nr, sizeof(*trace->pattern));
	if (!trace->filter || !trace->pattern) {
		report("out of memory");
		exit(STATUS_REFUSED);
	}
	for (size_t i = 0; i < trace->nr; i++) {
		if (!filter_parse(&trace->filter[i], texts[i], error, sizeof(error)))
			usage(cli, "'%s': %s", texts[i], error);
		trace->pattern[i] = trace->filter[i].pattern;
	}
}

/* The functions of one pattern that its filter leaves out. */
struct left_out {
	size_t nr;
	char first[1024]; /* why the first of them is left out */
};

/*
 * Makes the conditions of the place @i. A function that does not have what the filter of its
 * pattern names is left out if the pattern has wildcards, or else reported. Returns a status.
 */
static int place_filter(struct trace *trace, size_t i, struct left_out *left_out, bool *keep)
{
	const struct filter *filter = &trace->filter[trace->places.pattern[i]];
	struct shadowk_probe_spec *spec = &trace->places.spec[i];
	char error[sizeof(left_out->first)];
	struct prototype prototype;

	spec->kind = SHADOWK_PROBE_CALL;
	spec->calls = trace->calls;
	spec->nr_conditions = filter->nr;
	tracer_prototype(&trace->tracer, trace->places.name[i], &prototype);
	*keep = filter_resolve(filter, &prototype, trace->places.name[i], spec->conditions, error,
			       sizeof(error));
	if (*keep)
		return STATUS_DONE;
	if (!filter_is_glob(filter)) {
		report("%s", error);
		return STATUS_REFUSED;
	}
	left_out += trace->places.pattern[i];
	if (!left_out->nr++)
		memcpy(left_out->first, error, sizeof(error));
	return STATUS_DONE;
}

/* Removes the places that filters leave out, with a note for each pattern. Returns a status. */
static int places_leave_out(struct trace *trace, const struct left_out *left_out, const bool *keep)
{
	places_keep(&trace->places, keep);
	for (size_t i = 0; i < trace->nr; i++)
		if (left_out[i].nr)
			report("%s%zu functions of '%s' are left out: %s%s",
			       trace->places.count ? "note: " : "", left_out[i].nr,
			       trace->pattern[i], left_out[i].first,
			       left_out[i].nr > 1 ? "; and so on" : "");
	return trace->places.count ? STATUS_DONE : STATUS_REFUSED;
}

/* Makes the conditions of all places. Reports an error. Returns a status. */
static int places_filter(struct trace *trace)
{
	struct left_out *left_out = calloc(trace->nr, sizeof(*left_out));
	bool *keep = calloc(trace->places.count, sizeof(*keep));
	int status = STATUS_DONE;

	if (!left_out || !keep) {
		report("out of memory");
		exit(STATUS_REFUSED);
	}
	for (size_t i = 0; i < trace->places.count; i++)
		status |= place_filter(trace, i, left_out, &keep[i]);
	if (!status)
		status = places_leave_out(trace, left_out, keep);
	free(left_out);
	free(keep);
	return status;
}

/* Adds the probes before the first process is inside. Returns a status. */
static int trace_begin(struct trace *trace, bool variants)
{
	int status = places_read(&trace->places, trace->pattern, trace->nr, variants);
	struct shadowk_shadow *shadow;

	if (!status)
		status = places_filter(trace);
	if (!status)
		status = target_open(&trace->target);
	if (status)
		return status;
	shadow = trace->target.session.shadow;
	status = places_arm(&trace->places, shadow, NULL);
	if (!status)
		status = tracer_begin(&trace->tracer, shadow, &trace->places);
	return status ? status : target_begin(&trace->target);
}

static int cmd_trace(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		TARGET_OPTIONS,
		{ "stack", no_argument, NULL, 's' },
		{ "buffer", required_argument, NULL, 'b' },
		{ "calls", required_argument, NULL, 'c' },
		{ "variants", no_argument, NULL, 'v' },
		{ 0 },
	};
	struct trace trace __cleanup(trace_free) = { 0 };
	int own = target_command(&trace.target, argc, argv), opt, status;
	bool variants = false;
	char **texts;

	while ((opt = option_next(cli, own, argv, options))) {
		if (opt == 's')
			trace.tracer.stack = true;
		else if (opt == 'b')
			trace.tracer.buffer_kb = buffer_parse(cli, optarg);
		else if (opt == 'c')
			trace.calls = calls_parse(cli, optarg);
		else if (opt == 'v')
			variants = true;
		else
			target_option(&trace.target, cli, opt);
	}
	texts = arguments_some(cli, own, argv, "PATTERN", &trace.nr);
	trace.tracer.json = cli->json;
	target_check(&trace.target, cli);
	filters_parse(&trace, cli, texts);
	status = trace_begin(&trace, variants);
	if (!status)
		status = tracer_run(&trace.tracer, &trace.target);
	return target_end(&trace.target, status);
}

const struct verb verb_trace = {
	.name = "trace",
	.group = GROUP_CHECKS,
	.args = "TARGET [--duration S] PATTERN[FILTER]... [--stack] [--buffer KB] [--calls N] [--variants]",
	.summary = "Print each call of functions of the kernel with its arguments",
	.options = TARGET_HELP PATTERN_HELP
	"  FILTER            print only calls that fulfil it: '(ARGUMENT OPERATOR VALUE)',\n"
	"                    '() OPERATOR VALUE' about the return value, or both; && joins\n"
	"                    up to four. Operators are == != < <= > >= &\n" TRACER_HELP
	"  --calls N         follow at most N calls of a function at a time\n",
	.help = "A line is printed when the call returns: time, task, function, arguments, return value\n"
		"and duration. Quote a pattern with a filter: 'vfs_read(count > 4096) == -EAGAIN'.\n"
		"With --json, each call is one line.\n",
	.run = cmd_trace,
};
