// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metrics in the text formats of OpenMetrics and Prometheus. All samples of a family follow its
 * TYPE line. Families have the order of a table, and their samples that of the ids of shadows and
 * probes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "list.h"
#include "metrics.h"

/*
 * Slots of the kernel's histograms whose upper bounds are buckets: from 63 ns to 68.7 s. All probes
 * have these buckets at all times, since rates of buckets that appear later are wrong.
 */
#define FIRST_SLOT 5
#define LAST_SLOT  35

/* A shadow that ends between the list and this call has no probes. */
static bool has_ended(int err)
{
	return err == -ENOENT || err == -ESTALE;
}

static int shadow_read(struct metrics_shadow *shadow, struct shadowk *dev)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = shadow->info.name };
	struct shadowk_shadow *handle;
	int err, status;

	/* Shadows of commands such as 'shadowctl top' have no name, and thousands of probes. */
	if (!shadow->info.name[0])
		return STATUS_DONE;
	err = shadowk_shadow_open_id(dev, shadow->info.id, &handle);
	if (err)
		return has_ended(err) ? STATUS_DONE : refuse(SHADOWK_OP_SHADOW_OPEN, err, &subject);
	status = probes_read(&shadow->probes, handle, shadow->info.name);
	shadowk_shadow_close(handle);
	return status;
}

static int shadow_order(const void *a, const void *b)
{
	const struct metrics_shadow *left = a, *right = b;

	return (left->info.id > right->info.id) - (left->info.id < right->info.id);
}

static int probe_order(const void *a, const void *b)
{
	const struct shadowk_probe_info *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

static void sort(void *elements, size_t count, size_t size,
		 int (*order)(const void *, const void *))
{
	if (count)
		qsort(elements, count, size, order);
}

int metrics_read(struct metrics *metrics, struct shadowk *dev)
{
	struct shadowk_shadow_info *infos __cleanup(list_free) = NULL;
	int err, count, status = STATUS_DONE;

	metrics->info.size = sizeof(metrics->info);
	err = shadowk_info(dev, &metrics->info);
	if (err)
		return refuse(SHADOWK_OP_INFO, err, NULL);
	count = list_read(shadowk_shadow_list, dev, &infos);
	if (count < 0)
		return refuse(SHADOWK_OP_SHADOW_LIST, count, NULL);
	metrics->loaded = true;
	metrics->shadow = need_memory(calloc((size_t)count + 1, sizeof(*metrics->shadow)));
	for (int i = 0; !status && i < count; i++) {
		struct metrics_shadow *shadow = &metrics->shadow[metrics->count++];

		shadow->info = infos[i];
		status = shadow_read(shadow, dev);
		sort(shadow->probes.info, (size_t)shadow->probes.count,
		     sizeof(*shadow->probes.info), probe_order);
	}
	sort(metrics->shadow, metrics->count, sizeof(*metrics->shadow), shadow_order);
	return status;
}

void metrics_free(struct metrics *metrics)
{
	for (size_t i = 0; i < metrics->count; i++)
		probes_free(&metrics->shadow[i].probes);
	free(metrics->shadow);
}

/* The output of the functions below, and the family that they print. */
struct printer {
	FILE *file;
	enum metrics_format format;
	const char *name;
	const char *suffix;
};

/* Prints a label. The formats have three escapes, and all text is UTF-8. */
static void label_print(FILE *file, const char *before, const char *name, const char *value)
{
	struct json_object *clean __cleanup(json_free) = json_text(value);

	fprintf(file, "%s%s=\"", before, name);
	for (const char *c = json_object_get_string(clean); *c; c++) {
		if (*c == '\n')
			fputs("\\n", file);
		else if (*c == '\\' || *c == '"')
			fprintf(file, "\\%c", *c);
		else
			fputc(*c, file);
	}
	fputc('"', file);
}

static void shadow_labels_print(FILE *file, const struct shadowk_shadow_info *info)
{
	char id[24];

	snprintf(id, sizeof(id), "%" PRIu64, info->id);
	label_print(file, "{", "shadow", info->name);
	label_print(file, ",", "id", id);
}

static void probe_labels_print(FILE *file, const struct shadowk_shadow_info *shadow,
			       const struct shadowk_probe_info *probe)
{
	char function[SHADOWK_SYMBOL_LEN + 24];

	if (probe->offset)
		snprintf(function, sizeof(function), "%s+0x%" PRIx64, probe->symbol, probe->offset);
	else
		snprintf(function, sizeof(function), "%s%s",
			 probe->flags & SHADOWK_PROBE_TRACEPOINT ? "tracepoint:" : "",
			 probe->symbol);
	shadow_labels_print(file, shadow);
	label_print(file, ",", "probe", probe->name);
	label_print(file, ",", "function", function);
}

/* Prints a number of nanoseconds in seconds, exactly. */
static void seconds_print(FILE *file, uint64_t ns)
{
	fprintf(file, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
}

static void number_print(const struct printer *printer, uint64_t number)
{
	fprintf(printer->file, "} %" PRIu64 "\n", number);
}

/* Prints the shortest number that is this one when it is read as a double, as Go does. */
static void bound_print(FILE *file, uint64_t ns)
{
	double bound = (double)ns / 1e9;
	char text[32];
	int digits = 1;

	do
		snprintf(text, sizeof(text), "%.*g", digits, bound);
	while (strtod(text, NULL) != bound && digits++ < 17);
	fputs(text, file);
}

static void histogram_samples_print(const struct printer *printer,
				    const struct shadowk_shadow_info *shadow,
				    const struct shadowk_probe_info *probe)
{
	FILE *file = printer->file;
	uint64_t sum = 0;

	for (unsigned int slot = 0; slot <= LAST_SLOT; slot++) {
		sum += probe->histogram[slot];
		if (slot < FIRST_SLOT)
			continue;
		fprintf(file, "%s_bucket", printer->name);
		probe_labels_print(file, shadow, probe);
		fputs(",le=\"", file);
		/* A bucket includes its bound, a slot does not. Latencies are whole nanoseconds. */
		bound_print(file, (2ULL << slot) - 1);
		fputc('"', file);
		number_print(printer, sum);
	}
	sum = histogram_count(probe->histogram);
	fprintf(file, "%s_bucket", printer->name);
	probe_labels_print(file, shadow, probe);
	fputs(",le=\"+Inf\"", file);
	number_print(printer, sum);
	fprintf(file, "%s_sum", printer->name);
	probe_labels_print(file, shadow, probe);
	fputs("} ", file);
	seconds_print(file, probe->latency_sum);
	fprintf(file, "\n%s_count", printer->name);
	probe_labels_print(file, shadow, probe);
	number_print(printer, sum);
}

/*
 * A family of metrics. One of the functions is set: a number of the module, of each shadow, or of
 * each probe of a shadow with a name. A histogram has none.
 */
struct family {
	const char *name; /* without the suffix of its samples */
	const char *type;
	const char *unit; /* or NULL */
	const char *help;
	uint64_t (*of_module)(const struct metrics *metrics);
	uint64_t (*of_shadow)(const struct shadowk_shadow_info *info);
	uint64_t (*of_probe)(const struct shadowk_probe_info *info);
};

static uint64_t module_shadows(const struct metrics *metrics)
{
	return metrics->info.nr_shadows;
}

static uint64_t module_processes(const struct metrics *metrics)
{
	return metrics->info.nr_grafts;
}

static uint64_t module_memory(const struct metrics *metrics)
{
	return metrics->info.memory;
}

static uint64_t shadow_processes(const struct shadowk_shadow_info *info)
{
	return info->nr_grafts;
}

static uint64_t shadow_memory(const struct shadowk_shadow_info *info)
{
	return info->memory;
}

static uint64_t shadow_private_pages(const struct shadowk_shadow_info *info)
{
	return info->private_pages;
}

static uint64_t shadow_probes(const struct shadowk_shadow_info *info)
{
	return info->nr_probes;
}

static uint64_t shadow_handles(const struct shadowk_shadow_info *info)
{
	return info->nr_handles;
}

static uint64_t probe_hits(const struct shadowk_probe_info *info)
{
	return info->hits;
}

static uint64_t probe_async_hits(const struct shadowk_probe_info *info)
{
	return info->async_hits;
}

static uint64_t probe_missed(const struct shadowk_probe_info *info)
{
	return info->missed;
}

static uint64_t probe_unreturned(const struct shadowk_probe_info *info)
{
	return info->unreturned;
}

static const struct family families[] = {
	{ "shadowk_shadows", "gauge", NULL, "Shadows, including those without a name.",
	  .of_module = module_shadows },
	{ "shadowk_processes", "gauge", NULL, "Address spaces that are inside any shadow.",
	  .of_module = module_processes },
	{ "shadowk_memory_bytes", "gauge", "bytes",
	  "Memory of all shadows: page tables and private pages of text.",
	  .of_module = module_memory },
	{ "shadowk_shadow_processes", "gauge", NULL, "Address spaces that are inside the shadow.",
	  .of_shadow = shadow_processes },
	{ "shadowk_shadow_memory_bytes", "gauge", "bytes",
	  "Memory of the shadow: page tables and private pages of text.",
	  .of_shadow = shadow_memory },
	{ "shadowk_shadow_private_pages", "gauge", NULL, "Private pages of text of the shadow.",
	  .of_shadow = shadow_private_pages },
	{ "shadowk_shadow_probes", "gauge", NULL, "Probes of the shadow.",
	  .of_shadow = shadow_probes },
	{ "shadowk_shadow_handles", "gauge", NULL, "Derived handles of the shadow.",
	  .of_shadow = shadow_handles },
	{ "shadowk_probe_hits", "counter", NULL, "Executions of the probe in process context.",
	  .of_probe = probe_hits },
	{ "shadowk_probe_async_hits", "counter", NULL,
	  "Executions of the probe in interrupts, softirqs, NMIs and work items.",
	  .of_probe = probe_async_hits },
	{ "shadowk_probe_missed", "counter", NULL,
	  "Calls that were not measured, since too many were in progress.",
	  .of_probe = probe_missed },
	{ "shadowk_probe_unreturned", "gauge", NULL,
	  "Calls that were entered and have not returned.", .of_probe = probe_unreturned },
	{ "shadowk_probe_latency_seconds", "histogram", "seconds",
	  "Latencies of the calls that a probe of the kind latency has measured.",
	  .of_probe = NULL },
};

/* Prints the lines before the samples of a family, and selects it. */
static void family_begin(struct printer *printer, const char *name, const char *type,
			 const char *unit, const char *help)
{
	bool counts = !strcmp(type, "counter"), informs = !strcmp(type, "info");
	/* In OpenMetrics, a family's name lacks the suffix of its samples. */
	bool whole = printer->format == METRICS_PROMETHEUS;

	printer->name = name;
	printer->suffix = counts ? "_total" : informs ? "_info" : "";
	fprintf(printer->file, "# HELP %s%s %s\n", name, whole ? printer->suffix : "", help);
	fprintf(printer->file, "# TYPE %s%s %s\n", name, whole ? printer->suffix : "",
		whole && informs ? "gauge" : type);
	if (unit && !whole)
		fprintf(printer->file, "# UNIT %s %s\n", name, unit);
}

static void probe_samples_print(const struct printer *printer, const struct family *family,
				const struct metrics_shadow *shadow)
{
	for (int i = 0; i < shadow->probes.count; i++) {
		const struct shadowk_probe_info *probe = &shadow->probes.info[i];

		if (family->of_probe) {
			fprintf(printer->file, "%s%s", printer->name, printer->suffix);
			probe_labels_print(printer->file, &shadow->info, probe);
			number_print(printer, family->of_probe(probe));
		} else if (probe->kind == SHADOWK_PROBE_LATENCY) {
			histogram_samples_print(printer, &shadow->info, probe);
		}
	}
}

static void family_print(struct printer *printer, const struct family *family,
			 const struct metrics *metrics)
{
	family_begin(printer, family->name, family->type, family->unit, family->help);
	if (family->of_module)
		fprintf(printer->file, "%s %" PRIu64 "\n", family->name,
			family->of_module(metrics));
	for (size_t i = 0; !family->of_module && i < metrics->count; i++) {
		const struct metrics_shadow *shadow = &metrics->shadow[i];

		if (!family->of_shadow) {
			probe_samples_print(printer, family, shadow);
			continue;
		}
		fprintf(printer->file, "%s%s", printer->name, printer->suffix);
		shadow_labels_print(printer->file, &shadow->info);
		number_print(printer, family->of_shadow(&shadow->info));
	}
}

void metrics_print(const struct metrics *metrics, FILE *file, enum metrics_format format)
{
	struct printer printer = { .file = file, .format = format };

	family_begin(&printer, "shadowk_module_loaded", "gauge", NULL,
		     "1 if the module shadowk is loaded, else 0.");
	fprintf(file, "shadowk_module_loaded %d\n", metrics->loaded);
	if (metrics->loaded) {
		family_begin(&printer, "shadowk_module", "info", NULL,
			     "Version of the module, and how it changes page tables.");
		fprintf(file, "shadowk_module_info");
		label_print(file, "{", "version", metrics->info.version);
		label_print(file, ",", "mmu", metrics->info.mmu);
		number_print(&printer, 1);
		for (size_t i = 0; i < ARRAY_SIZE(families); i++)
			family_print(&printer, &families[i], metrics);
	}
	if (format == METRICS_OPENMETRICS)
		fputs("# EOF\n", file);
}
