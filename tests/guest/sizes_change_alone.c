// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=120 */
/*
 * While text of a process that runs becomes private and ceases to be, in pages of 4 KB
 * and of 2 MB, no mapping changes its size and its frame without a flush between. Nor, on
 * CPUs that must not see that, while a process comes into a shadow, moves, and comes back. The
 * fault that this avoids needs a CPU that none of our guests has (docs/design.md, TLB).
 */
#include "actor.h"
#include "patches.h"
#include "shadows.h"
#include "victims.h"

#define PARAMETERS "/sys/module/shk_sizes/parameters/"

static struct shadowk_shadow *shadow, *other;
static struct actor inside;

static void watch(void)
{
	char parameters[64];

	snprintf(parameters, sizeof(parameters), "pid=%d at=0x%" PRIx64, inside.pid,
		 kernel_symbol(GETPPID));
	need_ok(module_load(victim_path("shk_sizes"), parameters));
}

static void expect_changes(bool sizes, const char *what)
{
	long seen = read_number(PARAMETERS "sizes");

	expect(sizes ? seen > 0 : !seen, "%ld sizes changed, %s", seen, what);
	expect(read_number(PARAMETERS "frames") > 0, "frames change, %s", what);
	expect_eq(read_number(PARAMETERS "both"), 0, "changes of both without a flush between, %s",
		  what);
	need_ok(module_unload("shk_sizes"));
}

static void change_text(void)
{
	struct shadowk_raw_spec all = { .size = sizeof(all), .flags = SHADOWK_RAW_IDENTITY };

	attach(shadow, inside.pid);
	watch();
	for (int round = 0; round < 2; round++) {
		count(shadow, GETPPID);
		probe_remove(shadow, GETPPID);
		need_ok(shadowk_raw_add(shadow, &all));
		need_ok(shadowk_raw_remove(shadow, all.id));
		/* From pages of 4 KB to one of 2 MB and back. */
		count(shadow, GETPPID);
		need_ok(shadowk_raw_add(shadow, &all));
		need_ok(shadowk_raw_remove(shadow, all.id));
		probe_remove(shadow, GETPPID);
	}
	expect_changes(!text_is_small(), "text of who is inside");
	detach(inside.pid);
}

static long job_enter(long unused)
{
	struct shadowk_shadow *in = shadow_new(NULL);

	count(in, GETPPID);
	for (int i = 0; i < 3; i++)
		need(!shadowk_enter(in) && !shadowk_leave(in));
	shadow_close(in);
	return 0;
}

/* Into a shadow, to another, and out: whoever asks, and however. */
static void change_process(void)
{
	count(shadow, GETPPID);
	count(other, GETPPID);
	watch();
	for (int round = 0; round < 3; round++) {
		attach(shadow, inside.pid);
		attach(other, inside.pid);
		detach(inside.pid);
	}
	need_ok(actor_do(&inside, job_enter, 0));
	if (has_frames()) {
		need_ok(patch_in_place(shadow, "p", "shk_inplace"));
		attach(shadow, inside.pid);
		detach(inside.pid);
		patch_remove(shadow, "p");
	}
	expect_changes(true, "text that a process comes to");
}

int main(void)
{
	if (is_xen_pv())
		skip("text is in pages of 4 KB only");
	shadow = shadow_new(NULL);
	other = shadow_new(NULL);
	actor_start_holding(&inside, 0);
	change_text();
	if (text_is_small()) {
		if (has_frames())
			inplace_load();
		change_process();
		if (has_frames())
			expect(eventually(!module_unload("shk_inplace")),
			       "its module can be unloaded");
	}
	actor_end(&inside);
	return finish();
}
