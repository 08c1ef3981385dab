/* SPDX-License-Identifier: GPL-2.0-only */
/* Snapshots of the whole kernel text, and of the page tables that map it. */
#ifndef SHADOWK_TEST_SNAPSHOT_H
#define SHADOWK_TEST_SNAPSHOT_H

#include "victims.h"

struct snapshot {
	uint64_t from, to; /* _text, _etext */
	unsigned char *bytes;
	/* the base's, those of its user half, this process's, those of its user half */
	struct observer_entry *entries[4];
	size_t nr_entries[4];
};

void snapshot_take(struct snapshot *snapshot);
/* Each difference is a failure. The first few are printed. */
void snapshot_compare(const struct snapshot *before, const struct snapshot *after);
void snapshot_free(struct snapshot *snapshot);

/* Fails if a process has another top-level entry for text than the base. */
void expect_base_everywhere(void);

#endif /* SHADOWK_TEST_SNAPSHOT_H */
