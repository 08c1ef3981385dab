// SPDX-License-Identifier: GPL-2.0-only
#include "shadows.h"
#include "snapshot.h"

#define PAGE	    4096ULL
#define TELL	    5 /* differences of each kind that are printed */
#define BASE_TABLES "init_top_pgt"

enum { BASE, BASE_USER, SELF, SELF_USER };

static const char *const roots[] = {
	"the base",
	"the base's user half",
	"this process",
	"this process's user half",
};

void snapshot_take(struct snapshot *s)
{
	uint64_t base = kernel_symbol(BASE_TABLES);
	uint64_t root[] = { base, base + PAGE, 0, 1 };
	size_t nr;

	s->from = kernel_symbol("_text");
	s->to = (kernel_symbol("_etext") + PAGE - 1) & ~(PAGE - 1);
	need(base && s->from && s->to > s->from);
	s->bytes = malloc(s->to - s->from);
	need(s->bytes);
	observe_text(s->from, s->bytes, s->to - s->from);

	/* Without PTI, the page behind the base's top-level table is no table. */
	free(observe_tables(1, s->from, s->to, &nr));
	for (int i = BASE; i <= SELF_USER; i++) {
		s->entries[i] = NULL;
		s->nr_entries[i] = 0;
		if (nr || (i != BASE_USER && i != SELF_USER))
			s->entries[i] = observe_tables(root[i], s->from, s->to, &s->nr_entries[i]);
	}
}

static void compare_bytes(const struct snapshot *before, const struct snapshot *after)
{
	size_t len = before->to - before->from;
	unsigned int differ = 0;

	if (!memcmp(before->bytes, after->bytes, len))
		return;
	for (size_t i = 0; i < len; i++)
		if (before->bytes[i] != after->bytes[i] && differ++ < TELL)
			expect_eq(after->bytes[i], before->bytes[i], "byte of text at 0x%" PRIx64,
				  before->from + i);
	expect_eq(differ, 0, "bytes of text that differ");
}

static void compare_tables(const struct snapshot *before, const struct snapshot *after, int root)
{
	unsigned int differ = 0;

	expect_eq(after->nr_entries[root], before->nr_entries[root], "entries of %s", roots[root]);
	if (after->nr_entries[root] != before->nr_entries[root])
		return;
	for (size_t i = 0; i < before->nr_entries[root]; i++) {
		const struct observer_entry *was = &before->entries[root][i];
		const struct observer_entry *is = &after->entries[root][i];

		if (was->value != is->value && differ++ < TELL)
			expect(false,
			       "%s, level %u, entry for 0x%" PRIx64 ": 0x%" PRIx64
			       ", expected 0x%" PRIx64,
			       roots[root], was->level, (uint64_t)was->addr, (uint64_t)is->value,
			       (uint64_t)was->value);
	}
	expect_eq(differ, 0, "page table entries of %s that differ", roots[root]);
}

void snapshot_compare(const struct snapshot *before, const struct snapshot *after)
{
	compare_bytes(before, after);
	for (int i = BASE; i <= SELF_USER; i++)
		compare_tables(before, after, i);
}

void snapshot_free(struct snapshot *snapshot)
{
	free(snapshot->bytes);
	for (int i = BASE; i <= SELF_USER; i++)
		free(snapshot->entries[i]);
}

void expect_base_everywhere(void)
{
	uint64_t from = kernel_symbol("_text");
	size_t nr_base, nr;
	struct observer_entry *base =
		observe_tables(kernel_symbol(BASE_TABLES), from, from + PAGE, &nr_base);
	struct observer_entry *tops = observe_tops(from, &nr);

	need(nr_base && nr);
	for (size_t i = 0; i < nr; i++)
		if (!tops[i].reserved)
			expect(tops[i].value == base[0].value,
			       "process %" PRIu64 " has the top-level entry 0x%" PRIx64
			       ", expected the base's 0x%" PRIx64,
			       (uint64_t)tops[i].addr, (uint64_t)tops[i].value,
			       (uint64_t)base[0].value);
	free(base);
	free(tops);
}
