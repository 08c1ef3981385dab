/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text follows the base: somebody changes the kernel's own text, and a shadow
 * whose every page is private has the same bytes, but for edits.
 */
#ifndef SHADOWK_TEST_COHERENCE_H
#define SHADOWK_TEST_COHERENCE_H

#include "actor.h"

/* A change of the kernel's text, and its undoing; each ends when it is made. */
struct change {
	const char *name;
	void (*make)(void);
	void (*undo)(void);
	/* Somewhere in it a probe can be placed, and is then in its way. */
	bool probed;
};

/*
 * Make it and undo it, from outside and from inside of the shadow, and once
 * more from inside with probes at the places that change. The text changes each
 * time, and what is private says the same, also where a probe was that is gone.
 */
void expect_followed(const struct change *change);

#endif /* SHADOWK_TEST_COHERENCE_H */
