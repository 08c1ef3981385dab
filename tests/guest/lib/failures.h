/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walks through all failures of an operation's allocations. If a failure makes the operation fail,
 * it returns ENOMEM or EAGAIN and changes nothing. All processes execute the text that they
 * executed, and the operation succeeds when it is tried again.
 *
 * The kernel lets the @n-th allocation of a task fail. A walk increments @n until no allocation has
 * failed.
 */
#ifndef SHADOWK_TEST_FAILURES_H
#define SHADOWK_TEST_FAILURES_H

#include "actor.h"
#include "shadows.h"

/*
 * @shadow has a probe of GETPPID and contains @inside and @mover. @other has a probe of GETUID.
 * @fresh has no edits. @outside executes the base. A walk changes none of them.
 */
extern struct shadowk_shadow *shadow, *other, *fresh;
extern struct actor inside, mover, outside;

/* Must come first in main(). Skips the test if the kernel cannot let allocations fail. */
void failures_setup(void);
void failures_done(void);
/* Replaces @fresh by a new shadow without edits. */
void renew_fresh(void);

/* ---- failures of the n-th allocation of the calling task ---- */

extern int fail_fd;

/* Opens the task's own file. A file that a child inherits is still its parent's. */
void fail_open(void);
/* Lets the @n-th allocation from now on fail; 0: none. */
void fail_nth(unsigned int n);
unsigned int fail_left(int fd);

/* ---- walks ---- */

struct operation {
	const char *name;
	/* Returns 0 or -errno. @n says which allocation fails; 0: none. Sets @injected. */
	long (*run)(unsigned int n);
	void (*undo)(void);
};

extern bool injected;

#define DISTURBED(n, call)                             \
	({                                             \
		long ret_;                             \
                                                       \
		fail_nth(n);                           \
		ret_ = (call);                         \
		injected = (n) && !fail_left(fail_fd); \
		fail_nth(0);                           \
		ret_;                                  \
	})

void walk(const struct operation *op);

#endif /* SHADOWK_TEST_FAILURES_H */
