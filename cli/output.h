/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_OUTPUT_H
#define SHADOWCTL_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

#include <shadowk.h>

/* json.c */
struct json_object *json_text(const char *text);
/* NULL for 0, an address that is hidden. */
struct json_object *address_json(uint64_t addr);
void json_print(struct json_object **object, bool on_one_line);
void json_free(struct json_object **object);

/* table.c: columns as wide as what they hold. */
struct table {
	const char *align; /* one character per column: 'l' or 'r' */
	size_t columns;
	size_t cells;
	char **cell;
};

void table_init(struct table *table, const char *align);
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_print(const struct table *table, FILE *file);
void table_free(struct table *table);

/* histogram.c: latencies in the look of bpftrace. */
void histogram_label(char *buf, size_t len, unsigned int slot);
void histogram_print(FILE *file, const uint64_t *slots);

/* shadows.c */
const char *async_text(const struct shadowk_shadow_info *info);
struct json_object *shadow_json(const struct shadowk_shadow_info *info);
void memory_print(char *buf, size_t len, uint64_t bytes);

/* probes.c: all probes of a shadow as they were at one time. */
struct probes {
	int count;
	struct shadowk_probe_info *info;
};

/* Returns a status. */
int probes_read(struct probes *probes, struct shadowk_shadow *shadow, const char *name);
void probes_copy(struct probes *to, const struct probes *from);
void probes_subtract(struct probes *probes, const struct probes *before);
void probes_free(struct probes *probes);
struct json_object *probes_json(const struct probes *probes);
void probes_print_table(const struct probes *probes);
/* Two shadows' probes of the same name, side by side. */
struct probes_of {
	const char *shadow;
	uint32_t processes;
	const struct probes *probes;
};

void probes_print_comparison(const struct probes_of *a, const struct probes_of *b);
void probes_print_histograms(const struct probes *probes);

/* patches.c; both return a status. */
int patches_json(struct shadowk_shadow *shadow, const char *name, struct json_object *array);
int patches_read(struct table *table, struct shadowk_shadow *shadow, const char *name);

#endif /* SHADOWCTL_OUTPUT_H */
