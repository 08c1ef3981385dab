// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * W^X: text of a process inside is writable neither where it is executed nor in the direct map. The
 * page becomes writable again when it is freed.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define PAGE	4096ULL
#define PRESENT 0x1ULL
#define RW	0x2ULL
#define FRAME	0x000ffffffffff000ULL

static struct shadowk_shadow *shadow;

/* Returns the entry that maps @addr in the caller's own tables. */
static struct observer_entry entry_of(uint64_t addr)
{
	struct observer_entry *entries, last;
	size_t nr;

	addr &= ~(PAGE - 1);
	entries = observe_tables(0, addr, addr + PAGE, &nr);
	need(nr);
	last = entries[nr - 1];
	free(entries);
	return last;
}

static uint64_t direct_map(uint64_t frame)
{
	uint64_t base;

	observe_text(kernel_symbol("page_offset_base"), &base, sizeof(base));
	return base + frame;
}

static long job_text_entry(long symbol)
{
	return entry_of(symbol).value;
}

static long job_alias_entry(long frame)
{
	return entry_of(direct_map(frame)).value;
}

static void expect_read_only(struct actor *inside, uint64_t addr, uint64_t base, const char *what)
{
	uint64_t private = actor_do(inside, job_text_entry, addr), alias;

	expect((private & FRAME) != (base & FRAME), "%s is not private, so the test checks nothing",
	       what);
	expect(!(private & RW), "the text mapping of %s is writable: 0x%" PRIx64, what, private);
	/* A probe writes to the page while it is in use. */
	count(shadow, GETPID);
	alias = actor_do(inside, job_alias_entry, private & FRAME);
	expect(alias & PRESENT, "the direct map lacks the page, so the test checks nothing");
	expect(!(alias & RW), "the direct map's alias of %s is writable: 0x%" PRIx64, what, alias);
	probe_remove(shadow, GETPID);
}

static void expect_given_back(struct actor *actor, uint64_t private, const char *what)
{
	uint64_t alias = actor_do(actor, job_alias_entry, private & FRAME);

	expect(alias & RW, "%s is still read-only after it was freed: 0x%" PRIx64, what, alias);
}

int main(void)
{
	struct shadowk_raw_spec all = { .size = sizeof(all), .flags = SHADOWK_RAW_IDENTITY };
	uint64_t addr = kernel_symbol(GETPPID), base, small, large;
	struct actor inside;

	observer_load();
	shadow = shadow_new(NULL);
	actor_start(&inside, 0);
	base = actor_do(&inside, job_text_entry, addr);

	count(shadow, GETPPID);
	attach(shadow, inside.pid);
	small = actor_do(&inside, job_text_entry, addr);
	expect_read_only(&inside, addr, base, "a page");

	/* Except on Xen PV, all of these pages are one page of 2 MB. */
	need_ok(shadowk_raw_add(shadow, &all));
	large = actor_do(&inside, job_text_entry, addr);
	expect_read_only(&inside, addr, base, "a page among many");

	detach(inside.pid);
	need_ok(shadowk_raw_remove(shadow, all.id));
	probe_remove(shadow, GETPPID);
	shadow_close(shadow);
	expect_given_back(&inside, small, "a page");
	expect_given_back(&inside, large, "a page among many");

	actor_end(&inside);
	victims_done();
	return finish();
}
