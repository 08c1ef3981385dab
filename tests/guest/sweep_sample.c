// SPDX-License-Identifier: GPL-2.0-only
/* test: once timeout=300 */
/*
 * Probes of each kind at every function that a workload of all areas calls: it does what it
 * does outside, nothing hangs or complains, and the probes of a function agree. Those that count
 * entries, latencies and events at return are at all of them, the other kinds at one of four.
 * `make sweep` puts all at all functions of the kernel.
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
	sweep(&functions, 0, functions.count, 4, &totals);
	printf("# %zu functions, %u hit, %u probes, %u refused\n", functions.count, totals.hit,
	       totals.probes, totals.refused);
	expect_range(totals.hit, functions.count * 8 / 10, functions.count, "functions hit");
	return finish();
}
