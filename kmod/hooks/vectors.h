/* SPDX-License-Identifier: GPL-2.0-only */
/* Which interrupts this machine has, as the kernel's own tables say. */
#ifndef SHK_VECTORS_H
#define SHK_VECTORS_H

#include <linux/types.h>

/* Handlers that can be hooked; entry.S has an entry for each. */
#define SHK_VECTORS_MAX 24

/* A function that is all of an interrupt's handler but its entry code. */
struct shk_vector {
	char name[48];
};

/*
 * The handlers of all vectors but exceptions, each once; returns how many, up to
 * SHK_VECTORS_MAX. -EOPNOTSUPP, said in the log: one is of an unknown kind.
 */
int shk_vectors_find(struct shk_vector *vectors);

#endif /* SHK_VECTORS_H */
