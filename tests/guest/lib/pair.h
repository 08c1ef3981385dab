/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process in a shadow and one in another, which call a function of the module
 * shk_victim; each shadow counts the calls.
 */
#ifndef SHADOWK_TEST_PAIR_H
#define SHADOWK_TEST_PAIR_H

#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define PAIR_CALLS 1000

struct pair {
	struct shadowk_shadow *shadow, *other;
	struct actor inside, elsewhere;
};

/* Of the shadows, which are made already; loads the module. */
void pair_start(struct pair *pair);
/* The processes end and the counts go; the module is still there. */
void pair_end(struct pair *pair);
/* PAIR_CALLS, or fewer if one says that it was the last; so many are counted. */
void expect_calls(struct actor *actor, struct shadowk_shadow *in, long counted, const char *what);

#endif /* SHADOWK_TEST_PAIR_H */
