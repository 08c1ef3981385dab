// SPDX-License-Identifier: GPL-2.0-only
/* test: once timeout=300 */
/*
 * In each way of the sweep, probes are added to a sample of functions, and a workload of many areas
 * runs inside. The workload has the results that it has outside, nothing hangs, the kernel logs no
 * complaint, and the probes of a function agree.
 *
 * The sample is chosen by the functions' names, and each way takes its third of it, so every run
 * has the same one. One call adds half of a way's probes, and others are added one by one. The
 * workload calls about half of the functions. `make sweep` takes all functions in each way, in
 * guests of all kinds.
 */
#include "sweep.h"

#define NR_MOST 2000
#define PARTS	3

static bool is_sampled(const struct sweep_function *function)
{
	static const char *const begin[] = {
		"_raw_",       "mutex_",   "futex_", "hrtimer_",      "pipe_",	"path_",
		"d_",	       "__d_",	   "shmem_", "inet_",	      "__tcp_", "tcp_v4_",
		"exit_",       "vm_",	   "vma_",   "locks_",	      "ep_",	"fsnotify_",
		"switch_",     "enqueue_", "down_",  "__x64_sys_get", "vfs_",	"shk_calls:",
		"shk_victim:",
	};

	for (size_t i = 0; i < ARRAY_SIZE(begin); i++)
		if (!strncmp(function->name, begin[i], strlen(begin[i])))
			return true;
	return function->called;
}

int main(void)
{
	struct sweep_function *some[NR_MOST], *part[NR_MOST];
	struct sweep_functions functions;
	size_t sampled = 0, count = 0, hit = 0;
	const size_t step = kernel_is_slow() ? 10 : 1;
	const struct sweep_way *way;

	expect_eq(job_workload(1), 0, "wrong results of the workload outside");
	sweep_begin();
	functions = sweep_functions();
	for (size_t i = 0; i < functions.count; i++)
		if (is_sampled(&functions.all[i]) && !(sampled++ % step) && count < NR_MOST)
			some[count++] = &functions.all[i];
	expect_range(count, 500 / step, NR_MOST - 1, "functions in the sample");
	for (unsigned int n = 0; (way = sweep_way(n)); n++) {
		size_t nr = 0;

		for (size_t i = n % PARTS; i < count; i += PARTS)
			part[nr++] = some[i];
		sweep(way, part, nr, nr / 2);
	}
	for (size_t i = 0; i < count; i++)
		hit += some[i]->hit;
	printf("# %zu functions, %zu hit\n", count, hit);
	expect_range(hit, count * 3 / 10, count, "functions hit");
	sweep_end();
	return finish();
}
