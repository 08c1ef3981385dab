// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/kernel.h>
#include <linux/string.h>

#include "compat/ears.h"

struct search {
	struct shk_ear *ears;
	unsigned int nr;
};

static void note_tracepoint(struct tracepoint *tracepoint, void *arg)
{
	struct search *search = arg;
	unsigned int i;

	for (i = 0; i < search->nr; i++)
		if (!strcmp(tracepoint->name, search->ears[i].name))
			search->ears[i].tracepoint = tracepoint;
}

int shk_ears_find(struct shk_ear *ears, unsigned int nr)
{
	struct search search = { ears, nr };
	unsigned int i;

	for_each_kernel_tracepoint(note_tracepoint, &search);
	for (i = 0; i < nr; i++) {
		if (!ears[i].tracepoint) {
			pr_err("symbols: this kernel has no tracepoint %s\n", ears[i].name);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

void shk_ears_end(const struct shk_ear *ears, unsigned int nr)
{
	while (nr--)
		tracepoint_probe_unregister(ears[nr].tracepoint, ears[nr].probe, NULL);
	tracepoint_synchronize_unregister();
}

int shk_ears_listen(const struct shk_ear *ears, unsigned int nr)
{
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = tracepoint_probe_register(ears[i].tracepoint, ears[i].probe, NULL);
		if (ret) {
			shk_ears_end(ears, i);
			return ret;
		}
	}
	return 0;
}
