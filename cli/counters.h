/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_COUNTERS_H
#define SHADOWCTL_COUNTERS_H

/*
 * counters.c: the hits of functions that patterns select, and what they have grown by.
 *
 *	struct counters counters __cleanup(counters_free) = { 0 };
 *
 *	status = counters_init(&counters, patterns, nr, variants);
 *	...makes a shadow
 *	if (!status)
 *		status = counters_begin(&counters, shadow);
 *	...time goes by
 *	status = counters_read(&counters, shadow);
 */

#include "functions.h"

struct numbers {
	uint64_t hits;
	uint64_t async_hits;
};

struct counters {
	struct places places;
	struct numbers *last;	    /* of each place, since its probe was added */
	struct numbers *difference; /* last ones minus the ones before them */
	struct numbers *replaced;   /* of probes that counters_use_int3() has removed */
	double since;		    /* target_now() of the last ones */
	double seconds;		    /* the time that @difference covers */
	/* Set by the verb: called for each other probe of the shadow. Can be NULL. */
	void (*other)(void *context, const struct shadowk_probe_info *info);
	void *context; /* of @other */
};

/* Selects functions as places_read() does. Reports an error. Returns a status. */
int counters_init(struct counters *counters, char **patterns, size_t nr, bool variants);
/* Adds a probe at each function, as places_arm() does. Reports an error. Returns a status. */
int counters_begin(struct counters *counters, struct shadowk_shadow *shadow);
/* Reads the numbers of all probes. Reports an error. Returns a status. */
int counters_read(struct counters *counters, struct shadowk_shadow *shadow);
/*
 * Calls place_use_int3(), and goes on counting from the numbers that the probe has. Calls between
 * the two probes are not counted. Reports an error. Returns a status.
 */
int counters_use_int3(struct counters *counters, size_t place, struct shadowk_shadow *shadow);
/* Returns an array with room for the index of each place, for free(). Exits without memory. */
size_t *counters_order(const struct counters *counters);
void counters_free(struct counters *counters);

#endif /* SHADOWCTL_COUNTERS_H */
