// SPDX-License-Identifier: GPL-2.0-only
/* The verb top: all functions of the kernel that a target calls, as a live table. */
#include <curses.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "counters.h"
#include "output.h"
#include "target.h"

#define FILTER_LEN 64

/* The column by which the table is sorted. */
enum top_sort {
	SORT_RATE,
	SORT_TOTAL,
	SORT_NAME,
	SORT_MODULE,
};

struct top {
	struct target target;
	struct counters counters;
	double interval;
	bool once;
	enum top_sort sort;
	bool paused;		 /* the numbers are not read */
	bool typing;		 /* keys go to the filter */
	char filter[FILTER_LEN]; /* a pattern, or a part of a name; "" for all */
	size_t *order;		 /* indices of places: those of the table, in its order */
	size_t nr;		 /* elements of @order */
};

static void top_free(struct top *top)
{
	target_close(&top->target);
	counters_free(&top->counters);
	free(top->order);
}

/* Returns the length of the module's name in "MODULE:FUNCTION"; 0 for the kernel itself. */
static size_t module_len(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? (size_t)(colon - name) : 0;
}

static uint64_t calls_of(const struct numbers *numbers)
{
	return numbers->hits + numbers->async_hits;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int top_compare(const void *a, const void *b, void *data)
{
	const struct top *top = data;
	const struct counters *counters = &top->counters;
	size_t one = *(const size_t *)a, other = *(const size_t *)b;
	const char *x = counters->places.name[one], *y = counters->places.name[other];
	int order = 0;

	switch (top->sort) {
	case SORT_RATE:
		order = compare_numbers(calls_of(&counters->difference[one]),
					calls_of(&counters->difference[other]));
		if (!order)
			order = compare_numbers(calls_of(&counters->last[one]),
						calls_of(&counters->last[other]));
		break;
	case SORT_TOTAL:
		order = compare_numbers(calls_of(&counters->last[one]),
					calls_of(&counters->last[other]));
		break;
	case SORT_MODULE:
		order = (module_len(x) != 0) - (module_len(y) != 0);
		break;
	case SORT_NAME:
		break;
	}
	return order ? order : strcmp(x, y);
}

static bool filter_matches(const struct top *top, const char *name)
{
	if (!*top->filter)
		return true;
	if (strpbrk(top->filter, "*?["))
		return !fnmatch(top->filter, name, 0) ||
		       !fnmatch(top->filter, name + module_len(name) + (module_len(name) != 0), 0);
	return strstr(name, top->filter);
}

/* Sets @order and @nr: functions that were called, and that the filter shows. */
static void top_sort(struct top *top)
{
	top->nr = 0;
	for (size_t i = 0; i < top->counters.places.count; i++)
		if (calls_of(&top->counters.last[i]) &&
		    filter_matches(top, top->counters.places.name[i]))
			top->order[top->nr++] = i;
	qsort_r(top->order, top->nr, sizeof(*top->order), top_compare, top);
}

static double rate_of(const struct top *top, size_t place)
{
	double seconds = top->counters.seconds;

	return seconds > 0 ? (double)calls_of(&top->counters.difference[place]) / seconds : 0;
}

static void top_print_json(const struct top *top)
{
	struct json_object *object __cleanup(json_free) = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < top->nr; i++) {
		size_t place = top->order[i];
		const char *name = top->counters.places.name[place];
		const struct numbers *last = &top->counters.last[place];
		struct json_object *one = json_object_new_object();
		char module[64];

		snprintf(module, sizeof(module), "%.*s", (int)module_len(name), name);
		json_object_object_add(one, "function", json_text(name));
		json_object_object_add(one, "module", json_text(module));
		json_object_object_add(one, "hits", json_object_new_uint64(last->hits));
		json_object_object_add(one, "async_hits", json_object_new_uint64(last->async_hits));
		json_object_object_add(one, "calls_per_second",
				       json_object_new_double(rate_of(top, place)));
		json_object_array_add(array, one);
	}
	json_object_object_add(object, "seconds", json_object_new_double(top->counters.seconds));
	json_object_object_add(object, "probed",
			       json_object_new_uint64(top->counters.places.armed));
	json_object_object_add(object, "functions", array);
	json_print(&object, !top->once);
}

static void top_print_table(const struct top *top)
{
	struct table table __cleanup(table_free);

	table_init(&table, "rrl");
	table_add(&table, "CALLS/S");
	table_add(&table, "CALLS");
	table_add(&table, "FUNCTION");
	for (size_t i = 0; i < top->nr; i++) {
		size_t place = top->order[i];

		table_add(&table, "%.1f", rate_of(top, place));
		table_add(&table, "%" PRIu64, calls_of(&top->counters.last[place]));
		table_add(&table, "%s", top->counters.places.name[place]);
	}
	table_print(&table, stdout);
	printf("%zu of %zu probed functions were called.\n", top->nr, top->counters.places.armed);
}

static void top_print(const struct cli *cli, struct top *top)
{
	top_sort(top);
	if (cli->json)
		top_print_json(top);
	else
		top_print_table(top);
	fflush(stdout);
}

/* Draws the screen. */
static void top_draw(struct top *top)
{
	static const char *const sorts[] = { "calls/s", "calls", "name", "module" };
	int rows = getmaxy(stdscr), columns = getmaxx(stdscr);

	top_sort(top);
	erase();
	mvprintw(0, 0, "%zu of %zu probed functions were called. Sorted by %s.%s", top->nr,
		 top->counters.places.armed, sorts[top->sort], top->paused ? " Paused." : "");
	if (top->typing || *top->filter)
		mvprintw(1, 0, "Filter: %s%s", top->filter, top->typing ? "_" : "");
	attron(A_REVERSE);
	mvprintw(2, 0, "%*s", columns, "");
	mvprintw(2, 0, "%12s %14s  FUNCTION", "CALLS/S", "CALLS");
	attroff(A_REVERSE);
	for (int row = 3; row < rows - 1 && (size_t)(row - 3) < top->nr; row++) {
		size_t place = top->order[row - 3];

		mvprintw(row, 0, "%12.1f %14" PRIu64 "  %.*s", rate_of(top, place),
			 calls_of(&top->counters.last[place]), columns > 30 ? columns - 30 : 1,
			 top->counters.places.name[place]);
	}
	mvprintw(rows - 1, 0,
		 "r, t, n, m: sort by rate, total, name, module  /: filter  p: pause"
		 "  q: quit");
	refresh();
}

/* Adds a key to the filter. Enter ends it, Escape clears it. */
static void filter_key(struct top *top, int key)
{
	size_t len = strlen(top->filter);

	if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		top->typing = false;
	} else if (key == 27) {
		top->typing = false;
		*top->filter = 0;
	} else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && len) {
		top->filter[len - 1] = 0;
	} else if (key > ' ' && key < 127 && len + 1 < sizeof(top->filter)) {
		top->filter[len] = (char)key;
		top->filter[len + 1] = 0;
	}
}

/* Handles a key. Returns false if it ends the verb. */
static bool top_key(struct top *top, int key)
{
	static const char sorts[] = "rtnm";
	const char *sort;

	if (top->typing) {
		filter_key(top, key);
		return true;
	}
	sort = key > 0 && key < 128 ? strchr(sorts, key) : NULL;
	if (sort)
		top->sort = (enum top_sort)(sort - sorts);
	else if (key == '/')
		top->typing = true;
	else if (key == 'p')
		top->paused = !top->paused;
	return key != 'q';
}

/* Shows the table until the target ends, or somebody types q. Returns a status. */
static int top_show(struct top *top)
{
	double next = top->counters.since;
	int status = STATUS_DONE;
	bool on = true;

	initscr();
	cbreak();
	noecho();
	keypad(stdscr, true);
	nodelay(stdscr, true);
	curs_set(0);
	while (!status && on) {
		enum target_event event = target_wait(&top->target, next, STDIN_FILENO);
		int key;

		if (event >= TARGET_OVER)
			break;
		while (on && (key = getch()) != ERR)
			on = top_key(top, key);
		if (event == TARGET_TIMEOUT) {
			if (!top->paused)
				status = counters_read(&top->counters, top->target.session.shadow);
			next += top->interval;
		}
		top_draw(top);
	}
	endwin();
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
	top->order = counters_order(&top->counters);
	status = target_open(&top->target);
	if (!status)
		status = counters_begin(&top->counters, top->target.session.shadow);
	return status ? status : target_begin(&top->target);
}

static int cmd_top(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		TARGET_OPTIONS,
		{ "interval", required_argument, NULL, 'i' },
		{ "once", no_argument, NULL, 'o' },
		{ 0 },
	};
	struct top top __cleanup(top_free) = { .interval = 1 };
	int own = target_command(&top.target, argc, argv), opt, status;
	bool live;

	while ((opt = option_next(cli, own, argv, options))) {
		if (opt == 'i')
			top.interval = seconds_parse(cli, optarg);
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
	.args = "TARGET [--duration S] [--interval S] [--once]",
	.summary = "Show all functions of the kernel that processes call, as a live table",
	.options = TARGET_HELP
	"  --interval S      read the numbers every S seconds (default 1)\n"
	"  --once            print one table and end: after an interval, or after --duration or\n"
	"                    the command\n",
	.help = "Keys: r, t, n, m sort by calls a second, all calls, name, module; / begins a filter,\n"
		"Enter ends it and Escape clears it; p pauses; q quits. Where standard input or output\n"
		"is no terminal, and with --json, it prints a table or a line after each interval.\n",
	.run = cmd_top,
};
