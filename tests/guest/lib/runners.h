/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process whose threads call getppid() for as long as they are let, and keep
 * account, so that what a probe must have counted meanwhile can be said.
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

/* Calls of all threads, one by one: begun, and returned from. */
struct tally {
	uint64_t begun[RUNNERS_MAX], done[RUNNERS_MAX];
};

/* One thread for each CPU, bound to it; or @nr of them. They run when it returns. */
void runners_start(struct runners *runners, unsigned int nr);
/* A single thread, bound to @cpu. */
void runners_start_on(struct runners *runners, unsigned int cpu);
struct tally runners_tally(const struct runners *runners);
/* Wait until each thread has made @calls more. */
void runners_progress(const struct runners *runners, uint64_t calls);
/* How often the system call returned something else than the parent's id. */
uint64_t runners_wrong(const struct runners *runners);
/* They make no calls from its return on. */
void runners_stop(struct runners *runners);
void runners_resume(struct runners *runners);
pid_t runners_tid(const struct runners *runners, unsigned int n);
void runners_end(struct runners *runners);

/*
 * @from was taken before something began to count and @since after; likewise
 * @until before it ended and @to after. It has counted at least @lowest calls:
 * those that lie between @since and @until. And at most @highest.
 */
void tally_bounds(const struct tally *from, const struct tally *since, const struct tally *until,
		  const struct tally *to, uint64_t *lowest, uint64_t *highest);

#endif /* SHADOWK_TEST_RUNNERS_H */
