/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints of the kernel that we listen to, for as long as somebody needs it. */
#ifndef SHK_TRACEPOINTS_H
#define SHK_TRACEPOINTS_H

#include <linux/tracepoint.h>

struct shk_tracepoint {
	const char *name;
	void *probe;
	struct tracepoint *tracepoint;
};

/* -EOPNOTSUPP, said in the log: this kernel lacks one. */
int shk_tracepoints_find(struct shk_tracepoint *tracepoints, unsigned int nr);
/* All or none, in this order. Sleeps. */
int shk_tracepoints_register(const struct shk_tracepoint *tracepoints, unsigned int nr);
/* The last first. At its return no probe runs, nor what had interrupts off when one ran. */
void shk_tracepoints_unregister(const struct shk_tracepoint *tracepoints, unsigned int nr);

#endif /* SHK_TRACEPOINTS_H */
