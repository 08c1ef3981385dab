/* SPDX-License-Identifier: GPL-2.0-only */
/* Which interrupts this machine has, by the kernel's own tables. */
#ifndef SHK_VECTORS_H
#define SHK_VECTORS_H

#include <linux/types.h>

/* Most handlers that can be hooked: entry.S has an entry for each. */
#define SHK_VECTORS_MAX 24

/* A handler: the function that does all of an interrupt's work except its entry code. */
struct shk_vector {
	char name[48]; /* symbol of the function */
};

/*
 * Stores the handlers of all vectors except exceptions in @vectors, each once. The caller has
 * allocated SHK_VECTORS_MAX elements. Called at load. May sleep. Returns the number of handlers, or
 *   -EOPNOTSUPP  an interrupt is of no known kind, or sysvec_table is missing; the log says which
 *   -ENOENT      the handler of devices' interrupts or of spurious ones is missing; not logged
 *   -E2BIG       more than SHK_VECTORS_MAX handlers, or a name is too long; not logged
 */
int shk_vectors_find(struct shk_vector *vectors);

#endif /* SHK_VECTORS_H */
