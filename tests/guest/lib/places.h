/* SPDX-License-Identifier: GPL-2.0-only */
/* Where in a function a probe gets a certain arm. */
#ifndef SHADOWK_TEST_PLACES_H
#define SHADOWK_TEST_PLACES_H

#include <shadowk.h>

#include "actor.h"

struct place {
	char text[64]; /* SYMBOL+OFFSET */
	enum shadowk_probe_arm arm;
	uint32_t flags; /* of the probe */
};

/*
 * A place in @symbol with that arm, which each call of @job executes once. No
 * shadow is needed; what is made to find out is gone at return. Skips the test
 * where there is none.
 */
struct place find_place(const char *symbol, enum shadowk_probe_arm arm, job_fn job);

#endif /* SHADOWK_TEST_PLACES_H */
