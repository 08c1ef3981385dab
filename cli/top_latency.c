// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "top.h"

static struct measured *measured_find(const struct top *top, size_t place)
{
	for (size_t i = 0; i < top->nr_measured; i++)
		if (top->measured[i].place == place)
			return &top->measured[i];
	return NULL;
}

const struct shadowk_probe_info *latency_of(const struct top *top, size_t place)
{
	const struct measured *measured = measured_find(top, place);

	return measured ? &measured->info : NULL;
}

/* Appends a place, whose probe has no id yet. Exits without memory. */
static struct measured *measured_add(struct top *top, size_t place)
{
	struct measured *measured;

	top->measured =
		need_memory(reallocarray(top->measured, top->nr_measured + 1, sizeof(*measured)));
	measured = &top->measured[top->nr_measured++];
	*measured = (struct measured){ .place = place };
	return measured;
}

int top_probe_add(struct top *top, size_t place, uint32_t kind, struct shadowk_probe_spec *spec)
{
	const struct shadowk_probe_spec *counting = &top->counters.places.spec[place];
	struct shadowk_shadow *shadow = top->target.session.shadow;
	int err;

	*spec = (struct shadowk_probe_spec){ .size = sizeof(*spec), .kind = kind };
	spec->addr = counting->addr;
	memcpy(spec->symbol, counting->symbol, sizeof(spec->symbol));
	err = shadowk_probe_add(shadow, spec);
	/* A jump sees no returns. */
	if (err && shadowk_reason() == SHADOWK_REASON_JUMP_THERE) {
		if (counters_use_int3(&top->counters, place, shadow))
			return STATUS_REFUSED;
		err = shadowk_probe_add(shadow, spec);
	}
	if (!err)
		return STATUS_DONE;
	spec->id = 0;
	return place_refuse(&top->counters.places, place, kind, err, NULL);
}

int latency_begin(struct top *top, size_t place)
{
	struct shadowk_probe_spec spec;
	struct measured *measured;
	int status;

	if (latency_of(top, place))
		return STATUS_DONE;
	status = top_probe_add(top, place, SHADOWK_PROBE_LATENCY, &spec);
	if (status)
		return status;
	measured = measured_add(top, place);
	measured->info.id = spec.id;
	return STATUS_DONE;
}

void latency_end(struct top *top, size_t place)
{
	struct measured *measured = measured_find(top, place);

	if (!measured)
		return;
	shadowk_probe_remove_many(top->target.session.shadow, &measured->info.id, 1);
	*measured = top->measured[--top->nr_measured];
}

void latency_note(struct top *top, const struct shadowk_probe_info *info)
{
	for (size_t i = 0; i < top->nr_measured; i++)
		if (top->measured[i].info.id == info->id)
			top->measured[i].info = *info;
}

/* Returns the place that counts the calls of the function that @spec selects. */
static size_t place_of(const struct places *places, const struct shadowk_probe_spec *spec)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->spec[i].addr == spec->addr &&
		    !strcmp(places->spec[i].symbol, spec->symbol))
			return i;
	return NO_PLACE;
}

int latency_find_asked(struct top *top)
{
	struct places asked __cleanup(places_free) = { 0 };
	int status;

	if (!top->nr_asked)
		return STATUS_DONE;
	status = places_read(&asked, top->asked, top->nr_asked, false);
	for (size_t i = 0; !status && i < asked.count; i++) {
		size_t place = place_of(&top->counters.places, &asked.spec[i]);

		if (place == NO_PLACE) {
			report("'%s' was loaded or unloaded meanwhile; try again", asked.name[i]);
			return STATUS_REFUSED;
		}
		measured_add(top, place);
	}
	return status;
}

int latency_begin_asked(struct top *top)
{
	int status = STATUS_DONE;

	for (size_t i = 0; !status && i < top->nr_measured; i++) {
		struct measured *measured = &top->measured[i];
		struct shadowk_probe_spec spec;

		status = top_probe_add(top, measured->place, SHADOWK_PROBE_LATENCY, &spec);
		measured->info.id = spec.id;
	}
	return status;
}
