// SPDX-License-Identifier: GPL-2.0-only
/* Selects functions by patterns. */
#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "functions.h"

/* Names that a message lists at most. */
#define EXAMPLES 3

/* Names for a message, separated by commas. */
struct examples {
	size_t count; /* of all, also of those that @text does not have */
	char text[512];
};

/* A pattern of the command line, and what it has matched. */
struct pattern {
	const char *text;
	char *module; /* pattern of the module, or NULL for all */
	const char *name;
	bool is_plain;		  /* no wildcards in @name */
	size_t nr;		  /* functions */
	struct examples named;	  /* a plain name: functions of that name */
	struct examples variants; /* a plain name: its variants */
};

static void example_add(struct examples *examples, const struct function *function)
{
	size_t len = strlen(examples->text);

	if (examples->count++ < EXAMPLES)
		snprintf(examples->text + len, sizeof(examples->text) - len, "%s%s%s%s",
			 len ? ", " : "", function->module, function->module[0] ? ":" : "",
			 function->name);
	else if (examples->count == EXAMPLES + 1)
		snprintf(examples->text + len, sizeof(examples->text) - len, ", ...");
}

static bool is_plain(const char *text)
{
	return !strpbrk(text, "*?[\\");
}

static void pattern_init(struct pattern *pattern, const char *text)
{
	const char *colon = strchr(text, ':');

	*pattern = (struct pattern){ .text = text, .name = colon ? colon + 1 : text };
	pattern->is_plain = is_plain(pattern->name);
	if (!colon)
		return;
	pattern->module = need_memory(strndup(text, (size_t)(colon - text)));
}

static bool module_matches(const struct pattern *pattern, const struct function *function)
{
	const char *module = function->module[0] ? function->module : "vmlinux";

	return !pattern->module || !fnmatch(pattern->module, module, 0);
}

/* Returns true if the function is NAME.SUFFIX for the plain name. Fragments are not in the list. */
static bool is_variant(const struct pattern *pattern, const struct function *function)
{
	size_t len = strlen(pattern->name);

	return !strncmp(function->name, pattern->name, len) && function->name[len] == '.';
}

/*
 * Returns true if the pattern selects this name. @seen: a pattern has selected another name of this
 * address, so the function is not counted again.
 */
static bool pattern_matches(struct pattern *pattern, const struct function *function, bool variants)
{
	if (!pattern->is_plain)
		return module_matches(pattern, function) &&
		       !fnmatch(pattern->name, function->name, 0);
	if (!strcmp(pattern->name, function->name) && module_matches(pattern, function)) {
		example_add(&pattern->named, function);
		return true;
	}
	if (!is_variant(pattern, function) || !module_matches(pattern, function))
		return false;
	example_add(&pattern->variants, function);
	return variants;
}

/* Returns the number of names that belong to the same function as the first one. */
static size_t aliases_count(const struct functions *functions, size_t first)
{
	const struct function *function = &functions->function[first];
	size_t nr = 1;

	while (first + nr < functions->count && function[nr].addr == function->addr &&
	       (function->addr || (!strcmp(function[nr].module, function->module) &&
				   !strcmp(function[nr].name, function->name))))
		nr++;
	return nr;
}

/* Makes room for one more place. Exits if there is no memory. */
static void places_grow(struct places *places)
{
	size_t room = places->count;

	/* The room is a power of 2 from 64 on, so it is used up where the count is one. */
	if (room && (room < 64 || room & (room - 1)))
		return;
	room = room ? 2 * room : 64;
	places->spec = reallocarray(places->spec, room, sizeof(*places->spec));
	places->name = reallocarray(places->name, room, sizeof(*places->name));
	places->pattern = reallocarray(places->pattern, room, sizeof(*places->pattern));
	if (!places->spec || !places->name || !places->pattern) {
		report("out of memory");
		exit(STATUS_REFUSED);
	}
}

/* Adds a place that is called @name, which it takes over. NULL: there was no memory. */
static void places_add(struct places *places, uint64_t addr, char *name, size_t pattern)
{
	struct shadowk_probe_spec *spec;

	if (!name) {
		report("out of memory");
		exit(STATUS_REFUSED);
	}
	places_grow(places);
	spec = &places->spec[places->count];
	*spec = (struct shadowk_probe_spec){ .size = sizeof(*spec), .kind = SHADOWK_PROBE_COUNT };
	spec->addr = addr;
	if (!addr)
		snprintf(spec->symbol, sizeof(spec->symbol), "%s", name);
	places->pattern[places->count] = pattern;
	places->name[places->count++] = name;
}

/* Returns "MODULE:FUNCTION", or "FUNCTION" of the kernel, or NULL if there is no memory. */
static char *place_name(const struct function *function)
{
	char *name = NULL;

	if (asprintf(&name, "%s%s%s", function->module, function->module[0] ? ":" : "",
		     function->name) < 0)
		return NULL;
	return name;
}

/*
 * Adds the function that has @nr names, if a pattern selects one of them. It is shown by the name
 * that the user has given, or else by the first one that matches.
 */
static void names_select(struct places *places, const struct function *names, size_t nr,
			 struct pattern *patterns, size_t nr_patterns, bool variants)
{
	const struct function *chosen = NULL;
	bool is_given = false;
	size_t last = 0;

	for (size_t p = 0; p < nr_patterns; p++) {
		bool matched = false;

		for (size_t i = 0; i < nr; i++) {
			if (!pattern_matches(&patterns[p], &names[i], variants))
				continue;
			matched = true;
			if (!chosen || (patterns[p].is_plain && !is_given))
				chosen = &names[i];
			is_given |= patterns[p].is_plain;
		}
		patterns[p].nr += matched;
		last = matched ? p : last;
	}
	if (chosen)
		places_add(places, chosen->addr, place_name(chosen), last);
}

static bool has_module(const struct functions *functions, const struct pattern *pattern)
{
	for (size_t i = 0; i < functions->count; i++)
		if (module_matches(pattern, &functions->function[i]))
			return true;
	return false;
}

/* Reports a pattern that has matched nothing. */
static void none_report(const struct pattern *pattern, const struct functions *functions)
{
	if (!pattern->name[0])
		report("'%s' has no name of a function; give PATTERN or MODULE:PATTERN",
		       pattern->text);
	else if (pattern->variants.count)
		report("there is no function '%s', but the compiler has made %s of it; give that name, "
		       "or add --variants",
		       pattern->text, pattern->variants.text);
	else if (strchr(pattern->text, '+') || isdigit((unsigned char)pattern->text[0]))
		report("'%s' is not a function; 'shadowctl probe add SHADOW PLACE' probes one "
		       "instruction",
		       pattern->text);
	else if (pattern->module && !has_module(functions, pattern))
		report("no module '%s' with functions is loaded; load it first, or correct '%s'",
		       pattern->module, pattern->text);
	else if (pattern->is_plain)
		report("/proc/kallsyms has no function '%s' that can be probed; if the compiler has "
		       "inlined it, probe its callers",
		       pattern->text);
	else
		report("no function of /proc/kallsyms matches '%s'", pattern->text);
}

static void notes_print(const struct pattern *pattern, bool variants)
{
	if (pattern->named.count > 1)
		report("note: %zu functions have the name '%s', and all are probed: %s",
		       pattern->named.count, pattern->text, pattern->named.text);
	if (pattern->variants.count && !variants)
		report("note: the compiler has made %s of '%s', which some callers call instead; add "
		       "--variants to probe that, too",
		       pattern->variants.text, pattern->text);
}

/* Prints the notes, or reports all patterns that have matched nothing. Returns a status. */
static int patterns_report(const struct pattern *patterns, size_t nr,
			   const struct functions *functions, bool variants)
{
	int status = STATUS_DONE;

	for (size_t p = 0; p < nr; p++) {
		if (patterns[p].nr)
			continue;
		none_report(&patterns[p], functions);
		status = STATUS_REFUSED;
	}
	for (size_t p = 0; !status && p < nr; p++)
		notes_print(&patterns[p], variants);
	return status;
}

int places_select(struct places *places, const struct functions *functions, char **patterns,
		  size_t nr, bool variants)
{
	struct pattern *all = calloc(nr, sizeof(*all));
	int status;

	if (!all) {
		report("out of memory");
		return STATUS_REFUSED;
	}
	for (size_t p = 0; p < nr; p++)
		pattern_init(&all[p], patterns[p]);
	for (size_t i = 0, names; i < functions->count; i += names) {
		names = aliases_count(functions, i);
		names_select(places, &functions->function[i], names, all, nr, variants);
	}
	status = patterns_report(all, nr, functions, variants);
	for (size_t p = 0; p < nr; p++)
		free(all[p].module);
	free(all);
	return status;
}

int places_read(struct places *places, char **patterns, size_t nr, bool variants)
{
	struct functions functions __cleanup(functions_free) = { 0 };
	int status = functions_read(&functions);

	return status ? status : places_select(places, &functions, patterns, nr, variants);
}

void places_copy_armed(struct places *to, const struct places *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (from->spec[i].id)
			places_add(to, from->spec[i].addr, strdup(from->name[i]), from->pattern[i]);
}

void places_split(struct places *places, struct places *to, size_t pattern)
{
	size_t count = 0;

	for (size_t i = 0; i < places->count; i++) {
		if (places->pattern[i] >= pattern) {
			places_add(to, places->spec[i].addr, places->name[i], places->pattern[i]);
			continue;
		}
		places->spec[count] = places->spec[i];
		places->name[count] = places->name[i];
		places->pattern[count++] = places->pattern[i];
	}
	places->count = count;
}

void places_keep(struct places *places, const bool *keep)
{
	size_t count = 0;

	for (size_t i = 0; i < places->count; i++) {
		if (!keep[i]) {
			free(places->name[i]);
			continue;
		}
		places->spec[count] = places->spec[i];
		places->name[count] = places->name[i];
		places->pattern[count++] = places->pattern[i];
	}
	places->count = count;
}

void places_free(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		free(places->name[i]);
	free(places->name);
	free(places->spec);
	free(places->pattern);
	free(places->by_id);
	free(places->by_name);
}
