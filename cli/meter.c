// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli.h"
#include "meter.h"

struct meter {
	const char *unit;
	size_t nr_counters; /* perf's, of each thread */
	int *counters;
};

/* Events of perf, in the order of preference. Each machine has the second. */
static const struct {
	const char *unit;
	uint32_t type;
	uint64_t config;
	bool exclude_user;
} events[] = {
	{ "instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, true },
	{ "ns", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, false },
};

/* Opens a counter of a thread, and of its later children. Returns a descriptor or -1. */
static int counter_open(pid_t thread, size_t event)
{
	struct perf_event_attr attr = {
		.type = events[event].type,
		.size = sizeof(attr),
		.config = events[event].config,
		.inherit = 1,
		.exclude_user = events[event].exclude_user,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Opens the counters of all threads of a process. Returns false, and sets errno, after an error. */
static bool counters_open(struct meter *meter, pid_t pid, size_t event)
{
	const struct dirent *entry;
	bool done = true;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && done && (entry = readdir(dir))) {
		pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
		int fd = thread ? counter_open(thread, event) : -1;

		/* ESRCH: the thread has ended. */
		done = !thread || fd >= 0 || errno == ESRCH;
		if (fd < 0)
			continue;
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

/* Opens the counters of all processes. Returns false, and sets errno, after an error. */
static bool event_open(struct meter *meter, const struct pids *pids, size_t event)
{
	int err;

	meter->unit = events[event].unit;
	for (size_t i = 0; i < pids->count; i++) {
		if (counters_open(meter, pids->pid[i], event))
			continue;
		err = errno;
		counters_close(meter);
		errno = err;
		return false;
	}
	return true;
}

int meter_open(struct meter **result, const struct pids *pids)
{
	struct meter *meter = need_memory(calloc(1, sizeof(*meter)));
	bool done = false;

	*result = meter;
	for (size_t event = 0; !done && event < ARRAY_SIZE(events); event++)
		done = event_open(meter, pids, event);
	if (done && meter->nr_counters)
		return STATUS_DONE;
	if (done)
		report("the processes have ended");
	else
		report("perf_event_open(2) cannot count the time of the processes: %s%s",
		       strerror(errno), errno == EMFILE ? "; raise the limit of open files" : "");
	return STATUS_REFUSED;
}

double meter_read(const struct meter *meter)
{
	uint64_t count;
	double sum = 0;

	for (size_t i = 0; i < meter->nr_counters; i++)
		if (read(meter->counters[i], &count, sizeof(count)) == sizeof(count))
			sum += (double)count;
	return sum;
}

const char *meter_unit(const struct meter *meter)
{
	return meter->unit;
}

void meter_close(struct meter **meter)
{
	if (!*meter)
		return;
	counters_close(*meter);
	free((*meter)->counters);
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
				comparison->better + (comparison->pairs >= 9) >= comparison->pairs;
	return comparison->pairs && 2 * comparison->pairs >= nr;
}
