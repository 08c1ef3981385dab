// SPDX-License-Identifier: GPL-2.0-only
/* test: core bochs timeout=60 */
/*
 * A process that never leaves its CPU executes the right text from the return of attach, detach,
 * and adding and removing a probe. Nothing else on that CPU loads CR3, if PTI is off and interrupts
 * change no text, so stale translations would last.
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

/*
 * Adds a probe in the range of @symbol, and not in its page. The range diverges by this probe, not
 * by the tested one.
 */
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
 * Fills the page that was just freed with "mov $-1, %eax; ret", by buffers of pipes. A process that
 * still executes the page returns -1, at whatever byte it enters.
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

/*
 * The probe must have counted all calls since this function began, and none before @from. If not
 * @counted, it may have counted one call of each thread.
 */
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
	/* Otherwise there is nothing to flush, and the test checks nothing. */
	expect_eq(after.private_pages - before.private_pages, 1, "new private pages");
	expect_eq(after.diverged_ranges - before.diverged_ranges, 0, "new diverged ranges");
}

int main(void)
{
	struct tally from;

	if (nr_cpus() < 2)
		skip("this guest has one CPU");
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
	expect_eq(runners_wrong(&runners), 0, "calls with a wrong result");
	runners_end(&runners);
	return finish();
}
