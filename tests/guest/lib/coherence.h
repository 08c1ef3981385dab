/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks that private pages follow the base. A test changes the kernel's own text. A shadow in
 * which every page is private must get the same bytes, except under the module's edits.
 */
#ifndef SHADOWK_TEST_COHERENCE_H
#define SHADOWK_TEST_COHERENCE_H

#include "actor.h"

/* A change of the kernel's text. Each function returns when the change is complete. */
struct change {
	const char *name;
	void (*make)(void);
	void (*undo)(void);
	/* A probe can be placed on some of the bytes that change. */
	bool probed;
};

/*
 * Makes and undoes @change in a process outside, and then in one inside a shadow in which all text
 * is private. If @change->probed, does so inside again with probes at the changed places.
 *
 * Fails if the base's text does not change, or if the private text differs from it afterwards.
 * Places at which a probe was removed are compared, too.
 */
void expect_followed(const struct change *change);

#endif /* SHADOWK_TEST_COHERENCE_H */
