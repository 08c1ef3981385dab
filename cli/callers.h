/* SPDX-License-Identifier: GPL-2.0-only */
/* callers.c: counts the calls of a function by their stacks. */
#ifndef SHADOWCTL_CALLERS_H
#define SHADOWCTL_CALLERS_H

#include <stddef.h>
#include <stdint.h>

/* A function of a stack. Equal names are the same pointer. */
struct caller {
	const char *name;
	const char *module; /* "" for the kernel */
};

/* Calls that have the same callers. */
struct caller_stack {
	uint64_t calls;
	size_t nr;
	struct caller *caller; /* the direct caller first */
};

/* Zeros are empty ones. */
struct callers {
	uint64_t calls;
	size_t nr;
	struct caller_stack *stack; /* those with a common begin are neighbours */
};

/* A line of a table of callers. */
struct callers_row {
	uint64_t calls;
	char *text; /* "CALLER <- ITS CALLER <- ..." */
};

/* Counts a call. @caller has @nr elements, the direct caller first. Exits without memory. */
void callers_add(struct callers *callers, const struct caller *caller, size_t nr);
/*
 * Sums up the calls by the first @depth callers of their stacks. Returns an array of *@nr rows for
 * callers_rows_free(), those with most calls first. Exits without memory.
 */
struct callers_row *callers_rows(const struct callers *callers, size_t depth, size_t *nr);
void callers_rows_free(struct callers_row *rows, size_t nr);
void callers_free(struct callers *callers);

#endif /* SHADOWCTL_CALLERS_H */
