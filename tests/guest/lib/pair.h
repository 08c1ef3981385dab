/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two processes in two shadows. Both call a function of shk_victim.ko, and each shadow counts the
 * calls of its process.
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

/* Loads shk_victim.ko and attaches the processes. The caller has created the shadows. */
void pair_start(struct pair *pair);
/* Ends the processes and removes the probes. shk_victim.ko stays loaded. */
void pair_end(struct pair *pair);
/* The actor makes PAIR_CALLS calls, of which shadow @in must count @counted. */
void expect_calls(struct actor *actor, struct shadowk_shadow *in, long counted, const char *what);

#endif /* SHADOWK_TEST_PAIR_H */
