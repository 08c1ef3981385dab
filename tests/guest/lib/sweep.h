/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sweep puts probes at many functions of the kernel, in one way after the other, executes a
 * workload inside and compares what the probes of one function have counted.
 */
#ifndef SHADOWK_TEST_SWEEP_H
#define SHADOWK_TEST_SWEEP_H

#include "check.h"

struct sweep_function {
	uint64_t addr;
	char name[200]; /* MODULE:FUNCTION of a module's */
	bool called;	/* shk_calls calls it */
	bool hit;	/* in one of the ways */
	int error;	/* of the first probe at its entry, or 0 */
};

struct sweep_functions {
	struct sweep_function *all;
	size_t count;
};

/* Load modules whose text is to be swept, or that call what nothing else does. */
void sweep_begin(void);
void sweep_end(void);
/*
 * The functions between _stext and _etext by /proc/kallsyms in the order of their addresses, then
 * those of each module that is loaded.
 */
struct sweep_functions sweep_functions(void);

/* What is there together in one pass: a shadow's policy, kinds of probes, a disturbance. */
struct sweep_way;

/* The @n-th, or NULL behind the last. */
const struct sweep_way *sweep_way(unsigned int n);
const char *sweep_way_name(const struct sweep_way *way);

/*
 * One pass, which is told in a line. What a probe counts and another one of the same function does
 * not, and what the workload gets wrong, is a failure. Sets @hit and @error of the functions.
 * Where the machine has no such policy, it says so.
 */
void sweep(const struct sweep_way *way, struct sweep_function **functions, size_t count);

/* workload.c: system calls of all areas; returns how many did not do what they should. */
long job_workload(long rounds);

#endif /* SHADOWK_TEST_SWEEP_H */
