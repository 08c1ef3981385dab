// SPDX-License-Identifier: GPL-2.0-only
/* The verb top: all functions of the kernel that a target calls, as a live table. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "output.h"
#include "top.h"

/* Seconds between two looks at the size of the terminal, and at the calls that were received. */
#define LOOK 0.1

static void top_free(struct top *top)
{
	target_close(&top->target);
	counters_free(&top->counters);
	free(top->rows.order);
	free(top->measured);
	free(top->asked);
}

/* Reads a probe that does not count the calls of a function. */
static void probe_note(void *context, const struct shadowk_probe_info *info)
{
	latency_note(context, info);
	function_callers_note(context, info);
}

/* Returns the object of one function. */
static struct json_object *function_json(const struct top *top, size_t place)
{
	const struct numbers *last = &top->counters.last[place];
	const struct shadowk_probe_info *info = latency_of(top, place);
	struct json_object *object = json_object_new_object();
	const char *name = top_name(top, place);
	char module[64];

	snprintf(module, sizeof(module), "%.*s", (int)module_len(name), name);
	json_object_object_add(object, "function", json_text(name));
	json_object_object_add(object, "module", json_text(module));
	json_object_object_add(object, "hits", json_object_new_uint64(last->hits));
	json_object_object_add(object, "async_hits", json_object_new_uint64(last->async_hits));
	json_object_object_add(object, "calls_per_second",
			       json_object_new_double(top_rate(top, place)));
	if (info) {
		struct json_object *latency = json_object_new_object();

		latency_json(latency, info);
		json_object_object_add(object, "latency", latency);
	}
	return object;
}

static void top_print_json(const struct top *top)
{
	struct json_object *object __cleanup(json_free) = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < top->rows.nr; i++)
		json_object_array_add(array, function_json(top, top->rows.order[i]));
	json_object_object_add(object, "seconds", json_object_new_double(top->counters.seconds));
	json_object_object_add(object, "probed",
			       json_object_new_uint64(top->counters.places.armed));
	json_object_object_add(object, "functions", array);
	json_print(&object, !top->once);
}

static void latency_add_cells(struct table *table, const struct top *top, size_t place)
{
	const struct shadowk_probe_info *info = latency_of(top, place);
	char bound[BOUND_TEXT_LEN] = "-";

	if (info)
		table_add(table, "%" PRIu64, latency_mean(info));
	else
		table_add(table, "-");
	if (info)
		histogram_bound_text(bound, sizeof(bound), info->histogram, 99);
	table_add(table, "%s", bound);
}

static void top_print_table(const struct top *top)
{
	struct table table __cleanup(table_free);

	table_init(&table, top->nr_measured ? "rrrrl" : "rrl");
	table_add(&table, "CALLS/S");
	table_add(&table, "CALLS");
	if (top->nr_measured) {
		table_add(&table, "MEAN NS");
		table_add(&table, "P99 NS");
	}
	table_add(&table, "FUNCTION");
	for (size_t i = 0; i < top->rows.nr; i++) {
		size_t place = top->rows.order[i];

		table_add(&table, "%.1f", top_rate(top, place));
		table_add(&table, "%" PRIu64, top_calls(&top->counters.last[place]));
		if (top->nr_measured)
			latency_add_cells(&table, top, place);
		table_add(&table, "%s", top_name(top, place));
	}
	table_print(&table, stdout);
	printf("%zu of %zu probed functions were called.\n", top->rows.called,
	       top->counters.places.armed);
}

static void top_print(const struct cli *cli, struct top *top)
{
	rows_update(top);
	if (cli->json)
		top_print_json(top);
	else
		top_print_table(top);
	fflush(stdout);
}

/* Reads the numbers if it is time to. Returns a status. */
static int top_read(struct top *top, double *next)
{
	if (target_now() < *next)
		return STATUS_DONE;
	*next = target_now() + top->interval;
	return top->paused ? STATUS_DONE
			   : counters_read(&top->counters, top->target.session.shadow);
}

/* Shows the table until the target ends, or the user types q. Returns a status. */
static int top_show(struct top *top)
{
	double next = top->counters.since, look;
	int status = STATUS_DONE;
	bool on = true;

	screen_begin();
	while (!status && on) {
		bool changed = target_now() >= next;

		status = top_read(top, &next);
		on = keys_read(top, &changed);
		changed |= function_callers_read(top);
		if (changed)
			screen_draw(top);
		look = target_now() + LOOK;
		if (on && target_wait(&top->target, look < next ? look : next, STDIN_FILENO) >=
				  TARGET_OVER)
			break;
	}
	function_close(top);
	screen_end();
	return status;
}

/* Prints a table, or a line of JSON, after each interval; once: only one. Returns a status. */
static int top_run(const struct cli *cli, struct top *top)
{
	double next = top->counters.since + top->interval;
	int status = STATUS_DONE;

	while (!status && !ferror(stdout)) {
		enum target_event event = target_wait(&top->target, next, -1);

		status = counters_read(&top->counters, top->target.session.shadow);
		if (!status)
			top_print(cli, top);
		if (event >= TARGET_OVER || top->once)
			break;
		next += top->interval;
	}
	return status;
}

/* Adds the probes before the first process is inside. Returns a status. */
static int top_begin(struct top *top)
{
	char *all[] = { "*" };
	int status = counters_init(&top->counters, all, 1, false);

	if (status)
		return status;
	top->counters.other = probe_note;
	top->counters.context = top;
	top->rows.order = counters_order(&top->counters);
	status = latency_find_asked(top);
	if (!status)
		status = target_open(&top->target);
	if (!status)
		status = counters_begin(&top->counters, top->target.session.shadow);
	if (!status)
		status = latency_begin_asked(top);
	return status ? status : target_begin(&top->target);
}

/* Appends a function of --latency. Exits by usage() if it is a pattern. */
static void asked_add(struct top *top, const struct cli *cli, char *function)
{
	if (strpbrk(function, "*?["))
		usage(cli,
		      "--latency takes the name of one function, not the pattern '%s'; repeat it, or "
		      "use 'shadowctl latency'",
		      function);
	top->asked = need_memory(reallocarray(top->asked, top->nr_asked + 1, sizeof(*top->asked)));
	top->asked[top->nr_asked++] = function;
}

static int cmd_top(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		TARGET_OPTIONS,
		{ "interval", required_argument, NULL, 'i' },
		{ "latency", required_argument, NULL, 'l' },
		{ "once", no_argument, NULL, 'o' },
		{ 0 },
	};
	struct top top __cleanup(top_free) = { .interval = 1, .rows.selected = NO_PLACE };
	int own = target_command(&top.target, argc, argv), opt, status;
	bool live;

	while ((opt = option_next(cli, own, argv, options))) {
		if (opt == 'i')
			top.interval = seconds_parse(cli, optarg);
		else if (opt == 'l')
			asked_add(&top, cli, optarg);
		else if (opt == 'o')
			top.once = true;
		else
			target_option(&top.target, cli, opt);
	}
	arguments(cli, own, argv, 0, NULL);
	target_check(&top.target, cli);
	/* Once: all of the duration, or of a command's life. */
	if (top.once && (top.target.duration > 0 || top.target.command))
		top.interval = INFINITY;
	live = !top.once && !cli->json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (live && top.target.command)
		usage(cli,
		      "a command and the table would share the terminal; add --once, or attach "
		      "to it by --pid");
	status = top_begin(&top);
	if (!status)
		status = live ? top_show(&top) : top_run(cli, &top);
	return target_end(&top.target, status);
}

const struct verb verb_top = {
	.name = "top",
	.group = GROUP_CHECKS,
	.args = "TARGET [--duration S] [--interval S] [--latency FUNC]... [--once]",
	.summary = "Show all functions of the kernel that processes call, as a live table",
	.options = TARGET_HELP
	"  --interval S      read the numbers every S seconds (default 1)\n"
	"  --latency FUNC    measure the latency of this function, too; can be repeated\n"
	"  --once            print one table and end: after an interval, or after --duration or\n"
	"                    the command\n",
	.help = "The last line names the keys. Enter opens the selected function: its histogram, its\n"
		"callers and its disassembly. l measures its latency. q goes back, and quits. Where\n"
		"standard input or output is no terminal, and with --json, it prints a table or a\n"
		"line after each interval.\n",
	.run = cmd_top,
};
