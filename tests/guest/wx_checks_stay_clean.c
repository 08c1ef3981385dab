// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * Nothing that a process inside may execute may be written to where it executes it,
 * whatever size of pages it is mapped by; and the kernel's own check of the base's
 * page tables, where it can be asked for (6.12), finds nothing.
 */
#include <unistd.h>

#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define PRESENT 0x1ULL
#define RW	0x2ULL
#define PSE	0x80ULL
#define NX	(1ULL << 63)
#define RANGE	0x200000ULL
#define CHECK	"/sys/kernel/debug/check_wx_pages"

static struct shadowk_shadow *shadow;

/* Entries that let [from, to) be both, and how many there were to look at. */
static unsigned int writable(uint64_t from, uint64_t to, unsigned int *executable)
{
	struct observer_entry *entries;
	unsigned int found = 0;
	size_t nr;

	entries = observe_tables(0, from, to, &nr);
	for (size_t i = 0; i < nr; i++) {
		uint64_t value = entries[i].value;
		bool leaf = entries[i].level == 1 || (entries[i].level == 2 && value & PSE);

		if (!leaf || !(value & PRESENT) || value & NX)
			continue;
		*executable += 1;
		found += !!(value & RW);
	}
	free(entries);
	return found;
}

static long job_text(long unused)
{
	uint64_t from = kernel_symbol("_text"), to = kernel_symbol("_etext");
	unsigned int executable = 0, bad = writable(from, to, &executable);

	return executable ? (long)bad : -1;
}

static long job_module_text(long addr)
{
	uint64_t from = addr & -RANGE;
	unsigned int executable = 0, bad = writable(from, from + RANGE, &executable);

	return executable ? (long)bad : -1;
}

static void expect_clean(struct actor *inside, const char *when)
{
	char said[64];

	expect_eq(actor_do(inside, job_text, 0), 0, "writable text, %s", when);
	expect_eq(actor_do(inside, job_module_text, (long)module_symbol(VICTIM_TEXT)), 0,
		  "writable text of modules, %s", when);
	if (read_file(CHECK, said, sizeof(said)))
		expect(strstr(said, "SUCCESS"), "the kernel's check of the base says, %s: %s", when,
		       said);
}

int main(void)
{
	struct shadowk_raw all = { .size = sizeof(all), .flags = SHADOWK_RAW_IDENTITY };
	struct actor inside;

	observer_load();
	victim_load();
	shadow = shadow_new(NULL);
	actor_start(&inside, 0);
	attach(shadow, inside.pid);
	expect_clean(&inside, "with the module's own edits");
	count(shadow, GETPPID);
	count(shadow, VICTIM_TEXT);
	expect_clean(&inside, "with probes");
	need_ok(shadowk_raw_add(shadow, &all));
	expect_clean(&inside, "with all text private");
	need_ok(shadowk_raw_remove(shadow, all.id));
	expect_clean(&inside, "with few pages again");
	actor_end(&inside);
	shadow_close(shadow);
	victims_done();
	return finish();
}
