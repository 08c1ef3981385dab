/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of the kernel's tracepoints that the module listens to for some time. */
#ifndef SHK_TRACEPOINTS_H
#define SHK_TRACEPOINTS_H

#include <linux/tracepoint.h>

#include "compat/have.h"

/* A tracepoint and the function that is called there. */
struct shk_tracepoint {
	const char *name;
	void *probe;		       /* with NULL and the tracepoint's arguments */
	struct tracepoint *tracepoint; /* written by shk_tracepoints_find() */
};

/*
 * Finds the @nr tracepoints by their names, at load. May sleep. Returns 0; -EOPNOTSUPP: the kernel
 * lacks one, which the log names.
 */
int shk_tracepoints_find(struct shk_tracepoint *tracepoints, unsigned int nr);
/*
 * Registers the probes of all @nr tracepoints, in the order of the array. The caller serialises
 * this with shk_tracepoints_unregister(). May sleep. Returns 0, or an error of
 * tracepoint_probe_register(), after which no probe is registered.
 */
int shk_tracepoints_register(const struct shk_tracepoint *tracepoints, unsigned int nr);
/*
 * Unregisters the probes of all @nr tracepoints, from the last of the array to the first. Then
 * waits for a grace period: at return no CPU executes one of the probes. If a probe was called with
 * interrupts off, the code that called it has also run until it enabled them. May sleep.
 */
void shk_tracepoints_unregister(const struct shk_tracepoint *tracepoints, unsigned int nr);

/*
 * Returns true if the kernel calls a function before the first user of @tracepoint is added, and
 * one after the last is removed. Any context.
 */
static inline bool shk_tracepoint_has_regfunc(const struct tracepoint *tracepoint)
{
#if SHK_HAVE_TRACEPOINT_EXT
	return tracepoint->ext;
#else
	return tracepoint->regfunc;
#endif
}

/*
 * Returns the static key that enables @tracepoint. Kernels from 7.2 on have a struct
 * static_key_false there, whose only member is the key. Any context.
 */
static inline const struct static_key *shk_tracepoint_key(const struct tracepoint *tracepoint)
{
	static_assert(sizeof(tracepoint->key) == sizeof(struct static_key));
	return (const struct static_key *)&tracepoint->key;
}

#endif /* SHK_TRACEPOINTS_H */
