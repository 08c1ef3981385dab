// SPDX-License-Identifier: GPL-2.0-only
/* The files of the kernel's source whose functions a target calls most. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "cli.h"
#include "counters.h"
#include "hot_files.h"
#include "list.h"
#include "output.h"
#include "rebuild.h"
#include "target.h"

/* Functions that the files may define. The kernel module replaces 1,024 at most. */
#define FUNCTIONS_MAX 1000

struct hot {
	struct target target;
	struct counters counters; /* of functions that a file of the source defines */
	struct source_index *index;
	size_t nr; /* functions of the kernel */
	bool *has; /* of each: it has a counter */
};

static void hot_free(struct hot *hot)
{
	target_close(&hot->target);
	counters_free(&hot->counters);
	source_index_close(&hot->index);
	free(hot->has);
}

/* Chooses the functions that files in the folder @tree define. Returns a status. */
static int functions_choose(struct hot *hot, const char *tree)
{
	char *all[] = { "vmlinux:*" };
	struct places *places = &hot->counters.places;
	int status = counters_init(&hot->counters, all, 1, false);

	if (!status)
		status = source_index_open(&hot->index, tree, (const char *const *)places->name,
					   places->count);
	if (status)
		return status;
	hot->nr = places->count;
	hot->has = need_memory(calloc(hot->nr + 1, sizeof(*hot->has)));
	for (size_t i = 0; i < hot->nr; i++)
		hot->has[i] = source_index_has(hot->index, i);
	places_keep(places, hot->has);
	return STATUS_DONE;
}

/* Counts the calls of the functions. Returns a status. */
static int calls_count(struct hot *hot)
{
	enum target_event event = TARGET_TIMEOUT;
	int status = target_open(&hot->target);

	if (!status)
		status = counters_begin(&hot->counters, hot->target.session.shadow);
	if (!status)
		status = target_begin(&hot->target);
	if (!status)
		event = target_wait(&hot->target, INFINITY, -1);
	if (!status && event == TARGET_SIGNALED) {
		report("interrupted");
		status = STATUS_REFUSED;
	}
	if (!status)
		status = counters_read(&hot->counters, hot->target.session.shadow);
	return target_end(&hot->target, status);
}

static void hot_print(const struct source_files *files, const struct source_files *all)
{
	struct table table __cleanup(table_free);
	uint64_t calls = 0;

	table_init(&table, "rrl");
	table_add(&table, "CALLS");
	table_add(&table, "FUNCTIONS");
	table_add(&table, "FILE");
	for (size_t i = 0; i < files->count; i++) {
		table_add(&table, "%" PRIu64, files->file[i].calls);
		table_add(&table, "%zu of %zu", files->file[i].called, files->file[i].functions);
		table_add(&table, "%s", files->file[i].path);
		calls += files->file[i].calls;
	}
	table_print(&table, stdout);
	printf("%zu of %zu files have %" PRIu64 " of %" PRIu64 " calls.\n", files->count,
	       all->count, calls, all->calls);
	fflush(stdout);
}

int hot_files_find(struct source_files *files, const struct target *target, const char *source)
{
	struct hot hot __cleanup(hot_free) = { 0 };
	uint64_t *calls __cleanup(list_free) = NULL;
	double seconds = target->duration / 4;
	struct build build = { 0 };
	struct source_files all;
	int status = build_tree_find(&build, source);

	if (status)
		return status;
	status = functions_choose(&hot, build.tree);
	if (status)
		return status;
	target_copy(&hot.target, target);
	hot.target.duration = seconds > 0 && seconds < HOT_SECONDS ? seconds : HOT_SECONDS;
	report("counting the calls of %zu functions for %g seconds", hot.counters.places.count,
	       hot.target.duration);
	status = calls_count(&hot);
	if (status)
		return status;
	calls = need_memory(calloc(hot.nr + 1, sizeof(*calls)));
	for (size_t i = 0, k = 0; i < hot.nr; i++)
		if (hot.has[i])
			calls[i] = hot.counters.last[k++].hits;
	source_files_find(files, hot.index, calls);
	all = *files;
	source_files_limit(files, HOT_FILES_MAX, FUNCTIONS_MAX);
	hot_print(files, &all);
	if (files->count)
		return STATUS_DONE;
	report("the processes have called no function of these files; let them work");
	return STATUS_REFUSED;
}
