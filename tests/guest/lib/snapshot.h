/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's text and the page tables that map it, all of it, to compare later. */
#ifndef SHADOWK_TEST_SNAPSHOT_H
#define SHADOWK_TEST_SNAPSHOT_H

#include "victims.h"

struct snapshot {
	uint64_t from, to; /* _text, _etext */
	unsigned char *bytes;
	/* Of the base, of its user half, of this process, of its user half. */
	struct observer_entry *entries[4];
	size_t nr_entries[4];
};

void snapshot_take(struct snapshot *snapshot);
/* What differs is a failure each, the first few of them told. */
void snapshot_compare(const struct snapshot *before, const struct snapshot *after);
void snapshot_free(struct snapshot *snapshot);

/* All processes' top-level entries for text are the base's. */
void expect_base_everywhere(void);

#endif /* SHADOWK_TEST_SNAPSHOT_H */
