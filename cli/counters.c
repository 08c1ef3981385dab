// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "cli.h"
#include "counters.h"
#include "output.h"
#include "target.h"

/* Allocates an element for each place, and one more. Exits if there is no memory. */
static void *counters_alloc(const struct counters *counters, size_t size)
{
	return need_memory(calloc(counters->places.count + 1, size));
}

int counters_init(struct counters *counters, char **patterns, size_t nr, bool variants)
{
	int status = places_read(&counters->places, patterns, nr, variants);

	if (status)
		return status;
	counters->last = counters_alloc(counters, sizeof(*counters->last));
	counters->difference = counters_alloc(counters, sizeof(*counters->difference));
	counters->replaced = counters_alloc(counters, sizeof(*counters->replaced));
	return STATUS_DONE;
}

int counters_begin(struct counters *counters, struct shadowk_shadow *shadow)
{
	int status = places_arm(&counters->places, shadow, NULL);

	counters->since = target_now();
	return status;
}

/* Reads the numbers of one probe. Callback of probes_each(). */
static void numbers_set(void *context, const struct shadowk_probe_info *info)
{
	struct counters *counters = context;
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
	double now = target_now();
	int status = probes_each(shadow, numbers_set, counters);

	counters->seconds = now - counters->since;
	counters->since = now;
	return status;
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
	return counters_alloc(counters, sizeof(size_t));
}

void counters_free(struct counters *counters)
{
	places_free(&counters->places);
	free(counters->last);
	free(counters->difference);
	free(counters->replaced);
}
