// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "cli.h"
#include "counters.h"
#include "target.h"

/* Probes that one call reads. */
#define READ_STEP 256

static void *counters_alloc(size_t nr, size_t size)
{
	void *array = calloc(nr + 1, size);

	if (array)
		return array;
	report("out of memory");
	exit(STATUS_REFUSED);
}

int counters_init(struct counters *counters, char **patterns, size_t nr, bool variants)
{
	int status = places_read(&counters->places, patterns, nr, variants);

	if (status)
		return status;
	counters->last = counters_alloc(counters->places.count, sizeof(*counters->last));
	counters->difference =
		counters_alloc(counters->places.count, sizeof(*counters->difference));
	counters->replaced = counters_alloc(counters->places.count, sizeof(*counters->replaced));
	return STATUS_DONE;
}

int counters_begin(struct counters *counters, struct shadowk_shadow *shadow)
{
	int status = places_arm(&counters->places, shadow, NULL);

	counters->since = target_now();
	return status;
}

/* Reads the numbers of one probe. */
static void numbers_set(struct counters *counters, const struct shadowk_probe_info *info)
{
	size_t place = places_find(&counters->places, info->id);
	struct numbers *last, *difference, now;

	if (place == counters->places.count) {
		if (counters->other)
			counters->other(counters->context, info);
		return;
	}
	last = &counters->last[place];
	difference = &counters->difference[place];
	now = counters->replaced[place];
	now.hits += info->hits;
	now.async_hits += info->async_hits;
	difference->hits = now.hits - last->hits;
	difference->async_hits = now.async_hits - last->async_hits;
	*last = now;
}

int counters_read(struct counters *counters, struct shadowk_shadow *shadow)
{
	struct shadowk_probe_info *infos = counters_alloc(READ_STEP, sizeof(*infos));
	double now = target_now();
	uint64_t cursor = 0;
	int nr;

	do {
		nr = shadowk_probe_list(shadow, &cursor, infos, sizeof(infos[0]), READ_STEP);
		for (int i = 0; i < nr; i++)
			numbers_set(counters, &infos[i]);
	} while (nr >= 0 && cursor);
	free(infos);
	counters->seconds = now - counters->since;
	counters->since = now;
	return nr < 0 ? refuse(SHADOWK_OP_PROBE_LIST, nr, NULL) : STATUS_DONE;
}

int counters_use_int3(struct counters *counters, size_t place, struct shadowk_shadow *shadow)
{
	int status = counters_read(counters, shadow);

	if (status)
		return status;
	counters->replaced[place] = counters->last[place];
	return place_use_int3(&counters->places, place, shadow);
}

size_t *counters_order(const struct counters *counters)
{
	return counters_alloc(counters->places.count, sizeof(size_t));
}

void counters_free(struct counters *counters)
{
	places_free(&counters->places);
	free(counters->last);
	free(counters->difference);
	free(counters->replaced);
}
