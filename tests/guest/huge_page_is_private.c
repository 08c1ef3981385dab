// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=120 */
/*
 * If much of a range is private, one private page of 2 MB maps it, and pages of 4 KB map it again
 * when less is private. Processes inside always execute the shadow's text, also while the size
 * changes, and no process outside does.
 */
#include "lists.h"
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define PAGE	  4096ULL
#define HUGE	  (512 * PAGE)
#define TIMES	  100
#define THRESHOLD "/sys/module/shadowk/parameters/huge_threshold"

static struct shadowk_shadow *shadow;
static struct actor inside[2], outside;
static uint64_t range;

/* Returns the level of the entry that maps the range: 1 for 4 KB, 2 for 2 MB. */
static long job_level(long addr)
{
	struct observer_entry *entries;
	size_t nr;
	long level;

	entries = observe_tables(0, addr, addr + 1, &nr);
	need(nr);
	level = entries[nr - 1].level;
	free(entries);
	return level;
}

static void expect_level(long level, const char *when)
{
	expect_eq(actor_do(&inside[0], job_level, range), level, "level inside, %s", when);
	expect_eq(actor_do(&outside, job_level, range), 2, "level outside, %s", when);
	expect_eq(shadow_info(shadow).huge_ranges, level == 2, "private pages of 2 MB, %s", when);
}

static struct shadowk_raw_spec pin_pages(unsigned int first, unsigned int nr)
{
	struct shadowk_raw_spec raw = {
		.size = sizeof(raw),
		.flags = SHADOWK_RAW_IDENTITY,
		.addr = range + first * PAGE,
		.len = nr * PAGE,
	};

	need_ok(shadowk_raw_add(shadow, &raw));
	return raw;
}

/* A CPU with a stale translation executes pages that lack the new probe, and does not hit it. */
static void expect_new_probe_is_hit(const char *when)
{
	count(shadow, GETPID);
	for (int i = 0; i < 2; i++)
		actor_do(&inside[i], job_getpid, TIMES);
	actor_do(&outside, job_getpid, TIMES);
	expect_eq(hits(shadow, GETPID), 2 * TIMES, "hits of a new probe, %s", when);
	probe_remove(shadow, GETPID);
	for (int i = 0; i < 2; i++)
		actor_do(&inside[i], job_getpid, TIMES);
}

static void expect_no_strays(void)
{
	struct shadowk_edit_info *edits;
	long nr = need_ok(list_read(shadowk_edit_list, shadow, &edits));

	for (long i = 0; i < nr; i++)
		expect(!(edits[i].flags & SHADOWK_EDIT_STRAY), "stray bytes at 0x%" PRIx64,
		       edits[i].addr);
	expect(nr, "the list has no edit");
	free(edits);
}

/* Returns how many pages of 4 KB from @from up to @to have edits: hooks of the module, and probes. */
static unsigned int edited_pages(uint64_t from, uint64_t to)
{
	struct shadowk_edit_info *edits;
	long nr = need_ok(list_read(shadowk_edit_list, shadow, &edits));
	unsigned int pages = 0;
	uint64_t last = 0;

	/* In the order of their addresses. */
	for (long i = 0; i < nr; i++) {
		uint64_t page = edits[i].addr & -(uint64_t)PAGE;

		pages += page >= from && page < to && page != last;
		last = page;
	}
	free(edits);
	return pages;
}

/* Returns how many first pages of the range are to be pinned so that @wanted pages are private. */
static unsigned int pins_for(unsigned int wanted)
{
	unsigned int pins = 0;

	while (pins + 1 + edited_pages(range + (pins + 1) * PAGE, range + HUGE) <= wanted)
		pins++;
	return pins;
}

static unsigned int threshold(void)
{
	char text[32];

	need(read_file(THRESHOLD, text, sizeof(text)));
	return atoi(text);
}

/* An instruction that is edited by another page, which must be of 4 KB. */
static struct shadowk_raw_spec raw_edit(void)
{
	struct shadowk_raw_spec raw = { .size = sizeof(raw),
					.len = 5,
					.bytes = { 0xb8, 0x67, 0x12 } };

	raw.addr = find_call(GETUID, "from_kuid_munged");
	need(raw.addr && raw.addr - range < HUGE);
	need_ok(shadowk_raw_add(shadow, &raw));
	return raw;
}

int main(void)
{
	struct shadowk_raw_spec most, rest, raw;
	struct shadowk_shadow_info before, after;
	unsigned int least, pins;
	long level;

	if (is_xen_pv())
		skip("Xen PV maps all text by pages of 4 KB");
	if (text_is_small())
		skip("on this CPU, shadows map all text by pages of 4 KB");
	least = threshold();
	need(least > 1 && least < 500);
	observer_load();
	range = kernel_symbol(GETPPID) & -HUGE;
	need(range + HUGE <= kernel_symbol("_etext"));
	shadow = shadow_new(NULL);
	actor_start(&inside[0], 0);
	actor_start(&inside[1], (int)nr_cpus() - 1);
	actor_start(&outside, -1);
	for (int i = 0; i < 2; i++)
		attach(shadow, inside[i].pid);
	before = shadow_info(shadow);
	level = actor_do(&inside[0], job_level, range);

	count(shadow, GETPPID);
	pins = pins_for(least - 1);
	most = pin_pages(0, pins);
	expect_level(1, "with one private page too few");
	expect_new_probe_is_hit("in 4 KB pages");
	rest = pin_pages(pins, 500 - pins);
	expect_level(2, "with enough private pages");
	expect_eq(shadow_info(shadow).private_pages,
		  512 + edited_pages(0, range) + edited_pages(range + HUGE, UINT64_MAX),
		  "private pages");
	expect_new_probe_is_hit("in 2 MB");
	expect_no_strays();
	for (int i = 0; i < 2; i++)
		actor_do(&inside[i], job_getppid, TIMES);
	expect_eq(hits(shadow, GETPPID), 2 * TIMES, "hits of the first probe");

	raw = raw_edit();
	expect_level(1, "with a raw edit");
	expect_new_probe_is_hit("in 4 KB because of a raw edit");
	need_ok(shadowk_raw_remove(shadow, raw.id));
	expect_level(2, "without the raw edit");
	expect_new_probe_is_hit("in 2 MB again");

	need_ok(shadowk_raw_remove(shadow, rest.id));
	need_ok(shadowk_raw_remove(shadow, most.id));
	expect_level(1, "with a probe only");
	expect_range(shadow_info(shadow).private_pages, before.private_pages,
		     before.private_pages + 1, "private pages with a probe only");
	expect_new_probe_is_hit("in few pages");

	most = pin_pages(0, 512);
	expect_level(2, "with all pages private");
	probe_remove(shadow, GETPPID);
	need_ok(shadowk_raw_remove(shadow, most.id));
	expect_eq(actor_do(&inside[0], job_level, range), level, "level inside, without edits");
	after = shadow_info(shadow);
	expect_eq(after.huge_ranges, 0, "private pages of 2 MB at the end");
	expect_eq(after.private_pages, before.private_pages, "private pages at the end");
	expect_eq(after.memory, before.memory, "memory at the end");

	for (int i = 0; i < 2; i++)
		actor_end(&inside[i]);
	actor_end(&outside);
	victims_done();
	return finish();
}
