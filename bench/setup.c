// SPDX-License-Identifier: GPL-2.0
/*
 * Measures instructions and memory of setting up, while many shadows and processes exist.
 *
 *   setup SHADOWS PROCESSES
 *
 * Makes SHADOWS shadows with a probe each, and PROCESSES sleeping processes spread over them. Then
 * it makes each step several times, and prints a JSON list for it:
 * - its name;
 * - the median of its processor time in ns;
 * - the median of the time until it was done, in ns, which includes idle time;
 * - the bytes of memory that the shadow accounts for it.
 *
 * For fork the values are means of many processes, since the module frees their parts together.
 *
 * A nanosecond is an instruction in a guest that counts them. The median is printed and not the
 * lowest value, since sometimes a worker of the kernel does a part of a step.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shadowk.h>

#include "measure.h"

#define TIMES 15
/* Processes of a sample of fork; in that time the module's worker frees grafts at least once. */
#define FORKS 50

/* Functions in different pages, so that each probe makes one page private. */
static const char *const places[] = { "vfs_read", "__x64_sys_getppid" };

static struct shadowk *dev;
static uint64_t begin_busy, begin_all;
static int64_t busy[TIMES], all[TIMES];
static int done;

static void begin(void)
{
	begin_busy = spent_so_far();
	begin_all = now(CLOCK_MONOTONIC);
}

static void end(void)
{
	all[done] = now(CLOCK_MONOTONIC) - begin_all;
	busy[done++] = spent_so_far() - begin_busy;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t median(int64_t *values)
{
	qsort(values, TIMES, sizeof(*values), by_size);
	return values[TIMES / 2];
}

static void report(const char *step, long memory)
{
	printf("[\"%s\", %ld, %ld, %ld]\n", step, median(busy), median(all), memory);
	fflush(stdout);
	done = 0;
}

static void report_one(const char *step, int64_t *values)
{
	int64_t middle = median(values);

	printf("[\"%s\", %ld, %ld, 0]\n", step, middle, middle);
	fflush(stdout);
}

/* Other memory use hides small amounts, so that of many shadows or processes is divided. */
static void report_memory(const char *of, long memory)
{
	printf("[\"all memory: %s\", 0, 0, %ld]\n", of, memory);
	fflush(stdout);
}

/* Shadows get names, since each open handle would be a file that fork passes on. */
static struct shadowk_shadow *create(const char *kind, int i)
{
	struct shadowk_shadow *shadow;
	char name[32];

	snprintf(name, sizeof(name), "%s%d", kind, i);
	check(shadowk_shadow_create(dev, name, &shadow), "create");
	return shadow;
}

static struct shadowk_shadow *reopen(const char *kind, int i)
{
	struct shadowk_shadow *shadow;
	char name[32];

	snprintf(name, sizeof(name), "%s%d", kind, i);
	check(shadowk_shadow_open(dev, name, &shadow), "open");
	return shadow;
}

static void probe(struct shadowk_shadow *shadow, const char *symbol)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec), .kind = SHADOWK_PROBE_COUNT };

	strcpy(spec.symbol, symbol);
	check(shadowk_probe_add(shadow, &spec), symbol);
}

static long memory(struct shadowk_shadow *shadow)
{
	struct shadowk_shadow_info info;

	check(shadowk_shadow_info(shadow, &info, sizeof(info)), "info");
	return info.memory;
}

static void end_process(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/*
 * Forks FORKS processes one after the other, each of which exits at once. Returns the mean time
 * until such a process has exited, since its part counts, too.
 */
static int64_t fork_exit(void)
{
	uint64_t start = now(CLOCK_MONOTONIC);

	for (int i = 0; i < FORKS; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	return (int64_t)(now(CLOCK_MONOTONIC) - start) / FORKS;
}

/* Measures the steps, on shadows of their own beside all the others. */
static void steps(void)
{
	struct shadowk_shadow *shadow[TIMES];
	int64_t outside[TIMES], inside[TIMES], more[TIMES];
	long before = 0, after = 0;
	pid_t pid;
	int pidfd;

	for (int i = 0; i < TIMES; i++) {
		quiet();
		begin();
		shadow[i] = create("step", i);
		end();
	}
	report("create a shadow", memory(shadow[0]));

	for (int n = 0; n < 2; n++) {
		for (int i = 0; i < TIMES; i++) {
			before = memory(shadow[i]);
			quiet();
			begin();
			probe(shadow[i], places[n]);
			end();
			after = memory(shadow[i]);
		}
		report(n ? "next probe, in another page" : "first probe", after - before);
	}
	for (int i = 0; i < TIMES; i++) {
		before = memory(shadow[i]);
		quiet();
		begin();
		probe(shadow[i], places[0]);
		end();
		after = memory(shadow[i]);
	}
	report("another probe at the same place", after - before);

	pid = sleeper();
	for (int i = 0; i < TIMES; i++) {
		before = memory(shadow[i]);
		quiet();
		begin();
		check(shadowk_process_attach(shadow[i], pid), "attach");
		end();
		after = memory(shadow[i]);
	}
	/* Only the first of these attaches was no move. The pages of the hooks came with it. */
	report("move a process to a shadow new to processes", after - before);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	check(pidfd < 0 ? -errno : 0, "pidfd_open");
	for (int i = 0; i < TIMES; i++) {
		shadowk_process_detach_pidfd(dev, pidfd);
		before = memory(shadow[0]);
		quiet();
		begin();
		check(shadowk_process_attach_pidfd(shadow[0], pidfd), "attach");
		end();
		after = memory(shadow[0]);
	}
	report("attach a process", after - before);
	for (int i = 0; i < TIMES; i++) {
		quiet();
		begin();
		check(shadowk_process_detach_pidfd(dev, pidfd), "detach");
		end();
		check(shadowk_process_attach_pidfd(shadow[0], pidfd), "attach");
	}
	report("detach a process", 0);
	/* The library opens a pidfd and closes it. */
	for (int i = 0; i < TIMES; i++) {
		shadowk_process_detach_pidfd(dev, pidfd);
		quiet();
		begin();
		check(shadowk_process_attach(shadow[0], pid), "attach");
		end();
	}
	report("attach a process by its pid", 0);
	close(pidfd);
	end_process(pid);

	/* Alternately, since the kernel's cost of both drifts. */
	for (int i = 0; i < TIMES; i++) {
		quiet();
		outside[i] = fork_exit();
		check(shadowk_process_attach(shadow[0], 0), "attach myself");
		quiet();
		inside[i] = fork_exit();
		more[i] = inside[i] - outside[i];
		check(shadowk_process_detach(dev, 0), "detach myself");
	}
	report_one("fork, exit, wait: outside", outside);
	report_one("fork, exit, wait: inside", inside);
	report_one("fork, exit, wait: more inside", more);

	for (int i = 0; i < TIMES; i++) {
		quiet();
		begin();
		check(shadowk_shadow_destroy(shadow[i]), "destroy");
		shadowk_shadow_close(shadow[i]);
		end();
	}
	report("destroy a shadow with 3 probes", 0);
}

/* Returns the bytes of memory in use on the whole machine. */
static long used(void)
{
	char line[128];
	long all = 0, free = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	if (!f)
		err(1, "meminfo");
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "MemTotal: %ld", &all);
		sscanf(line, "MemFree: %ld", &free);
	}
	fclose(f);
	return (all - free) * 1024;
}

int main(int argc, char **argv)
{
	struct shadowk_shadow *shadow;
	int shadows, processes;
	pid_t *pid;
	long before;

	if (argc != 3)
		errx(2, "usage: setup SHADOWS PROCESSES");
	shadows = atoi(argv[1]);
	processes = atoi(argv[2]);
	pid = calloc(processes, sizeof(*pid));
	if (!pid)
		err(1, "calloc");
	check(shadowk_open(&dev), "/dev/shadowk");
	/* The kernel frees memory of an earlier run meanwhile. */
	sleep(5);
	before = used();
	for (int i = 0; i < shadows; i++) {
		shadow = create("other", i);
		probe(shadow, places[0]);
		shadowk_shadow_close(shadow);
	}
	if (shadows >= 1000)
		report_memory("a shadow with a probe", (used() - before) / shadows);
	for (int i = 0; i < processes; i++)
		pid[i] = sleeper();
	sleep(1);
	before = used();
	for (int i = 0; i < processes; i++) {
		shadow = reopen("other", i % shadows);
		check(shadowk_process_attach(shadow, pid[i]), "attach");
		shadowk_shadow_close(shadow);
	}
	if (processes >= 1000 && shadows == 1)
		report_memory("a process inside", (used() - before) / processes);
	steps();

	for (int i = 0; i < processes; i++)
		end_process(pid[i]);
	quiet();
	for (int i = 0; i < shadows; i++) {
		shadow = reopen("other", i);
		check(shadowk_shadow_destroy(shadow), "destroy");
		shadowk_shadow_close(shadow);
	}
	return 0;
}
