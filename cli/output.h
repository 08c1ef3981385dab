/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_OUTPUT_H
#define SHADOWCTL_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

#include <shadowk.h>

/* json.c */

/*
 * Returns @text as a JSON string, cut off at about 1000 bytes. Bytes that are not UTF-8, which
 * names of processes may have, become '?'.
 */
struct json_object *json_text(const char *text);
/* Returns the address as a string in hexadecimal, or NULL for 0, a hidden address. */
struct json_object *address_json(uint64_t addr);
/* Adds the member @name with the value @number to @object. */
void number_add(struct json_object *object, const char *name, uint64_t number);
/* Prints *@object to standard output, and flushes that. */
void json_print(struct json_object **object, bool on_one_line);
/* Drops the reference to *@object. For __cleanup(). */
void json_free(struct json_object **object);

/* table.c: a table of text. Each column is as wide as its widest cell. */
struct table {
	const char *align; /* a character for each column: 'l' for left, 'r' for right */
	size_t columns;
	size_t cells;
	char **cell; /* in the order of lines */
};

/* Makes the table empty. */
void table_init(struct table *table, const char *align);
/* Appends a cell. Control characters become '?'. Exits if there is no memory. */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_print(const struct table *table, FILE *file);
void table_free(struct table *table);

/* histogram.c */

/* Writes the bounds of a slot, such as "[1K, 2K)". */
void histogram_label(char *buf, size_t len, unsigned int slot);
/* Prints SHADOWK_HISTOGRAM_LEN slots, from the first to the last that is not 0. */
void histogram_print(FILE *file, const uint64_t *slots);
struct json_object *histogram_json(const uint64_t *slots);

/* latency.c */

/* Room for histogram_bound_text(). */
#define BOUND_TEXT_LEN 24

/* Returns the number of calls in SHADOWK_HISTOGRAM_LEN slots. */
uint64_t histogram_count(const uint64_t *slots);
/*
 * Returns the upper bound of the slot in which @percent of all calls, from the shortest on, are
 * complete. So all of these calls took less.
 */
uint64_t histogram_bound(const uint64_t *slots, unsigned int percent);
/* Writes that bound, such as "< 4096", or "-" if there are no calls. Returns @buf. */
const char *histogram_bound_text(char *buf, size_t len, const uint64_t *slots,
				 unsigned int percent);
/* Returns the mean of all measured calls in ns, or 0 if there are none. */
uint64_t latency_mean(const struct shadowk_probe_info *info);
/* Adds the numbers of a probe of the kind SHADOWK_PROBE_LATENCY. */
void latency_json(struct json_object *object, const struct shadowk_probe_info *info);

/* shadows.c */

/* Returns the name of the policy of a shadow, or of SHADOWK_ASYNC_* flags. */
const char *async_name(uint32_t flags);
const char *async_text(const struct shadowk_shadow_info *info);
struct json_object *shadow_json(const struct shadowk_shadow_info *info);
/* Writes a size in KB or MB. */
void memory_print(char *buf, size_t len, uint64_t bytes);

/* probes.c: all probes of a shadow, with their numbers at one time */
struct probes {
	int count;
	struct shadowk_probe_info *info;
};

/*
 * Reads the probes of a shadow. @name is its name, for messages. Reports an error. Returns a
 * status. The caller frees @probes in any case.
 */
int probes_read(struct probes *probes, struct shadowk_shadow *shadow, const char *name);
typedef void probe_handler(void *context, const struct shadowk_probe_info *info);
/*
 * Calls @handler for each probe of a shadow, without memory for all of them. Reports an error.
 * Returns a status.
 */
int probes_each(struct shadowk_shadow *shadow, probe_handler *handler, void *context);
/* Copies @from. Exits if there is no memory. */
void probes_copy(struct probes *to, const struct probes *from);
/*
 * Subtracts the numbers of @before from those of @probes, except for unreturned calls. A probe that
 * @before does not have is not changed.
 */
void probes_subtract(struct probes *probes, const struct probes *before);
void probes_free(struct probes *probes);
struct json_object *probes_json(const struct probes *probes);
void probes_print_table(const struct probes *probes);

/* One of two shadows to compare. */
struct probes_of {
	const char *shadow; /* its name */
	uint32_t processes;
	const struct probes *probes;
};

/* Prints the probes of two shadows. Probes of the same name share a line. */
void probes_print_comparison(const struct probes_of *a, const struct probes_of *b);
void probes_print_histograms(const struct probes *probes);

/* patches.c */

/* Returns true if the bodies of the patch are in a module. */
bool patch_has_module(const struct shadowk_patch_info *info);
/* Writes what a patch does to its function, such as "return -30, in place". */
void patch_action_print(char *buf, size_t len, const struct shadowk_patch_info *info);

/* Both report errors, for which @name is the name of the shadow, and return a status. */

/* Appends the patches to @array. */
int patches_json(struct shadowk_shadow *shadow, const char *name, struct json_object *array);
/* Makes @table the table of the patches. Frees nothing that it had before. */
int patches_read(struct table *table, struct shadowk_shadow *shadow, const char *name);

/* cmd_raw.c: appends the raw edits to @array, as patches_json() does. */
int raws_json(struct shadowk_shadow *shadow, const char *name, struct json_object *array);

/*
 * bundle.c: writes the support bundle of 'shadowctl doctor --bundle' to @path. @about has the
 * members of 'shadowctl doctor --json'. @dev is the open device, or NULL after the error @err.
 * Without @addresses, the file has no address of the kernel. Reports errors. Returns a status.
 */
int bundle_write(const char *path, bool addresses, struct json_object *about, struct shadowk *dev,
		 int err);

#endif /* SHADOWCTL_OUTPUT_H */
