// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "meter.h"

struct meter {
	size_t nr_counters; /* perf's, of each thread; 0: there are none, use the clocks */
	int *counters;
	size_t nr_clocks; /* of each process */
	clockid_t *clocks;
};

/* Opens perf's counter of a thread, and of its later children. Returns a descriptor or -1. */
static int counter_open(pid_t thread)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.inherit = 1,
		.exclude_user = 1,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Opens the counters of all threads of a process. Returns false if the machine has none. */
static bool counters_open(struct meter *meter, pid_t pid)
{
	const struct dirent *entry;
	bool done = true;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && done && (entry = readdir(dir))) {
		pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
		int fd;

		if (!thread)
			continue;
		fd = counter_open(thread);
		done = fd >= 0;
		if (!done)
			break;
		meter->counters = need_memory(reallocarray(meter->counters, meter->nr_counters + 1,
							   sizeof(*meter->counters)));
		meter->counters[meter->nr_counters++] = fd;
	}
	if (dir)
		closedir(dir);
	return done;
}

static void counters_close(struct meter *meter)
{
	for (size_t i = 0; i < meter->nr_counters; i++)
		close(meter->counters[i]);
	meter->nr_counters = 0;
}

int meter_open(struct meter **result, const struct pids *pids)
{
	struct meter *meter = need_memory(calloc(1, sizeof(*meter)));
	bool counted = true;

	*result = meter;
	meter->clocks = need_memory(calloc(pids->count, sizeof(*meter->clocks)));
	for (size_t i = 0; i < pids->count; i++) {
		counted = counted && counters_open(meter, pids->pid[i]);
		if (!clock_getcpuclockid(pids->pid[i], &meter->clocks[i]))
			continue;
		report("process %d has ended", pids->pid[i]);
		return STATUS_REFUSED;
	}
	meter->nr_clocks = pids->count;
	if (!counted)
		counters_close(meter);
	return STATUS_DONE;
}

double meter_read(const struct meter *meter)
{
	struct timespec time;
	uint64_t count;
	double sum = 0;

	for (size_t i = 0; i < meter->nr_counters; i++)
		if (read(meter->counters[i], &count, sizeof(count)) == sizeof(count))
			sum += (double)count;
	for (size_t i = 0; !meter->nr_counters && i < meter->nr_clocks; i++)
		if (!clock_gettime(meter->clocks[i], &time))
			sum += (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
	return sum;
}

const char *meter_unit(const struct meter *meter)
{
	return meter->nr_counters ? "instructions" : "ns";
}

void meter_close(struct meter **meter)
{
	if (!*meter)
		return;
	counters_close(*meter);
	free((*meter)->counters);
	free((*meter)->clocks);
	free(*meter);
	*meter = NULL;
}

static int double_compare(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

static double median(double *values, size_t nr)
{
	qsort(values, nr, sizeof(*values), double_compare);
	return nr % 2 ? values[nr / 2] : (values[nr / 2 - 1] + values[nr / 2]) / 2;
}

bool comparison_make(struct comparison *comparison, const double *before, const double *after,
		     size_t nr)
{
	double *both = need_memory(calloc(2 * nr + 1, sizeof(*both)));

	*comparison = (struct comparison){ 0 };
	for (size_t i = 0; i < nr; i++) {
		if (isnan(before[i]) || isnan(after[i]))
			continue;
		both[comparison->pairs] = before[i];
		both[nr + comparison->pairs++] = after[i];
		comparison->better += after[i] < before[i];
	}
	if (comparison->pairs) {
		comparison->before = median(both, comparison->pairs);
		comparison->after = median(both + nr, comparison->pairs);
	}
	free(both);
	comparison->is_better = comparison->after < comparison->before &&
				4 * comparison->better >= 3 * comparison->pairs;
	return comparison->pairs && 2 * comparison->pairs >= nr;
}
