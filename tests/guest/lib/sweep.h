/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sweep puts probes at many functions of the kernel, executes a workload inside, and compares the
 * counts of several probes of each function. It does so in several ways, one pass for each.
 */
#ifndef SHADOWK_TEST_SWEEP_H
#define SHADOWK_TEST_SWEEP_H

#include "check.h"

struct sweep_function {
	uint64_t addr;
	char name[200]; /* MODULE:FUNCTION if it is a module's */
	bool called;	/* shk_calls calls it */
	bool hit;	/* a pass has hit it */
	int error;	/* errno of the last pass's first probe of it, or 0 */
};

struct sweep_functions {
	struct sweep_function *all;
	size_t count;
};

/*
 * Loads the modules whose text is swept, and those whose code calls functions that nothing else
 * calls.
 */
void sweep_begin(void);
void sweep_end(void);
/*
 * Returns the functions between _stext and _etext in the order of their addresses, and then those
 * of each loaded module. All are taken from /proc/kallsyms.
 */
struct sweep_functions sweep_functions(void);

/* A way combines a shadow's policy, kinds of probes, and a disturbance. */
struct sweep_way;

/* Returns the way number @n, or NULL behind the last one. */
const struct sweep_way *sweep_way(unsigned int n);
const char *sweep_way_name(const struct sweep_way *way);

/*
 * Makes one pass and prints a line about it. One call adds the probes of the first @many functions,
 * and one call removes them. Each other probe has calls of its own. Sets @hit and @error of the
 * functions. Prints a line if the machine does not support the way's policy.
 *
 * It is a failure if two probes of one function have different counts, or if the workload gets a
 * wrong result. A call for many probes must refuse the same probes as a call for one.
 */
void sweep(const struct sweep_way *way, struct sweep_function **functions, size_t count,
	   size_t many);

/* A job of workload.c: makes system calls of many areas. Returns how many had a wrong result. */
long job_workload(long rounds);
/* A job: the part of it that has no other process, thread or timer. */
long job_system_calls(long rounds);

#endif /* SHADOWK_TEST_SWEEP_H */
