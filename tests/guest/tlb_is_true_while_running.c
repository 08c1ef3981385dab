// SPDX-License-Identifier: GPL-2.0-only
/* test: core bochs timeout=60 */
/*
 * A process that never leaves its CPU executes the text that it is to execute
 * from the moment that attach, detach, adding and removing a probe return.
 * Without PTI, and in a shadow whose interrupts change no text, nothing on that
 * CPU loads CR3 but what is tested: stale translations would last.
 */
#include "actor.h"
#include "runners.h"
#include "shadows.h"

#define PAGE   4096
#define RANGE  0x200000ULL
#define ROUNDS 3
#define CALLS  50

static struct shadowk_shadow *shadow;
static struct runners runners;

/* A probe in the range of @symbol, but not in its page: so the range is diverged without it. */
static void probe_beside(const char *symbol)
{
	uint64_t at = kernel_symbol(symbol), addr, from = at & ~(RANGE - 1);
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[1024], place[32];
	bool done = false;

	need(file && at);
	while (!done && fgets(line, sizeof(line), file)) {
		addr = strtoull(line, NULL, 16);
		if (addr < from || addr >= from + RANGE ||
		    (addr > at - 4 * PAGE && addr < at + 4 * PAGE))
			continue;
		snprintf(place, sizeof(place), "0x%" PRIx64, addr);
		done = probe_try(shadow, "beside", place, SHADOWK_PROBE_COUNT, 0) >= 0;
	}
	fclose(file);
	need(done);
}

/*
 * The page that was just freed becomes a pipe's, full of: mov $-1, %eax; ret.
 * Whoever executes it, at whatever byte he begins, returns what is wrong.
 */
static void reuse_freed_page(void)
{
	static const unsigned char end[] = { 0xb8, 0xff, 0xff, 0xff, 0xff, 0xc3 };
	unsigned char page[PAGE];
	int ends[4][2];

	memset(page, 0x90, sizeof(page));
	memcpy(page + sizeof(page) - sizeof(end), end, sizeof(end));
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		need(!pipe(ends[i]));
		for (int n = 0; n < 16; n++)
			need(write(ends[i][1], page, sizeof(page)) == sizeof(page));
	}
	runners_progress(&runners, CALLS);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		close(ends[i][0]);
		close(ends[i][1]);
	}
}

/* From @from to a little later: how many calls there are surely, and possibly. */
static void expect_hits(const struct tally *from, bool counted, const char *when)
{
	uint64_t before = hits(shadow, GETPPID), lowest, highest;
	struct tally since = runners_tally(&runners), until, to;

	runners_progress(&runners, CALLS);
	until = runners_tally(&runners);
	before = hits(shadow, GETPPID) - before;
	to = runners_tally(&runners);
	tally_bounds(from, &since, &until, &to, &lowest, &highest);
	expect_range(before, counted ? lowest : 0, counted ? highest : runners.nr, "hits %s", when);
}

static void add(uint32_t flags)
{
	struct shadowk_shadow_info before = shadow_info(shadow), after;

	probe_add(shadow, GETPPID, GETPPID, SHADOWK_PROBE_COUNT, flags);
	after = shadow_info(shadow);
	/* Else there was nothing to flush: this test sees nothing. */
	expect_eq(after.private_pages - before.private_pages, 1, "new private pages");
	expect_eq(after.diverged_ranges - before.diverged_ranges, 0, "new diverged ranges");
}

int main(void)
{
	struct tally from;

	if (nr_cpus() < 2)
		skip("one CPU");
	pin(0);
	shadow = shadow_new_async(NULL);
	probe_beside(GETPPID);
	runners_start_on(&runners, 1);
	for (int i = 0; i < ROUNDS; i++) {
		add(0);
		runners_progress(&runners, CALLS);
		from = runners_tally(&runners);
		attach(shadow, runners.pid);
		expect_hits(&from, true, "after attach");
		probe_remove(shadow, GETPPID);
		reuse_freed_page();
		from = runners_tally(&runners);
		add(i % 2 ? SHADOWK_PROBE_FORCE_INT3 : 0);
		expect_hits(&from, true, "after the probe was added");
		detach(runners.pid);
		expect_hits(&from, false, "after detach");
		probe_remove(shadow, GETPPID);
	}
	expect_eq(runners_wrong(&runners), 0, "calls that returned something wrong");
	runners_end(&runners);
	return finish();
}
