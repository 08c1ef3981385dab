/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runners are threads of one process that call getppid() until they are stopped. They count their
 * calls, so a test knows how many of them a probe must have counted.
 */
#ifndef SHADOWK_TEST_RUNNERS_H
#define SHADOWK_TEST_RUNNERS_H

#include "check.h"

#define RUNNERS_MAX 8

struct runners {
	pid_t pid;
	unsigned int nr;
	struct runners_shared *shared;
};

/* Calls of each thread: those that have begun, and those that have returned. */
struct tally {
	uint64_t begun[RUNNERS_MAX], done[RUNNERS_MAX];
};

/* Starts @nr threads, or one for each CPU if 0, each bound to a CPU. All run at return. */
void runners_start(struct runners *runners, unsigned int nr);
/* Starts one thread, bound to @cpu. */
void runners_start_on(struct runners *runners, unsigned int cpu);
struct tally runners_tally(const struct runners *runners);
/* Waits until each thread has completed @calls more calls. */
void runners_progress(const struct runners *runners, uint64_t calls);
/* How many calls returned another value than the parent's id. */
uint64_t runners_wrong(const struct runners *runners);
/* Stops the threads. They make no calls after this function returns. */
void runners_stop(struct runners *runners);
void runners_resume(struct runners *runners);
pid_t runners_tid(const struct runners *runners, unsigned int n);
void runners_end(struct runners *runners);

/*
 * Bounds for the calls that a probe has counted. @from was taken before the probe began to count
 * and @since after that. @until was taken before it stopped counting and @to after that. So it has
 * counted all calls between @since and @until, and none outside of @from and @to.
 */
void tally_bounds(const struct tally *from, const struct tally *since, const struct tally *until,
		  const struct tally *to, uint64_t *lowest, uint64_t *highest);

#endif /* SHADOWK_TEST_RUNNERS_H */
