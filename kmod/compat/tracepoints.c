// SPDX-License-Identifier: GPL-2.0-only
/* Sets of tracepoints; see tracepoints.h. */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/kernel.h>
#include <linux/string.h>

#include "compat/tracepoints.h"

struct tracepoint_search {
	struct shk_tracepoint *tracepoints;
	unsigned int nr;
};

static void tracepoint_search_match(struct tracepoint *tracepoint, void *arg)
{
	struct tracepoint_search *search = arg;
	unsigned int i;

	for (i = 0; i < search->nr; i++)
		if (!strcmp(tracepoint->name, search->tracepoints[i].name))
			search->tracepoints[i].tracepoint = tracepoint;
}

int shk_tracepoints_find(struct shk_tracepoint *tracepoints, unsigned int nr)
{
	struct tracepoint_search search = { tracepoints, nr };
	unsigned int i;

	for_each_kernel_tracepoint(tracepoint_search_match, &search);
	for (i = 0; i < nr; i++) {
		if (!tracepoints[i].tracepoint) {
			pr_err("symbols: this kernel has no tracepoint %s\n", tracepoints[i].name);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

void shk_tracepoints_unregister(const struct shk_tracepoint *tracepoints, unsigned int nr)
{
	while (nr--)
		tracepoint_probe_unregister(tracepoints[nr].tracepoint, tracepoints[nr].probe,
					    NULL);
	tracepoint_synchronize_unregister();
}

int shk_tracepoints_register(const struct shk_tracepoint *tracepoints, unsigned int nr)
{
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = tracepoint_probe_register(tracepoints[i].tracepoint, tracepoints[i].probe,
						NULL);
		if (ret) {
			shk_tracepoints_unregister(tracepoints, i);
			return ret;
		}
	}
	return 0;
}
