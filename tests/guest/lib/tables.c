// SPDX-License-Identifier: GPL-2.0-only
#include "shadows.h"
#include "tables.h"
#include "victims.h"

#define PAGE	4096ULL
#define PMD	(512 * PAGE)
#define GB	(512 * PMD)
#define PRESENT 0x1ULL
#define RW	0x2ULL
#define PCD	0x10ULL
#define PSE	0x80ULL
#define NX	(1ULL << 63)

static unsigned char permits(uint64_t value)
{
	if (!(value & PRESENT))
		return 0;
	return MAPPED | (value & RW ? WRITABLE : 0) | (value & NX ? 0 : EXECUTABLE) |
	       (value & PCD ? 0 : CACHED);
}

/* Sets the permissions of each page of [from, to), which all levels together give. */
static void walk(uint64_t root, uint64_t from, uint64_t to, unsigned char *pages)
{
	unsigned char upper = MAPPED | WRITABLE | EXECUTABLE | CACHED, pmd = 0;
	struct observer_entry *entries;
	size_t nr, first;

	memset(pages, 0, (to - from) / PAGE);
	entries = observe_tables(root, from, to, &nr);
	for (size_t i = 0; i < nr; i++) {
		uint64_t value = entries[i].value;

		first = (entries[i].addr - from) / PAGE;
		if (entries[i].level > 2) {
			upper &= permits(value);
		} else if (entries[i].level == 1) {
			pages[first] = pmd & permits(value);
		} else {
			pmd = upper & permits(value);
			if (value & PSE)
				memset(pages + first, pmd, 512);
		}
	}
	free(entries);
}

unsigned int base_permits(uint64_t addr)
{
	unsigned char pages[512];

	walk(kernel_symbol("init_top_pgt"), addr & -PMD, (addr & -PMD) + PMD, pages);
	return pages[addr / PAGE % 512];
}

static long compare(uint64_t from, uint64_t to, bool missing)
{
	size_t nr = (to - from) / PAGE;
	unsigned char *mine = malloc(nr), *base = malloc(nr);
	long found = 0, executable = 0;

	need(mine && base);
	walk(0, from, to, mine);
	walk(kernel_symbol("init_top_pgt"), from, to, base);
	for (size_t i = 0; i < nr; i++) {
		bool wrong = missing ? base[i] & EXECUTABLE && !mine[i] : mine[i] & ~base[i];

		executable += !!(base[i] & EXECUTABLE);
		if (wrong && !found++)
			fprintf(stderr, "0x%" PRIx64 ": is %#x, the base's is %#x\n",
				(uint64_t)(from + i * PAGE), mine[i], base[i]);
	}
	need(executable);
	free(mine);
	free(base);
	return found;
}

/* The last PMD entry is left out, since it ends at the end of the address space. */
static uint64_t end_of(uint64_t area)
{
	return area + GB - (area == MODULES_AREA ? PMD : 0);
}

uint64_t base_large_page(uint64_t area)
{
	struct observer_entry *entries;
	uint64_t addr = 0;
	size_t nr;

	entries = observe_tables(kernel_symbol("init_top_pgt"), area, end_of(area), &nr);
	for (size_t i = 0; i < nr && !addr; i++)
		if (entries[i].level == 2 && entries[i].value & PSE &&
		    permits(entries[i].value) & WRITABLE)
			addr = entries[i].addr;
	free(entries);
	return addr;
}

/*
 * Walks again if pages differ: the base may have changed between the walks of its tables and of the
 * caller's.
 */
static long compare_twice(uint64_t area, bool missing)
{
	long found = compare(area, end_of(area), missing);

	return found ? compare(area, end_of(area), missing) : 0;
}

long job_wrongly_permitted(long area)
{
	return compare_twice(area, false);
}

long job_missing(long area)
{
	return compare_twice(area, true);
}
