/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_METER_H
#define SHADOWCTL_METER_H

#include <stdbool.h>
#include <stddef.h>

struct pids;
struct meter;

/*
 * meter.c: what processes and their later children cost. That is the instructions that their
 * threads execute in the kernel, if the machine counts instructions, or else their CPU time in
 * nanoseconds.
 */

/* Reports an error. Returns a status. */
int meter_open(struct meter **meter, const struct pids *pids);
/* Returns the sum of all processes, since some moment before meter_open(). */
double meter_read(const struct meter *meter);
/* Returns "instructions" or "ns". */
const char *meter_unit(const struct meter *meter);
void meter_close(struct meter **meter);

/* The costs of an operation in pairs of slices of time, without a change and with it. */
struct comparison {
	double before, after; /* medians */
	size_t pairs;	      /* pairs in which both slices have operations */
	size_t better;	      /* of these: those with lower costs after the change */
	bool is_better;	      /* lower median, and lower costs in enough pairs */
};

/*
 * Compares @nr pairs. A slice without operations has the cost NAN. Returns false if fewer than half
 * of the pairs can be compared.
 *
 * The change is better if the median and the costs of all pairs are lower, with one exception of 9
 * pairs or more. Of costs that differ by chance only, at most one comparison of 30 does that if it
 * has 5 pairs or more.
 */
bool comparison_make(struct comparison *comparison, const double *before, const double *after,
		     size_t nr);

#endif /* SHADOWCTL_METER_H */
