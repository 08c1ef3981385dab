/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by programs that measure. In a guest that counts instructions, a nanosecond is one. */
#ifndef SHADOWK_BENCH_MEASURE_H
#define SHADOWK_BENCH_MEASURE_H

#include <err.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static inline void check(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

static inline uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Returns the processor time of this process. */
static inline uint64_t spent_so_far(void)
{
	return now(CLOCK_PROCESS_CPUTIME_ID);
}

/* Lets the kernel do its deferred work, so that the next timer tick is far away. */
static inline void quiet(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

/* Forks a process that does nothing, and is killed when this one ends. */
static inline pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

#endif /* SHADOWK_BENCH_MEASURE_H */
