// SPDX-License-Identifier: GPL-2.0-only
/* test: once timeout=150 */
/*
 * Probes of each kind at every function that a workload of all areas calls: it does what it
 * does outside, nothing hangs or complains, and the probes of a function agree. `make sweep` does
 * that for all functions of the kernel.
 */
#include "sweep.h"

int main(void)
{
	struct sweep_functions functions = sweep_kernel_functions();
	struct sweep_totals totals = { 0 };

	expect_eq(job_workload(1), 0, "what the workload gets wrong outside");
	sweep_keep_called(&functions);
	expect_range(functions.count, 500, 10000, "functions that it calls");
	if (kernel_is_slow())
		functions.count /= 10;
	sweep(&functions, 0, functions.count, &totals);
	printf("# %zu functions, %u hit, %u probes, %u refused\n", functions.count, totals.hit,
	       totals.probes, totals.refused);
	expect_range(totals.hit, functions.count * 8 / 10, functions.count, "functions hit");
	return finish();
}
