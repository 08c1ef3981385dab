// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "list.h"
#include "output.h"
#include "tracer.h"

/* Seconds between two looks at the buffers that are not full. */
#define INTERVAL 0.02

/* Sizes of a buffer in KB: that without --buffer, and the highest, 1 GB. */
#define BUFFER_DEFAULT 1024
#define BUFFER_MAX     (1 << 20)

uint64_t buffer_parse(const struct cli *cli, const char *text)
{
	uint64_t kb = count_parse(cli, text);

	if (kb > BUFFER_MAX)
		usage(cli, "--buffer is at most %d KB for each CPU", BUFFER_MAX);
	return kb;
}

const char *buffer_advice(char *text, size_t len, uint64_t kb)
{
	if (kb < BUFFER_MAX)
		snprintf(text, len, "add --buffer %" PRIu64 ", or",
			 kb < BUFFER_MAX / 8 ? 8 * kb : BUFFER_MAX);
	else
		snprintf(text, len, "the buffer is as large as it can be: give");
	return text;
}

void tracer_prototype(struct tracer *tracer, const char *name, struct prototype *prototype)
{
	const char *colon = strchr(name, ':');
	char module[64] = "";

	if (!tracer->types)
		tracer->types = types_open(BTF_FOLDER);
	if (colon)
		snprintf(module, sizeof(module), "%.*s", (int)(colon - name), name);
	prototype_find(prototype, tracer->types, module, colon ? colon + 1 : name);
}

static void prototypes_read(struct tracer *tracer)
{
	const struct places *places = tracer->places;

	tracer->prototype = need_memory(calloc(places->count + 1, sizeof(*tracer->prototype)));
	for (size_t i = 0; i < places->count; i++)
		tracer_prototype(tracer, places->name[i], &tracer->prototype[i]);
}

static int64_t clock_difference(void)
{
	struct timespec real, monotonic;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	return (int64_t)(real.tv_sec - monotonic.tv_sec) * 1000000000 + real.tv_nsec -
	       monotonic.tv_nsec;
}

int tracer_begin(struct tracer *tracer, struct shadowk_shadow *shadow, struct places *places)
{
	if (!tracer->buffer_kb)
		tracer->buffer_kb = BUFFER_DEFAULT;
	tracer->shadow = shadow;
	tracer->places = places;
	prototypes_read(tracer);
	places_sort_names(places);
	tracer->clock = clock_difference();
	return call_events_open(&tracer->events, shadow, tracer->buffer_kb, tracer->stack);
}

/* Prints one call. */
static void handle(void *context, const struct call *call)
{
	struct json_object *object __cleanup(json_free) = NULL;
	const struct tracer *tracer = context;
	size_t place = places_find_name(tracer->places, call->probe);

	/* A call that a probe of another kind reports, or whose name was cut off. */
	if (place == tracer->places->count)
		return;
	if (!tracer->json) {
		call_print(stdout, call, tracer->places->name[place], &tracer->prototype[place],
			   tracer->clock);
		return;
	}
	object = call_json(call, tracer->places->name[place], &tracer->prototype[place],
			   tracer->clock);
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* Reports calls that were not printed, and why. Returns a status. */
static int notes_print(const struct tracer *tracer)
{
	struct probes probes __cleanup(probes_free) = { 0 };
	uint64_t lost = call_events_lost(tracer->events), missed = 0, unreturned = 0;
	int status = probes_read(&probes, tracer->shadow, NULL);
	char advice[64];

	for (int i = 0; i < probes.count; i++) {
		if (probes.info[i].kind != SHADOWK_PROBE_CALL)
			continue;
		missed += probes.info[i].missed;
		unreturned += probes.info[i].unreturned;
	}
	if (lost)
		report("%" PRIu64 " calls were lost, because the buffer was full; %s a filter",
		       lost, buffer_advice(advice, sizeof(advice), tracer->buffer_kb));
	if (missed)
		report("note: %" PRIu64
		       " calls were missed, since too many were in progress; see --calls",
		       missed);
	if (unreturned)
		report("note: %" PRIu64 " calls have not returned, and are not printed",
		       unreturned);
	return status;
}

int tracer_run(struct tracer *tracer, struct target *target)
{
	bool ended = false;

	while (!ended && !ferror(stdout)) {
		ended = target_wait(target, target_now() + INTERVAL,
				    call_events_fd(tracer->events)) >= TARGET_OVER;
		call_events_read(tracer->events, ended, handle, tracer);
		fflush(stdout);
	}
	return notes_print(tracer);
}

void tracer_free(struct tracer *tracer)
{
	call_events_close(&tracer->events);
	types_close(&tracer->types);
	free(tracer->prototype);
}
