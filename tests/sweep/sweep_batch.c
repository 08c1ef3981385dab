// SPDX-License-Identifier: GPL-2.0-only
/*
 * sweep_batch FROM COUNT: probes of each kind at COUNT of the kernel's functions, in the order of
 * their addresses; FROM COUNT of 0 0 prints how many there are. tests/sweep/run starts it.
 */
#include "sweep.h"

int main(int argc, char **argv)
{
	struct sweep_functions functions = sweep_kernel_functions();
	struct sweep_totals totals = { 0 };
	size_t from, count;

	if (argc != 3)
		return 2;
	from = strtoul(argv[1], NULL, 0);
	count = strtoul(argv[2], NULL, 0);
	if (!count) {
		printf("%zu\n", functions.count);
		return 0;
	}
	sweep(&functions, from, count, 1, &totals);
	printf("%zu to %zu: %u hit, %u probes, %u refused\n", from, from + count - 1, totals.hit,
	       totals.probes, totals.refused);
	return finish();
}
