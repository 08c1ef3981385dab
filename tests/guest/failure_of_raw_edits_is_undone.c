// SPDX-License-Identifier: GPL-2.0-only
/* test: debug timeout=300 */
/*
 * Adding and removing a raw edit, or private pages without an edit, changes nothing if one of its
 * allocations fails.
 */
#include "failures.h"
#include "victims.h"

/* The shadow that the next walk edits. */
static struct shadowk_shadow *edited;
static struct shadowk_raw_spec raw, raw_wish;

static long run_raw_add(unsigned int n)
{
	raw = raw_wish;
	return DISTURBED(n, shadowk_raw_add(edited, &raw));
}

static void undo_raw_add(void)
{
	need_ok(shadowk_raw_remove(edited, raw.id));
}

static long run_raw_remove(unsigned int n)
{
	return DISTURBED(n, shadowk_raw_remove(edited, raw.id));
}

static void undo_raw_remove(void)
{
	need_ok(run_raw_add(0));
}

static void undo_raw_add_fresh(void)
{
	need_ok(shadowk_shadow_destroy(fresh));
	renew_fresh();
	edited = fresh;
}

static void walk_raw(const char *name, const char *first_name)
{
	struct operation add = { name, run_raw_add, undo_raw_add };
	struct operation first = { first_name, run_raw_add, undo_raw_add_fresh };
	char removal[128];
	struct operation remove = { removal, run_raw_remove, undo_raw_remove };

	snprintf(removal, sizeof(removal), "remove: %s", name);
	edited = shadow;
	walk(&add);
	need_ok(run_raw_add(0));
	walk(&remove);
	undo_raw_add();
	edited = fresh;
	walk(&first);
}

static void walk_raws(void)
{
	/* mov $0, %eax, which is as long as a call */
	raw_wish = (struct shadowk_raw_spec){ .size = sizeof(raw), .len = 5, .bytes = { 0xb8 } };
	raw_wish.addr = find_call(GETUID, "from_kuid_munged");
	expect(raw_wish.addr, "getuid() does not call from_kuid_munged()");
	if (raw_wish.addr)
		walk_raw("a raw edit", "a raw edit in an empty shadow");
	/* pages in two ranges of text */
	raw_wish = (struct shadowk_raw_spec){ .size = sizeof(raw), .flags = SHADOWK_RAW_IDENTITY };
	raw_wish.addr = ((kernel_symbol("vfs_read") >> 21) << 21) - 0x2000;
	raw_wish.len = 0x3000;
	walk_raw("private pages", "private pages in an empty shadow");
}

int main(void)
{
	observer_load();
	failures_setup();
	walk_raws();
	failures_done();
	victims_done();
	return finish();
}
