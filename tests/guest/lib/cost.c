// SPDX-License-Identifier: GPL-2.0-only
#include <sys/syscall.h>
#include <x86intrin.h>

#include "check.h"
#include "cost.h"

#define REPEATS 7

void cost_main(void)
{
	const char *machine = getenv("SHADOWK_VM");

	if (!machine || strcmp(machine, "icount"))
		skip("only a guest with --icount counts instructions");
}

/* Takes the lowest of several measurements, since a timer tick may hit any of them. */
long job_cost(long n)
{
	unsigned long long least = -1ULL;

	for (int i = 0; i < REPEATS; i++) {
		unsigned long long begin = __rdtsc(), took;

		for (long call = 0; call < n; call++)
			syscall(SYS_getppid);
		took = __rdtsc() - begin;
		if (took < least)
			least = took;
	}
	return least;
}
