// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "symbols.h"
#include "top.h"

/* KB of calls that each CPU keeps until they are read. */
#define BUFFER_KB 1024

int function_callers_begin(struct top *top)
{
	struct top_function *function = &top->function;
	int status;

	if (function->probe.id)
		return STATUS_DONE;
	/* Before the probe is there, so that its first call is received. */
	status = call_events_open(&function->events, top->target.session.shadow, BUFFER_KB, true);
	if (!status)
		status = top_probe_add(top, function->place, SHADOWK_PROBE_CALL, &function->probe);
	if (status)
		call_events_close(&function->events);
	return status;
}

/* Counts one call. The name of the probe may be cut off in it. */
static void call_handle(void *context, const struct call *call)
{
	struct top *top = context;
	struct caller caller[STACK_MAX];
	size_t nr = 0;

	if (top->paused || strncmp(call->probe, top->function.probe.name, strlen(call->probe)))
		return;
	for (size_t i = 0; i < call->nr_frames && nr < STACK_MAX; i++) {
		/* The return address is behind the call, which can be the function's end. */
		struct caller *next = &caller[nr++];

		next->name = symbol_name(call->frame[i] - 1, &next->module);
	}
	callers_add(&top->function.callers, caller, nr);
}

bool function_callers_read(struct top *top)
{
	uint64_t before = top->function.callers.calls;

	if (top->function.events)
		call_events_read(top->function.events, false, call_handle, top);
	return top->function.callers.calls != before;
}

void function_callers_note(struct top *top, const struct shadowk_probe_info *info)
{
	struct top_function *function = &top->function;

	if (function->probe.id && info->id == function->probe.id)
		function->missed = function->missed_before + info->missed;
}

void function_callers_end(struct top *top)
{
	struct top_function *function = &top->function;

	if (!function->probe.id)
		return;
	shadowk_probe_remove_many(top->target.session.shadow, &function->probe.id, 1);
	function->probe.id = 0;
	call_events_read(function->events, true, call_handle, top);
	function->lost += call_events_lost(function->events);
	function->missed_before = function->missed;
	call_events_close(&function->events);
}

void function_callers_print(const struct top *top, FILE *file)
{
	const struct top_function *function = &top->function;
	const struct callers *callers = &function->callers;
	uint64_t lost = function->lost;
	struct callers_row *rows;
	size_t nr;

	if (function->events)
		lost += call_events_lost(function->events);
	fprintf(file, "%" PRIu64 " calls while this view was open", callers->calls);
	if (lost || function->missed)
		fprintf(file, ", and %" PRIu64 " lost, %" PRIu64 " missed", lost, function->missed);
	fprintf(file, "\n\n%12s  %6s  %s\n", "CALLS", "SHARE",
		function->depth > 1 ? "CALLER <- ITS CALLER" : "CALLER");
	rows = callers_rows(callers, function->depth, &nr);
	for (size_t i = 0; i < nr; i++)
		fprintf(file, "%12" PRIu64 "  %5.1f%%  %s\n", rows[i].calls,
			100.0 * (double)rows[i].calls / (double)callers->calls, rows[i].text);
	callers_rows_free(rows, nr);
}
