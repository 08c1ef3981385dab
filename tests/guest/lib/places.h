/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds places in functions at which a probe gets a certain arm. */
#ifndef SHADOWK_TEST_PLACES_H
#define SHADOWK_TEST_PLACES_H

#include <shadowk.h>

#include "actor.h"

struct place {
	char text[64]; /* SYMBOL+OFFSET */
	enum shadowk_probe_arm arm;
	uint32_t flags; /* flags for the probe */
};

/*
 * Finds a place in @symbol at which a probe gets @arm, and which each call of @job executes once.
 * Needs no shadow and leaves none. Skips the test if there is no such place.
 */
struct place find_place(const char *symbol, enum shadowk_probe_arm arm, job_fn job);

#endif /* SHADOWK_TEST_PLACES_H */
