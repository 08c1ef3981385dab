/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_FUNCTIONS_H
#define SHADOWCTL_FUNCTIONS_H

/*
 * functions.c: the functions of the kernel and of its modules, and those that patterns select.
 *
 *	struct places places __cleanup(places_free) = { 0 };
 *
 *	status = places_read(&places, patterns, nr, variants);
 *	for (size_t i = 0; i < places.count; i++)
 *		places.spec[i].kind = ...
 *	if (!status)
 *		status = places_arm(&places, shadow, NULL);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"

/* Lines of verb.options. */
#define PATTERN_HELP                                                                          \
	"  PATTERN           functions of /proc/kallsyms, with *, ? and [...]: PATTERN, or\n" \
	"                    MODULE:PATTERN; MODULE is vmlinux for the kernel itself\n"       \
	"  --variants        for a name, probe the compiler's variants NAME.*, too\n"

/* A name of a function. Names of one address are neighbours in the array, the best one first. */
struct function {
	uint64_t addr; /* 0 if the kernel hides its addresses */
	const char *name;
	const char *module; /* "" for the kernel */
	char type;	    /* as in /proc/kallsyms */
};

/* All functions, in the order of their addresses; by name if these are hidden. */
struct functions {
	size_t count;
	struct function *function;
	char *text; /* the names are in it */
};

/* Reads /proc/kallsyms. Reports an error. Returns a status. */
int functions_read(struct functions *functions);
void functions_free(struct functions *functions);

/* Functions that are to be probed, without duplicates, in the order of their addresses. */
struct places {
	size_t count;
	struct shadowk_probe_spec *spec; /* with size, kind COUNT, and addr or symbol */
	char **name;			 /* "MODULE:FUNCTION", or "FUNCTION" of the kernel */
	size_t *pattern;		 /* index of the last pattern that selects it */
	/* Set by places_arm(). */
	size_t armed;	 /* probes that were added */
	size_t *by_id;	 /* their indices, in the order of their ids */
	size_t *by_name; /* their indices, in the order of their names; by places_sort_names() */
};

/*
 * Selects the functions that match one of @nr patterns of fnmatch(3), "MODULE:PATTERN" or
 * "PATTERN". "vmlinux" is the module of the kernel itself. A pattern without wildcards is a name.
 * With @variants, it also selects the variants NAME.* that the compiler has made.
 *
 * Reports a pattern that matches nothing. Prints a note about names that several functions have,
 * and about variants that were not selected. Returns a status.
 */
int places_select(struct places *places, const struct functions *functions, char **patterns,
		  size_t nr, bool variants);
/*
 * Adds the probes of all places to the shadow, and sets spec.id, which is 0 where that was not
 * possible. Prints a line every second. Reports how many functions could not be probed, by reason.
 * @name is the name of the shadow for messages, or NULL. Returns a status, which is an error if no
 * place could be probed. After an error, the shadow has none of the probes.
 */
int places_arm(struct places *places, struct shadowk_shadow *shadow, const char *name);
/*
 * Reports the error @err of a probe of the kind @kind at a place, by the name of the function.
 * @name is the name of the shadow, or NULL. Returns STATUS_REFUSED.
 */
int place_refuse(const struct places *places, size_t place, uint32_t kind, int err,
		 const char *name);
/*
 * Replaces the probe of a place by one that is armed by a breakpoint, so that a probe which sees
 * returns can be added there. Its numbers begin again at 0. Reports an error, after which the place
 * has no probe. Returns a status.
 */
int place_use_int3(struct places *places, size_t place, struct shadowk_shadow *shadow);
/* Returns the number of --calls. Exits by usage() on a wrong number. */
uint32_t calls_parse(const struct cli *cli, const char *text);
/*
 * Returns the index of the place whose probe has this id, or places->count. Call it after
 * places_arm().
 */
size_t places_find(const struct places *places, uint64_t id);
/* Prepares places_find_name(). Call it after places_arm(). Exits if there is no memory. */
void places_sort_names(struct places *places);
/* Returns the index of the place whose probe has this name, or places->count. */
size_t places_find_name(const struct places *places, const char *name);
/* Moves the places that the pattern @pattern or a later one selects to @to, before places_arm(). */
void places_split(struct places *places, struct places *to, size_t pattern);
/* Removes the places of which @keep is false, before places_arm(). */
void places_keep(struct places *places, const bool *keep);
/* Copies the places that have a probe, without it. Exits if there is no memory. */
void places_copy_armed(struct places *to, const struct places *from);
/* Calls functions_read() and places_select(). Returns a status. */
int places_read(struct places *places, char **patterns, size_t nr, bool variants);
void places_free(struct places *places);

/* probe_patterns.c: the verb 'probe add' for functions that patterns select */
struct patterns {
	const char *shadow;
	char **pattern;
	size_t nr;
	bool variants;
	bool dry_run; /* print the functions that can be probed, and add nothing */
};

/*
 * Adds a probe like @spec, which has no place, at each function. Prints the names of the probes.
 * Reports errors. Returns a status.
 */
int probes_add_patterns(const struct cli *cli, const struct patterns *patterns,
			const struct shadowk_probe_spec *spec);

#endif /* SHADOWCTL_FUNCTIONS_H */
