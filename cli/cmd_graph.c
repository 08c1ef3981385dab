// SPDX-License-Identifier: GPL-2.0-only
/* The verb graph: the calls below functions of the kernel, as a tree with counts and times. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "call_tree.h"
#include "calls.h"
#include "cli.h"
#include "functions.h"
#include "graph.h"
#include "output.h"
#include "target.h"
#include "tracer.h"

/* Seconds between two looks at the buffers that are not full, and at tasks that may have ended. */
#define READ_INTERVAL	0.02
#define FORGET_INTERVAL 1

/* KB of the buffer of each CPU without --buffer. */
#define BUFFER_DEFAULT 4096

/* The nice value while calls are received: the highest priority. */
#define READER_NICE (-20)

struct graph {
	struct target target;
	struct places roots;
	struct places below;
	struct call_function *function; /* of each place: the roots, and then those below */
	struct call_events *events;
	struct call_tree tree;
	char **pattern; /* of --only, and then of the roots */
	size_t nr_only;
	size_t nr; /* elements of @pattern */
	bool variants;
	bool folded;
	struct graph_view view;
	uint32_t calls; /* of --calls, or 0 */
	uint64_t buffer_kb;
	double begun, seconds; /* target_now() */
};

/* Calls that are not in the tree, see shadowctl-graph(1). */
struct graph_numbers {
	uint64_t lost;
	uint64_t missed;
	uint64_t unreturned; /* of roots */
};

static void graph_free(struct graph *graph)
{
	/* The processes are detached first, so that they do not wait for the rest. */
	target_close(&graph->target);
	call_events_close(&graph->events);
	call_tree_free(&graph->tree);
	places_free(&graph->roots);
	places_free(&graph->below);
	free(graph->function);
	free(graph->pattern);
}

static void pattern_add(struct graph *graph, char *pattern)
{
	graph->pattern =
		need_memory(reallocarray(graph->pattern, graph->nr + 1, sizeof(*graph->pattern)));
	graph->pattern[graph->nr++] = pattern;
}

/* Selects the roots, and the functions below, which are all functions without --only. */
static int graph_select(struct graph *graph)
{
	int status = places_read(&graph->below, graph->pattern, graph->nr, graph->variants);

	if (!status)
		places_split(&graph->below, &graph->roots, graph->nr_only);
	return status;
}

static void functions_copy(struct call_function *function, const struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		function[i] = (struct call_function){ .name = places->name[i],
						      .addr = places->spec[i].addr };
}

/* Adds the probes of @places. Reports an error. Returns a status. */
static int graph_arm(struct graph *graph, struct places *places, uint32_t flags)
{
	for (size_t i = 0; i < places->count; i++) {
		places->spec[i].kind = SHADOWK_PROBE_CALL;
		places->spec[i].flags = flags;
		places->spec[i].calls = graph->calls;
	}
	return places_arm(places, graph->target.session.shadow, NULL);
}

/* Begins to receive the calls. Reports an error. Returns a status. */
static int graph_receive(struct graph *graph)
{
	places_sort_names(&graph->roots);
	places_sort_names(&graph->below);
	graph->function = need_memory(
		calloc(graph->roots.count + graph->below.count + 1, sizeof(*graph->function)));
	functions_copy(graph->function, &graph->roots);
	functions_copy(graph->function + graph->roots.count, &graph->below);
	return call_events_open(&graph->events, graph->target.session.shadow, graph->buffer_kb,
				false);
}

/* Adds the probes before the first process is inside. Returns a status. */
static int graph_begin(struct graph *graph)
{
	int status = graph_select(graph);

	if (!status)
		status = target_open(&graph->target);
	if (!status)
		status = graph_arm(graph, &graph->roots, 0);
	if (!status && graph->below.count)
		status = graph_arm(graph, &graph->below, SHADOWK_PROBE_BELOW);
	if (!status)
		status = graph_receive(graph);
	graph->begun = target_now();
	return status ? status : target_begin(&graph->target);
}

/* Returns the function whose probe has this name, or NULL. */
static const struct call_function *function_find(const struct graph *graph, const char *probe)
{
	size_t place = places_find_name(&graph->below, probe);

	if (place < graph->below.count)
		return &graph->function[graph->roots.count + place];
	place = places_find_name(&graph->roots, probe);
	return place < graph->roots.count ? &graph->function[place] : NULL;
}

static void call_handle(void *context, const struct call *call)
{
	struct graph *graph = context;
	const struct call_function *function = function_find(graph, call->probe);

	if (function)
		call_tree_add(&graph->tree, call->tid, call->depth, function, call->duration);
}

/* True if there is no task with this id. */
static bool is_gone(pid_t tid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)tid);
	return access(path, F_OK) != 0;
}

/* Adds calls up until the target ends. */
static void graph_run(struct graph *graph)
{
	double forget = target_now() + FORGET_INTERVAL;
	bool ended = false;

	/*
	 * If the target keeps all CPUs busy, calls are lost while this process waits for one.
	 * Without CAP_SYS_NICE it waits.
	 */
	setpriority(PRIO_PROCESS, 0, READER_NICE);
	while (!ended) {
		ended = target_wait(&graph->target, target_now() + READ_INTERVAL,
				    call_events_fd(graph->events)) >= TARGET_OVER;
		call_events_read(graph->events, ended, call_handle, graph);
		if (target_now() < forget)
			continue;
		call_tree_forget(&graph->tree, is_gone);
		forget = target_now() + FORGET_INTERVAL;
	}
	graph->seconds = target_now() - graph->begun;
	call_tree_end(&graph->tree);
}

/* Adds the numbers of one probe. Callback of probes_each(). */
static void numbers_add(void *context, const struct shadowk_probe_info *info)
{
	struct graph_numbers *numbers = context;

	numbers->missed += info->missed;
	if (!(info->flags & SHADOWK_PROBE_BELOW))
		numbers->unreturned += info->unreturned;
}

static void print_json(const struct graph *graph, const struct graph_numbers *numbers)
{
	struct json_object *object __cleanup(json_free) = json_object_new_object();

	json_object_object_add(object, "seconds", json_object_new_double(graph->seconds));
	number_add(object, "probed", graph->roots.armed + graph->below.armed);
	number_add(object, "lost", numbers->lost);
	number_add(object, "missed", numbers->missed);
	number_add(object, "unreturned", numbers->unreturned);
	number_add(object, "unfinished", graph->tree.unfinished);
	json_object_object_add(object, "functions", graph_json(&graph->tree, &graph->view));
	json_print(&object, false);
}

static void print_table(const struct graph *graph)
{
	graph_print_table(stdout, &graph->tree, &graph->view);
	printf("%zu functions were probed. Times are in ns; SELF is TOTAL without the calls below.\n",
	       graph->roots.armed + graph->below.armed);
}

/* Reports calls that are not in the tree, or not in their place. */
static void notes_print(const struct graph *graph, const struct graph_numbers *numbers)
{
	char advice[64];

	if (numbers->lost)
		report("%" PRIu64 " calls were lost, because the buffer was full, so the tree is "
		       "not exact; %s fewer functions with --only",
		       numbers->lost, buffer_advice(advice, sizeof(advice), graph->buffer_kb));
	if (numbers->missed)
		report("note: %" PRIu64
		       " calls were missed, since too many were in progress; see --calls",
		       numbers->missed);
	if (numbers->unreturned)
		report("note: %" PRIu64 " calls of the roots have not returned, and are left out",
		       numbers->unreturned);
	if (graph->tree.unfinished)
		report("note: %" PRIu64 " calls are left out, since the return of the root above "
		       "them was not seen",
		       graph->tree.unfinished);
}

/* Prints the tree. Returns a status. */
static int graph_print(const struct cli *cli, const struct graph *graph)
{
	struct graph_numbers numbers = { .lost = call_events_lost(graph->events) };
	int status = probes_each(graph->target.session.shadow, numbers_add, &numbers);

	if (status)
		return status;
	if (cli->json)
		print_json(graph, &numbers);
	else if (graph->folded)
		graph_print_folded(stdout, &graph->tree, &graph->view);
	else
		print_table(graph);
	fflush(stdout);
	notes_print(graph, &numbers);
	return STATUS_DONE;
}

/* Returns the levels of --depth. Exits by usage() on a wrong number. */
static unsigned int depth_parse(const struct cli *cli, const char *text)
{
	uint64_t depth = count_parse(cli, text);

	return depth < UINT_MAX ? (unsigned int)depth : UINT_MAX;
}

/* Returns the share of --min-percent. Exits by usage() on a wrong number. */
static double percent_parse(const struct cli *cli, const char *text)
{
	bool plain = *text && strspn(text, "0123456789.") == strlen(text);
	char *end = NULL;
	double percent = plain ? strtod(text, &end) : -1;

	if (!plain || *end || percent > 100)
		usage(cli, "'%s' is not a percentage, from 0 to 100", text);
	return percent;
}

/* Handles an option of the verb's own. */
static void graph_option(struct graph *graph, const struct cli *cli, int opt)
{
	if (opt == 'o')
		pattern_add(graph, optarg);
	else if (opt == 'f')
		graph->folded = true;
	else if (opt == 'd')
		graph->view.depth = depth_parse(cli, optarg);
	else if (opt == 'p')
		graph->view.percent = percent_parse(cli, optarg);
	else if (opt == 'b')
		graph->buffer_kb = buffer_parse(cli, optarg);
	else if (opt == 'c')
		graph->calls = calls_parse(cli, optarg);
	else if (opt == 'v')
		graph->variants = true;
	else
		target_option(&graph->target, cli, opt);
}

static int cmd_graph(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		TARGET_OPTIONS,
		{ "only", required_argument, NULL, 'o' },
		{ "folded", no_argument, NULL, 'f' },
		{ "depth", required_argument, NULL, 'd' },
		{ "min-percent", required_argument, NULL, 'p' },
		{ "buffer", required_argument, NULL, 'b' },
		{ "calls", required_argument, NULL, 'c' },
		{ "variants", no_argument, NULL, 'v' },
		{ 0 },
	};
	struct graph graph __cleanup(graph_free) = { .view.depth = UINT_MAX,
						     .buffer_kb = BUFFER_DEFAULT };
	int own = target_command(&graph.target, argc, argv), opt, status;
	char **roots;
	size_t nr;

	while ((opt = option_next(cli, own, argv, options)))
		graph_option(&graph, cli, opt);
	roots = arguments_some(cli, own, argv, "FUNCTION", &nr);
	if (graph.folded && cli->json)
		usage(cli, "give only one of --folded and --json");
	target_check(&graph.target, cli);
	if (!graph.nr)
		pattern_add(&graph, "*");
	graph.nr_only = graph.nr;
	for (size_t i = 0; i < nr; i++)
		pattern_add(&graph, roots[i]);
	status = graph_begin(&graph);
	if (!status) {
		graph_run(&graph);
		status = graph_print(cli, &graph);
	}
	return target_end(&graph.target, status);
}

const struct verb verb_graph = {
	.name = "graph",
	.group = GROUP_CHECKS,
	.args = "TARGET [--duration S] FUNCTION... [--only PATTERN]... [--depth N] [--min-percent P] [--folded] [--buffer KB] [--calls N] [--variants]",
	.summary = "Show the calls below functions of the kernel as a tree with times",
	.options = TARGET_HELP
	"  FUNCTION          the root of a tree: a name or a PATTERN\n"
	"  --only PATTERN    look below it only at these functions, instead of at all; can be\n"
	"                    repeated\n" PATTERN_HELP
	"  --depth N         print N levels below the root\n"
	"  --min-percent P   leave out what takes less than P percent of the time of the roots\n"
	"  --folded          print a line for each stack of functions with its own time, for\n"
	"                    flame graphs\n"
	"  --buffer KB       keep KB of calls for each CPU until they are read; without it, 4096\n"
	"  --calls N         follow at most N calls of a function at a time\n",
	.help = "CALLS, TOTAL and SELF are of all calls on the path from the root. Times are from entry\n"
		"to return, in ns; TOTAL is with the calls below, and SELF without. Calls of FUNCTION\n"
		"below itself are a part of its tree.\n",
	.run = cmd_graph,
};
