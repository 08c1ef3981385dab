// SPDX-License-Identifier: GPL-2.0-only
/*
 * The support bundle: one JSON file with everything that a report of a fault needs. By default it
 * has no address of the kernel, since with KASLR an address tells an attacker where the text is.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli.h"
#include "list.h"
#include "output.h"

/* 'shadowctl top' has a probe at each function. So many of them tell nothing more. */
#define PROBES_MAX 1000

/* Names of the symbols that the module looks up in the kernel, from its source; see Makefile. */
static const char *const symbols[] = {
#include "kernel_symbols.h"
};

/* ---- addresses ------------------------------------------------------------ */

/* Returns the length of the address of the kernel at @c, or 0 if there is none. */
static size_t address_length(const char *c)
{
	size_t prefix = strncasecmp(c, "0x", 2) ? 0 : 2;
	size_t digits = strspn(c + prefix, "0123456789abcdefABCDEF");

	/* The kernel's half of the address space, with four and five levels of page tables. */
	return digits >= 16 && !strncasecmp(c + prefix, "ff", 2) ? prefix + digits : 0;
}

/* Returns a copy of @text in which no address is left, for free(). */
static char *addresses_hide(const char *text)
{
	char *copy = NULL;
	size_t len, size = 0;
	FILE *file = need_memory(open_memstream(&copy, &size));

	for (const char *c = text; *c; c += len) {
		len = c == text || !isxdigit((unsigned char)c[-1]) ? address_length(c) : 0;
		if (len) {
			fputs("(address)", file);
		} else {
			fputc(*c, file);
			len = 1;
		}
	}
	if (fclose(file))
		need_memory(NULL);
	return copy;
}

/* Removes all addresses from a value and its members. */
static void json_hide(struct json_object *value)
{
	if (json_object_is_type(value, json_type_string)) {
		char *text __cleanup(text_free) = addresses_hide(json_object_get_string(value));

		json_object_set_string(value, text);
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			json_hide(json_object_array_get_idx(value, i));
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_del(value, "address");
		/* An instruction of a raw edit may contain an address. */
		json_object_object_del(value, "bytes");
		json_object_object_foreach(value, name, member)
		{
			(void)name;
			json_hide(member);
		}
	}
}

/* ---- the parts -------------------------------------------------------------- */

static void kernel_add(struct json_object *bundle)
{
	struct json_object *kernel = json_object_new_object();
	struct utsname name;

	uname(&name);
	json_object_object_add(kernel, "release", json_text(name.release));
	json_object_object_add(kernel, "version", json_text(name.version));
	json_object_object_add(kernel, "machine", json_text(name.machine));
	json_object_object_add(bundle, "kernel", kernel);
}

/* Adds the first CPU's model, family, stepping, flags and bugs. */
static void cpu_add(struct json_object *bundle)
{
	static const char *const wanted[] = { "vendor_id", "cpu family", "model", "model name",
					      "stepping",  "microcode",	 "flags", "bugs" };
	FILE *file __cleanup(file_close) = fopen("/proc/cpuinfo", "re");
	struct json_object *cpu = json_object_new_object();
	char *line __cleanup(text_free) = NULL;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 1) {
		char *colon = strchr(line, ':');
		size_t len = strcspn(line, "\t:");

		if (!colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		line[len] = '\0';
		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
			if (!strcmp(line, wanted[i]))
				/* The list of flags is longer than json_text() accepts. */
				json_object_object_add(
					cpu, line,
					json_object_new_string(colon + 1 + strspn(colon + 1, " ")));
	}
	json_object_object_add(bundle, "cpu", cpu);
}

static int symbol_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Adds how many symbols of each name the kernel has, and their addresses, which may be hidden. */
static void symbols_add(struct json_object *bundle)
{
	FILE *file __cleanup(file_close) = fopen("/proc/kallsyms", "re");
	struct json_object *found[ARRAY_SIZE(symbols)], *all = json_object_new_object();
	struct json_object *missing = json_object_new_array();
	char line[1024], address[32], name[512];

	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++)
		found[i] = json_object_new_array();
	while (file && fgets(line, sizeof(line), file)) {
		const char *key = name, *const * symbol;

		/* Symbols of modules have a fourth word. The module looks for none of them. */
		if (strchr(line, '[') || sscanf(line, "%31s %*c %511s", address, name) != 2)
			continue;
		symbol =
			bsearch(&key, symbols, ARRAY_SIZE(symbols), sizeof(*symbols), symbol_order);
		if (symbol)
			json_object_array_add(found[symbol - symbols], json_text(address));
	}
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		if (json_object_array_length(found[i])) {
			json_object_object_add(all, symbols[i], found[i]);
			continue;
		}
		json_object_array_add(missing, json_text(symbols[i]));
		json_object_put(found[i]);
	}
	json_object_object_add(bundle, "symbols_found", all);
	json_object_object_add(bundle, "symbols_missing", missing);
}

/* Adds all lines of the kernel's log that name the module. */
static void log_add(struct json_object *bundle)
{
	char *log __cleanup(text_free) = kernel_log_read();
	struct json_object *lines = json_object_new_array();
	char *at = log, *line;

	while ((line = strsep(&at, "\n")))
		if (strstr(line, "shadowk"))
			json_object_array_add(lines, json_text(line));
	json_object_object_add(bundle, "log", lines);
}

static void module_add(struct json_object *bundle, struct shadowk *dev)
{
	struct shadowk_info info = { .size = sizeof(info) };
	struct json_object *object = json_object_new_object();
	int err = shadowk_info(dev, &info);
	char features[24];

	if (err) {
		refuse(SHADOWK_OP_INFO, err, NULL);
		return;
	}
	snprintf(features, sizeof(features), "0x%llx", (unsigned long long)info.features);
	json_object_object_add(object, "version", json_text(info.version));
	json_object_object_add(object, "mmu", json_text(info.mmu));
	json_object_object_add(object, "features", json_text(features));
	number_add(object, "nr_shadows", info.nr_shadows);
	number_add(object, "nr_processes", info.nr_grafts);
	number_add(object, "memory", info.memory);
	json_object_object_add(bundle, "shadowk", object);
}

static int edits_add(struct json_object *object, struct shadowk_shadow *shadow, const char *name)
{
	struct probes probes __cleanup(probes_free) = { 0 };
	struct json_object *patches = json_object_new_array(), *raws = json_object_new_array();
	int status = probes_read(&probes, shadow, name);

	if (probes.count > PROBES_MAX) {
		number_add(object, "probes_left_out", (uint64_t)(probes.count - PROBES_MAX));
		probes.count = PROBES_MAX;
	}
	json_object_object_add(object, "probes", probes_json(&probes));
	json_object_object_add(object, "patches", patches);
	json_object_object_add(object, "raw_edits", raws);
	if (!status)
		status = patches_json(shadow, name, patches);
	return status ? status : raws_json(shadow, name, raws);
}

static int shadows_add(struct json_object *bundle, struct shadowk *dev)
{
	struct shadowk_shadow_info *infos __cleanup(list_free) = NULL;
	struct json_object *array = json_object_new_array();
	int count = list_read(shadowk_shadow_list, dev, &infos), status = STATUS_DONE;

	json_object_object_add(bundle, "shadows", array);
	if (count < 0)
		return refuse(SHADOWK_OP_SHADOW_LIST, count, NULL);
	for (int i = 0; i < count; i++) {
		struct json_object *object = shadow_json(&infos[i]);
		struct shadowk_shadow *shadow;

		json_object_array_add(array, object);
		/* A shadow may have ended meanwhile. */
		if (shadowk_shadow_open_id(dev, infos[i].id, &shadow))
			continue;
		status |= edits_add(object, shadow, infos[i].name);
		shadowk_shadow_close(shadow);
	}
	return status;
}

int bundle_write(const char *path, bool addresses, struct json_object *about, struct shadowk *dev,
		 int err)
{
	struct json_object *bundle __cleanup(json_free) = json_object_new_object();
	int status = STATUS_DONE, written;
	const char *text;
	char line[512];
	size_t len;

	json_object_object_add(bundle, "shadowctl", json_text(SHADOWK_VERSION));
	json_object_object_add(bundle, "libshadowk", json_text(shadowk_version()));
	kernel_add(bundle);
	cpu_add(bundle);
	json_object_object_add(bundle, "doctor", json_object_get(about));
	if (dev) {
		module_add(bundle, dev);
		status = shadows_add(bundle, dev);
	} else {
		shadowk_explain(line, sizeof(line), SHADOWK_OP_OPEN, err, NULL);
		json_object_object_add(bundle, "error", json_text(line));
	}
	symbols_add(bundle);
	log_add(bundle);
	if (!addresses)
		json_hide(bundle);
	text = json_object_to_json_string_length(
		bundle, JSON_C_TO_STRING_NOSLASHESCAPE | JSON_C_TO_STRING_PRETTY, &len);
	written = file_replace(path, text, len, 0600);
	return status ? status : written;
}
