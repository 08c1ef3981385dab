/* SPDX-License-Identifier: GPL-2.0-only */
/* The verb top. cmd_top.c reads the numbers; the other files show them. */
#ifndef SHADOWCTL_TOP_H
#define SHADOWCTL_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "callers.h"
#include "calls.h"
#include "counters.h"
#include "target.h"

/* Instead of the index of a place. */
#define NO_PLACE SIZE_MAX

#define TOP_FILTER_LEN 64

/* The column by which the table is sorted. */
enum top_sort {
	SORT_RATE,
	SORT_TOTAL,
	SORT_NAME,
	SORT_MODULE,
	SORT_MEAN,
	SORT_P99,
};

/* The functions that the table shows. */
struct top_rows {
	enum top_sort sort;
	char filter[TOP_FILTER_LEN]; /* a pattern, or a part of a name; "" for all */
	size_t *order;		     /* indices of places, in the order of the table */
	size_t nr;		     /* elements of @order */
	size_t called;		     /* functions that were called, with those that are not shown */
	size_t selected;	     /* place that the user has selected; NO_PLACE: the first row */
	size_t at;		     /* index of the selected row in @order */
	size_t scroll;		     /* rows above the screen */
};

/* A function whose latency is measured. */
struct measured {
	size_t place;
	struct shadowk_probe_info info; /* as it was last read; @id is that of the probe */
};

/* The contents of the screen. */
enum top_view {
	VIEW_TABLE,
	/* Of the function that is open: */
	VIEW_HISTOGRAM,
	VIEW_CALLERS,
	VIEW_TEXT,
};

/* The function that is open. */
struct top_function {
	size_t place;
	size_t scroll;
	char *text; /* lines of its disassembly, or NULL */
	/* Its callers. The probe and @events are there while they are shown. */
	struct callers callers;
	struct call_events *events;
	struct shadowk_probe_spec probe; /* with @id 0 if there is none */
	size_t depth;			 /* callers of a call that a row shows */
	uint64_t lost;			 /* calls without room in the buffers of earlier views */
	uint64_t missed, missed_before;	 /* calls that @probe has missed, and its predecessors */
};

struct top {
	struct target target;
	struct counters counters;
	double interval;
	bool once;
	bool paused;  /* the numbers are not read */
	bool typing;  /* keys go to the filter */
	char **asked; /* the functions of --latency */
	size_t nr_asked;
	struct measured *measured;
	size_t nr_measured;
	struct top_rows rows;
	enum top_view view;
	struct top_function function; /* if @view is one of a function */
};

/* Returns the name of a place. */
const char *top_name(const struct top *top, size_t place);
/* Returns all calls, with those in interrupts. */
uint64_t top_calls(const struct numbers *numbers);
/* Returns the calls a second of the last interval. */
double top_rate(const struct top *top, size_t place);

/* top_rows.c: which functions the table shows, and in which order */

/* Returns the length of the module's name in "MODULE:FUNCTION"; 0 for the kernel itself. */
size_t module_len(const char *name);
/* Chooses and sorts the functions. The selection stays on its function. */
void rows_update(struct top *top);
/* Returns the place of the selected row, or NO_PLACE if there is no row. */
size_t rows_selected(const struct top *top);
/* Moves the selection by so many rows. */
void rows_move(struct top *top, long by);
/* Scrolls so that the selected row is one of @height rows on the screen. */
void rows_scroll(struct top *top, size_t height);

/* top_latency.c: functions whose latency is measured */

/* Returns the numbers of a place, or NULL if it is not measured. */
const struct shadowk_probe_info *latency_of(const struct top *top, size_t place);
/* Adds the probe. Reports an error. Returns a status. */
int latency_begin(struct top *top, size_t place);
/* Removes the probe and its numbers, if there is one. */
void latency_end(struct top *top, size_t place);
/* Finds the functions of --latency. Reports one that cannot be probed. Returns a status. */
int latency_find_asked(struct top *top);
/* Begins to measure them. Returns a status. */
int latency_begin_asked(struct top *top);
/* Keeps the numbers of @info, if it measures a latency. */
void latency_note(struct top *top, const struct shadowk_probe_info *info);
/*
 * Adds a probe of @kind at a place, beside the one that counts. Sets @spec, whose id is 0 after an
 * error. Reports an error. Returns a status.
 */
int top_probe_add(struct top *top, size_t place, uint32_t kind, struct shadowk_probe_spec *spec);

/* top_callers.c: the callers of the function that is open */

/* Begins to receive its calls, if that is not so yet. Reports an error. Returns a status. */
int function_callers_begin(struct top *top);
/* Reads the calls that have been received. Returns whether there was one. */
bool function_callers_read(struct top *top);
/* Removes the probe. The numbers stay. */
void function_callers_end(struct top *top);
/* Keeps the numbers of @info, if it is the probe of the function's calls. */
void function_callers_note(struct top *top, const struct shadowk_probe_info *info);
void function_callers_print(const struct top *top, FILE *file);

/* top_function.c: the views of one function */

/* Opens the function at @place with its histogram. */
void function_open(struct top *top, size_t place);
/* Shows another view of the function that is open. */
void function_show(struct top *top, enum top_view view);
/* Goes back to the table. */
void function_close(struct top *top);
/* Prints the lines of the view. */
void function_print(const struct top *top, FILE *file);

/* top_screen.c: the terminal */

/* Begins to draw. From now on, messages are on the screen, and are printed at the end again. */
void screen_begin(void);
/* Restores the terminal. Exiting does so, too. */
void screen_end(void);
/* Lets messages disappear that were drawn. */
void screen_messages_seen(void);
/* Draws the view. */
void screen_draw(struct top *top);

/* top_keys.c */

/*
 * Handles all keys that were typed, of which a changed size of the terminal is one. Sets @changed
 * if there was one. Returns false if one of them ends the verb.
 */
bool keys_read(struct top *top, bool *changed);
/* Returns the array of hints about the keys of the view, which NULL ends. */
const char *const *keys_help(const struct top *top);

#endif /* SHADOWCTL_TOP_H */
