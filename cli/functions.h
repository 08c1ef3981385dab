/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_FUNCTIONS_H
#define SHADOWCTL_FUNCTIONS_H

/*
 * functions.c: the functions of the kernel and of its modules, and those that patterns select.
 *
 *	struct functions functions __cleanup(functions_free) = { 0 };
 *	struct places places __cleanup(places_free) = { 0 };
 *
 *	status = functions_read(&functions);
 *	if (!status)
 *		status = places_select(&places, &functions, patterns, nr, variants);
 *	for (size_t i = 0; i < places.count; i++)
 *		places.spec[i].kind = ...
 *	if (!status)
 *		status = places_arm(&places, shadow, NULL);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"

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
	/* Set by places_arm(). */
	size_t armed;  /* probes that were added */
	size_t *by_id; /* their indices, in the order of their ids */
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
 * Returns the index of the place whose probe has this id, or places->count. Call it after
 * places_arm().
 */
size_t places_find(const struct places *places, uint64_t id);
void places_free(struct places *places);

#endif /* SHADOWCTL_FUNCTIONS_H */
