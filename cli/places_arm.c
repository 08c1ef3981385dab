// SPDX-License-Identifier: GPL-2.0-only
/* Adds the probes of many functions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "functions.h"
#include "target.h"

/* Probes that one call adds, so that progress can be printed and Ctrl-C has an effect. */
#define PIECE 2048

/* Highest number of calls in progress that a probe can measure. */
#define CALLS_MAX 65536

/* Functions that a line about a reason names. */
#define EXAMPLES 3

/* Why the functions of a line cannot be probed. The text continues "N functions: ". */
static const struct {
	uint32_t reason;
	const char *text;
} reasons[] = {
	{ SHADOWK_REASON_SYMBOL_UNKNOWN, "they were unloaded meanwhile" },
	{ SHADOWK_REASON_SYMBOL_AMBIGUOUS,
	  "several functions have the name, and the kernel hides the addresses; run 'sysctl "
	  "kernel.kptr_restrict=1'" },
	{ SHADOWK_REASON_NOT_TEXT, "they are outside the text that shadows have" },
	{ SHADOWK_REASON_NOT_INSTRUCTION, "they do not begin with an instruction" },
	{ SHADOWK_REASON_FORBIDDEN, "the kernel or shadowk allows no probe there" },
	{ SHADOWK_REASON_PAGE_EDGE, "the first instruction lies in two pages" },
	{ SHADOWK_REASON_MODULE_END, "they are too near to the end of their module" },
	{ SHADOWK_REASON_MODULE_BUSY, "their module is being loaded or unloaded" },
	{ SHADOWK_REASON_EDIT_THERE, "the shadow has another edit there" },
	{ SHADOWK_REASON_KPROBE_THERE, "a kprobe is there" },
	{ SHADOWK_REASON_JUMP_THERE, "another probe there is armed by a jump" },
	{ SHADOWK_REASON_NO_ROOM, "there is no room for more probes; give fewer functions" },
	{ SHADOWK_REASON_CANNOT_STEP, "kprobes cannot step the first instruction" },
	{ SHADOWK_REASON_NOT_ENTRY, "the symbol is not the entry of a function" },
	{ SHADOWK_REASON_NO_RETURN, "the function does not return to its caller" },
};

/* Lines of progress, one a second. */
struct progress {
	double next;
	size_t all;
};

static void progress_print(struct progress *progress, size_t done)
{
	if (target_now() < progress->next || done == progress->all)
		return;
	report("%zu of %zu functions have their probe", done, progress->all);
	progress->next = target_now() + 1;
}

static void reason_report(const struct places *places, uint32_t reason)
{
	const char *text = "the kernel gave a reason that this version does not know";
	char names[512] = "";
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].reason == reason)
			text = reasons[i].text;
	for (size_t i = 0; i < places->count; i++) {
		size_t len = strlen(names);

		if (places->spec[i].id || places->spec[i].reason != reason)
			continue;
		if (count++ < EXAMPLES)
			snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
				 places->name[i]);
	}
	if (count == 1)
		report("note: 1 function is not probed: %s (%s)", text, names);
	else if (count)
		report("note: %zu functions are not probed: %s (%s%s)", count, text, names,
		       count > EXAMPLES ? ", ..." : "");
}

/* Prints a line for each reason. */
static void reasons_report(const struct places *places)
{
	bool seen[256] = { false };

	for (size_t i = 0; places->armed < places->count && i < places->count; i++) {
		uint32_t reason = places->spec[i].reason;

		if (places->spec[i].id || seen[reason % ARRAY_SIZE(seen)])
			continue;
		seen[reason % ARRAY_SIZE(seen)] = true;
		reason_report(places, reason);
	}
}

int place_refuse(const struct places *places, size_t place, uint32_t kind, int err,
		 const char *name)
{
	struct shadowk_probe_spec spec = places->spec[place];
	struct shadowk_subject subject = { .size = sizeof(subject),
					   .shadow = name,
					   .probe_spec = &spec };

	spec.kind = kind;
	spec.addr = 0;
	snprintf(spec.symbol, sizeof(spec.symbol), "%s", places->name[place]);
	return refuse(SHADOWK_OP_PROBE_ADD, err, &subject);
}

/*
 * Reports why no place could be probed. A single place is tried again, for the message of the
 * library about it. Returns a status.
 */
static int none_armed(struct places *places, struct shadowk_shadow *shadow, const char *name)
{
	if (places->count == 1) {
		int err = shadowk_probe_add(shadow, places->spec);

		if (err)
			return place_refuse(places, 0, places->spec->kind, err, name);
		shadowk_probe_remove_many(shadow, &places->spec->id, 1);
	}
	report("none of the %zu functions can be probed", places->count);
	return STATUS_REFUSED;
}

static int id_compare(const void *a, const void *b, void *specs)
{
	const struct shadowk_probe_spec *spec = specs;
	uint64_t one = spec[*(const size_t *)a].id, other = spec[*(const size_t *)b].id;

	return one < other ? -1 : one > other;
}

/* Sets places->armed and places->by_id. Returns a status. */
static int places_index(struct places *places)
{
	if (!places->by_id)
		places->by_id = calloc(places->count + 1, sizeof(*places->by_id));
	if (!places->by_id) {
		report("out of memory");
		return STATUS_REFUSED;
	}
	places->armed = 0;
	for (size_t i = 0; i < places->count; i++)
		if (places->spec[i].id)
			places->by_id[places->armed++] = i;
	qsort_r(places->by_id, places->armed, sizeof(*places->by_id), id_compare, places->spec);
	return STATUS_DONE;
}

size_t places_find(const struct places *places, uint64_t id)
{
	size_t low = 0, high = places->armed;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (places->spec[places->by_id[middle]].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == places->armed || places->spec[places->by_id[low]].id != id)
		return places->count;
	return places->by_id[low];
}

static int name_compare(const void *a, const void *b, void *specs)
{
	const struct shadowk_probe_spec *spec = specs;

	return strcmp(spec[*(const size_t *)a].name, spec[*(const size_t *)b].name);
}

void places_sort_names(struct places *places)
{
	places->by_name = need_memory(calloc(places->armed + 1, sizeof(*places->by_name)));
	memcpy(places->by_name, places->by_id, places->armed * sizeof(*places->by_name));
	qsort_r(places->by_name, places->armed, sizeof(*places->by_name), name_compare,
		places->spec);
}

size_t places_find_name(const struct places *places, const char *name)
{
	size_t low = 0, high = places->armed;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(places->spec[places->by_name[middle]].name, name);

		if (!order)
			return places->by_name[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return places->count;
}

/* Removes the probes of the first @nr places. */
static void places_disarm(struct places *places, struct shadowk_shadow *shadow, size_t nr)
{
	uint64_t ids[PIECE];
	size_t count = 0;

	for (size_t i = 0; i < nr; i++) {
		if (places->spec[i].id)
			ids[count++] = places->spec[i].id;
		places->spec[i].id = 0;
		if (count < ARRAY_SIZE(ids) && i + 1 < nr)
			continue;
		if (count)
			shadowk_probe_remove_many(shadow, ids, count);
		count = 0;
	}
}

/* Adds the probes in pieces. Reports an error. Returns a status. */
static int places_add_all(struct places *places, struct shadowk_shadow *shadow, const char *name)
{
	struct progress progress = { .next = target_now() + 1, .all = places->count };
	size_t nr;

	for (size_t i = 0; i < places->count; i += nr) {
		size_t done = 0;
		int err;

		nr = places->count - i < PIECE ? places->count - i : PIECE;
		err = shadowk_probe_add_many(shadow, places->spec + i, sizeof(*places->spec), nr,
					     SHADOWK_PROBES_SKIP, &done);
		if (err) {
			size_t place = i + (done < nr ? done : 0);

			place_refuse(places, place, places->spec[place].kind, err, name);
			places_disarm(places, shadow, i);
			return STATUS_REFUSED;
		}
		progress_print(&progress, i + nr);
	}
	return STATUS_DONE;
}

uint32_t calls_parse(const struct cli *cli, const char *text)
{
	uint64_t calls = count_parse(cli, text);

	if (calls > CALLS_MAX)
		usage(cli, "--calls is at most %d", CALLS_MAX);
	return (uint32_t)calls;
}

int places_arm(struct places *places, struct shadowk_shadow *shadow, const char *name)
{
	int status = places_add_all(places, shadow, name);

	if (!status)
		status = places_index(places);
	if (status)
		return status;
	if (places->armed || places->count > 1)
		reasons_report(places);
	return places->armed ? STATUS_DONE : none_armed(places, shadow, name);
}

int place_use_int3(struct places *places, size_t place, struct shadowk_shadow *shadow)
{
	struct shadowk_probe_spec *spec = &places->spec[place];
	int err;

	if (spec->id)
		shadowk_probe_remove_many(shadow, &spec->id, 1);
	spec->id = 0;
	spec->flags |= SHADOWK_PROBE_FORCE_INT3;
	err = shadowk_probe_add(shadow, spec);
	if (err)
		place_refuse(places, place, spec->kind, err, NULL);
	return places_index(places) || err ? STATUS_REFUSED : STATUS_DONE;
}
