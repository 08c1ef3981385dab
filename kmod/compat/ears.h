/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints of the kernel that we listen to, for as long as somebody needs it. */
#ifndef SHK_EARS_H
#define SHK_EARS_H

#include <linux/tracepoint.h>

struct shk_ear {
	const char *name;
	void *probe;
	struct tracepoint *tracepoint;
};

/* -EOPNOTSUPP, said in the log: this kernel lacks one. */
int shk_ears_find(struct shk_ear *ears, unsigned int nr);
/* All or none, in this order. Sleeps. */
int shk_ears_listen(const struct shk_ear *ears, unsigned int nr);
/* The last first. At its return no probe runs, nor what had interrupts off when one ran. */
void shk_ears_end(const struct shk_ear *ears, unsigned int nr);

#endif /* SHK_EARS_H */
