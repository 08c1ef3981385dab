/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sweep puts probes of each kind at many functions of the kernel, executes a workload inside
 * and compares what the probes of one function have counted.
 */
#ifndef SHADOWK_TEST_SWEEP_H
#define SHADOWK_TEST_SWEEP_H

#include "check.h"

struct sweep_function {
	uint64_t addr;
	char name[128];
};

struct sweep_functions {
	struct sweep_function *all;
	size_t count;
};

struct sweep_totals {
	unsigned int probes, refused, hit;
};

/* What is between _stext and _etext by /proc/kallsyms, in the order of addresses. */
struct sweep_functions sweep_kernel_functions(void);
/* Leave only those that a process calls while it executes the workload, by the function tracer. */
void sweep_keep_called(struct sweep_functions *functions);

/*
 * At @count functions from @from on: count, latency and event at return; the other kinds at one
 * of @every of them. What a probe counts and another one of the same function does not, and what
 * the workload gets wrong, is a failure. Adds to @totals; @functions may be used once.
 */
void sweep(struct sweep_functions *functions, size_t from, size_t count, unsigned int every,
	   struct sweep_totals *totals);

/* workload.c: system calls of all areas; returns how many did not do what they should. */
long job_workload(long rounds);

#endif /* SHADOWK_TEST_SWEEP_H */
