// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=120 */
/*
 * Text of a running process becomes private and is freed again, by pages of 4 KB and of 2 MB.
 * Meanwhile no mapping changes both size and frame between two flushes. On CPUs with itlb_multihit
 * that holds for processes that enter, move and leave, too.
 *
 * The fault that this avoids needs such a CPU, which no guest has (docs/design.md, "TLB flushes").
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

	expect(sizes ? seen > 0 : !seen, "%ld changes of the size, %s", seen, what);
	expect(read_number(PARAMETERS "frames") > 0, "the frame never changed, %s", what);
	expect_eq(read_number(PARAMETERS "both"), 0,
		  "changes of size and frame between two flushes, %s", what);
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
		/* The range changes from pages of 4 KB to one of 2 MB and back. */
		count(shadow, GETPPID);
		need_ok(shadowk_raw_add(shadow, &all));
		need_ok(shadowk_raw_remove(shadow, all.id));
		probe_remove(shadow, GETPPID);
	}
	expect_changes(!text_is_small(), "text of a process inside");
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

/*
 * A process enters a shadow, moves to another one and leaves, in every way: by attach, by enter,
 * and with a patch in place.
 */
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
	expect_changes(true, "text of a process that moves");
}

int main(void)
{
	if (is_xen_pv())
		skip("Xen PV maps all text by pages of 4 KB");
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
			       "shk_inplace cannot be unloaded");
	}
	actor_end(&inside);
	return finish();
}
