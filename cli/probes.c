// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "list.h"
#include "output.h"

/* Probes that probes_each() reads by one call. */
#define READ_STEP 256

int probes_read(struct probes *probes, struct shadowk_shadow *shadow, const char *name)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	int count = list_read(shadowk_probe_list, shadow, &probes->info);

	if (count < 0)
		return refuse(SHADOWK_OP_PROBE_LIST, count, &subject);
	probes->count = count;
	return STATUS_DONE;
}

int probes_each(struct shadowk_shadow *shadow, probe_handler *handler, void *context)
{
	struct shadowk_probe_info *infos = need_memory(calloc(READ_STEP, sizeof(*infos)));
	uint64_t cursor = 0;
	int nr;

	do {
		nr = shadowk_probe_list(shadow, &cursor, infos, sizeof(infos[0]), READ_STEP);
		for (int i = 0; i < nr; i++)
			handler(context, &infos[i]);
	} while (nr >= 0 && cursor);
	free(infos);
	return nr < 0 ? refuse(SHADOWK_OP_PROBE_LIST, nr, NULL) : STATUS_DONE;
}

static const struct shadowk_probe_info *probe_find(const struct probes *probes, uint64_t id)
{
	for (int i = 0; i < probes->count; i++)
		if (probes->info[i].id == id)
			return &probes->info[i];
	return NULL;
}

void probes_copy(struct probes *to, const struct probes *from)
{
	*to = (struct probes){ 0 };
	to->info = need_memory(calloc((size_t)from->count + 1, sizeof(*to->info)));
	if (from->count)
		memcpy(to->info, from->info, (size_t)from->count * sizeof(*to->info));
	to->count = from->count;
}

void probes_subtract(struct probes *probes, const struct probes *before)
{
	for (int i = 0; i < probes->count; i++) {
		struct shadowk_probe_info *info = &probes->info[i];
		const struct shadowk_probe_info *old = probe_find(before, info->id);

		if (!old)
			continue;
		info->hits -= old->hits;
		info->async_hits -= old->async_hits;
		info->missed -= old->missed;
		info->latency_sum -= old->latency_sum;
		info->created_ns = old->now_ns;
		for (size_t slot = 0; slot < SHADOWK_HISTOGRAM_LEN; slot++)
			info->histogram[slot] -= old->histogram[slot];
	}
}

void probes_free(struct probes *probes)
{
	free(probes->info);
}

static double probe_seconds(const struct shadowk_probe_info *info)
{
	return (double)(info->now_ns - info->created_ns) / 1e9;
}

static double probe_rate(const struct shadowk_probe_info *info)
{
	double seconds = probe_seconds(info);

	return seconds > 0 ? (double)info->hits / seconds : 0;
}

struct json_object *histogram_json(const uint64_t *slots)
{
	struct json_object *array = json_object_new_array();
	unsigned int end = SHADOWK_HISTOGRAM_LEN;

	while (end && !slots[end - 1])
		end--;
	for (unsigned int i = 0; i < end; i++) {
		struct json_object *slot = json_object_new_object();
		uint64_t hi = i < 63 ? 2ULL << i : UINT64_MAX;

		json_object_object_add(slot, "lo", json_object_new_uint64(i ? 1ULL << i : 0));
		json_object_object_add(slot, "hi", json_object_new_uint64(hi));
		json_object_object_add(slot, "count", json_object_new_uint64(slots[i]));
		json_object_array_add(array, slot);
	}
	return array;
}

/* Returns what stands before the symbol of @info, so that it is a place of 'probe add'. */
static const char *prefix_of(const struct shadowk_probe_info *info)
{
	return info->flags & SHADOWK_PROBE_TRACEPOINT ? "tracepoint:" : "";
}

static struct json_object *probe_json(const struct shadowk_probe_info *info)
{
	struct json_object *object = json_object_new_object();
	char symbol[SHADOWK_SYMBOL_LEN + 16];

	json_object_object_add(object, "id", json_object_new_uint64(info->id));
	json_object_object_add(object, "name", json_text(info->name));
	snprintf(symbol, sizeof(symbol), "%s%s", prefix_of(info), info->symbol);
	json_object_object_add(object, "symbol", json_text(symbol));
	json_object_object_add(object, "offset", json_object_new_uint64(info->offset));
	json_object_object_add(object, "address", address_json(info->addr));
	json_object_object_add(object, "kind", json_text(shadowk_kind_name(info->kind)));
	json_object_object_add(object, "return",
			       json_object_new_boolean(info->flags & SHADOWK_PROBE_RETURN));
	json_object_object_add(object, "below",
			       json_object_new_boolean(info->flags & SHADOWK_PROBE_BELOW));
	json_object_object_add(object, "arm", json_text(shadowk_arm_name(info->arm)));
	json_object_object_add(object, "hits", json_object_new_uint64(info->hits));
	json_object_object_add(object, "async_hits", json_object_new_uint64(info->async_hits));
	json_object_object_add(object, "missed", json_object_new_uint64(info->missed));
	json_object_object_add(object, "unreturned", json_object_new_uint64(info->unreturned));
	json_object_object_add(object, "seconds", json_object_new_double(probe_seconds(info)));
	json_object_object_add(object, "rate", json_object_new_double(probe_rate(info)));
	if (info->kind == SHADOWK_PROBE_LATENCY) {
		json_object_object_add(object, "latency_sum",
				       json_object_new_uint64(info->latency_sum));
		json_object_object_add(object, "histogram", histogram_json(info->histogram));
	}
	return object;
}

struct json_object *probes_json(const struct probes *probes)
{
	struct json_object *array = json_object_new_array();

	for (int i = 0; i < probes->count; i++)
		json_object_array_add(array, probe_json(&probes->info[i]));
	return array;
}

static const char *const headings[] = {
	"PROBE", "FUNCTION", "KIND", "ARM", "HITS", "ASYNC", "MISSED", "UNRETURNED", "RATE/S",
};

void probes_print_table(const struct probes *probes)
{
	struct table table __cleanup(table_free);

	table_init(&table, "llllrrrrr");
	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		table_add(&table, "%s", headings[i]);
	for (int i = 0; i < probes->count; i++) {
		const struct shadowk_probe_info *info = &probes->info[i];

		table_add(&table, "%s", info->name);
		if (info->offset)
			table_add(&table, "%s+0x%" PRIx64, info->symbol, info->offset);
		else
			table_add(&table, "%s%s", prefix_of(info), info->symbol);
		table_add(&table, "%s%s%s", shadowk_kind_name(info->kind),
			  info->flags & SHADOWK_PROBE_RETURN ? "/return" : "",
			  info->flags & SHADOWK_PROBE_BELOW ? "/below" : "");
		table_add(&table, "%s", shadowk_arm_name(info->arm));
		table_add(&table, "%" PRIu64, info->hits);
		table_add(&table, "%" PRIu64, info->async_hits);
		table_add(&table, "%" PRIu64, info->missed);
		table_add(&table, "%" PRIu64, info->unreturned);
		table_add(&table, "%.1f", probe_rate(info));
	}
	table_print(&table, stdout);
}

void probes_print_histograms(const struct probes *probes)
{
	for (int i = 0; i < probes->count; i++) {
		const struct shadowk_probe_info *info = &probes->info[i];
		uint64_t returns = 0;

		for (size_t slot = 0; slot < SHADOWK_HISTOGRAM_LEN; slot++)
			returns += info->histogram[slot];
		if (!returns)
			continue;
		printf("\n@%s: latency in ns, mean %" PRIu64 "\n", info->name,
		       info->latency_sum / returns);
		histogram_print(stdout, info->histogram);
	}
}

static const struct shadowk_probe_info *probe_named(const struct probes *probes, const char *name)
{
	for (int i = 0; i < probes->count; i++)
		if (!strcmp(probes->info[i].name, name))
			return &probes->info[i];
	return NULL;
}

/* Adds three cells: hits, rate and mean latency. A dash stands for a number that @info lacks. */
static void side_add(struct table *table, const struct shadowk_probe_info *info)
{
	if (info) {
		table_add(table, "%" PRIu64, info->hits);
		table_add(table, "%.1f", probe_rate(info));
	} else {
		table_add(table, "-");
		table_add(table, "-");
	}
	if (info && info->kind == SHADOWK_PROBE_LATENCY && info->hits)
		table_add(table, "%" PRIu64, info->latency_sum / info->hits);
	else
		table_add(table, "-");
}

static void row_add(struct table *table, const char *name, const struct shadowk_probe_info *a,
		    const struct shadowk_probe_info *b)
{
	table_add(table, "%s", name);
	side_add(table, a);
	side_add(table, b);
}

void probes_print_comparison(const struct probes_of *a, const struct probes_of *b)
{
	static const char *const of_side[] = { "HITS", "RATE/S", "MEAN NS" };
	struct table table __cleanup(table_free);

	/* The names belong to open shadows, so they have no control characters. */
	printf("A is %s, %u inside; B is %s, %u inside\n", a->shadow, a->processes, b->shadow,
	       b->processes);
	table_init(&table, "lrrrrrr");
	table_add(&table, "PROBE");
	for (size_t i = 0; i < 2 * ARRAY_SIZE(of_side); i++)
		table_add(&table, "%s %c", of_side[i % ARRAY_SIZE(of_side)],
			  i < ARRAY_SIZE(of_side) ? 'A' : 'B');
	for (int i = 0; i < a->probes->count; i++) {
		const struct shadowk_probe_info *info = &a->probes->info[i];

		row_add(&table, info->name, info, probe_named(b->probes, info->name));
	}
	for (int i = 0; i < b->probes->count; i++) {
		const struct shadowk_probe_info *info = &b->probes->info[i];

		if (!probe_named(a->probes, info->name))
			row_add(&table, info->name, NULL, info);
	}
	table_print(&table, stdout);
}
