/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whatever allocation fails, what was asked for is undone whole: it says
 * ENOMEM, everything is as it was, everybody runs what he ran, and asked again
 * it is done.
 *
 * The kernel lets the n-th allocation of a task fail; n grows until none did.
 */
#ifndef SHADOWK_TEST_FAILURES_H
#define SHADOWK_TEST_FAILURES_H

#include "actor.h"
#include "shadows.h"

/*
 * A shadow with a probe of GETPPID, in which two processes are, another one with a
 * probe of GETUID, an empty one, and a process outside: nobody's walk changes them.
 */
extern struct shadowk_shadow *shadow, *other, *fresh;
extern struct actor inside, mover, outside;

/* First in main(): skips the test where nothing can be let fail. */
void failures_setup(void);
void failures_done(void);
/* An empty one in the place of @fresh. */
void renew_fresh(void);

/* ---- the n-th allocation of this task ---- */

extern int fail_fd;

/* Every task its own: one that is inherited is the parent's. */
void fail_open(void);
/* 0: none. */
void fail_nth(unsigned int n);
unsigned int fail_left(int fd);

/* ---- walks ---- */

struct operation {
	const char *name;
	/* -errno; @n: which allocation fails, 0: none. Sets injected. */
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
