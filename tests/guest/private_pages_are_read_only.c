// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * W^X: what a process inside executes can be written neither where it executes
 * it nor through the direct map; the page is writable again when it is given back.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define PAGE	4096ULL
#define PRESENT 0x1ULL
#define RW	0x2ULL
#define FRAME	0x000ffffffffff000ULL

/* The entry that maps @addr, in the caller's own tables. */
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

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	uint64_t addr = kernel_symbol(GETPPID), base, private, alias;
	struct actor inside;

	observer_load();
	actor_start(&inside, 0);
	base = actor_do(&inside, job_text_entry, addr);

	count(shadow, GETPPID);
	attach(shadow, inside.pid);
	private = actor_do(&inside, job_text_entry, addr);
	expect((private & FRAME) != (base & FRAME),
	       "the page is not private: this test sees nothing");
	expect(!(private & RW), "the text mapping is writable: 0x%" PRIx64, private);
	/* Written to again while it is in use. */
	count(shadow, GETPID);
	alias = actor_do(&inside, job_alias_entry, private & FRAME);
	expect(alias & PRESENT, "the direct map has no such page: this test sees nothing");
	expect(!(alias & RW), "the direct map's alias is writable: 0x%" PRIx64, alias);

	detach(inside.pid);
	probe_remove(shadow, GETPPID);
	probe_remove(shadow, GETPID);
	shadow_close(shadow);
	alias = actor_do(&inside, job_alias_entry, private & FRAME);
	expect(alias & RW, "the page was given back read-only: 0x%" PRIx64, alias);

	actor_end(&inside);
	victims_done();
	return finish();
}
