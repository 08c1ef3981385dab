// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=90 */
/*
 * A kprobe of the whole machine can be at the address of a shadow's probe. In whatever order they
 * come and go, the kprobe counts all hits, and the shadow's probe those of processes inside.
 */
#include "actor.h"
#include "places.h"
#include "shadows.h"
#include "tracefs.h"

#define INSIDE	30
#define OUTSIDE 50

static struct shadowk_shadow *shadow;
static struct actor inside, outside;

/* The hits that the probe and the kprobe must have, since they were added. */
static long ours, everybodys;

static void check(const char *when, const struct place *place, bool have_ours, bool have_global)
{
	actor_do(&inside, job_getppid, INSIDE);
	actor_do(&outside, job_getppid, OUTSIDE);
	if (have_ours) {
		ours += INSIDE;
		expect_eq(hits(shadow, "ours"), ours, "%s, %s, %s: hits in the shadow",
			  shadowk_arm_name(place->arm), place->text, when);
		expect_eq(probe_info(shadow, "ours").missed, 0, "%s, %s, %s: missed in the shadow",
			  shadowk_arm_name(place->arm), place->text, when);
	}
	if (have_global) {
		everybodys += INSIDE + OUTSIDE;
		expect_eq(kprobe_hits("everybodys"), everybodys, "%s, %s, %s: hits of the kprobe",
			  shadowk_arm_name(place->arm), place->text, when);
	}
}

static void add_ours(const struct place *place)
{
	probe_add(shadow, "ours", place->text, SHADOWK_PROBE_COUNT, place->flags);
	ours = 0;
}

static void add_global(const struct place *place)
{
	kprobe_add("everybodys", place->text);
	everybodys = 0;
}

static void in_order(const struct place *place, bool global_first, bool global_leaves_first)
{
	if (global_first) {
		add_global(place);
		check("the kprobe alone", place, false, true);
		add_ours(place);
		check("the kprobe came first", place, true, true);
	} else {
		add_ours(place);
		expect_eq(probe_info(shadow, "ours").arm, place->arm, "arm at %s", place->text);
		check("the probe alone", place, true, false);
		add_global(place);
		check("the probe came first", place, true, true);
	}
	if (global_leaves_first) {
		kprobe_remove("everybodys");
		check("the kprobe was removed", place, true, false);
		probe_remove(shadow, "ours");
	} else {
		probe_remove(shadow, "ours");
		check("the probe was removed", place, false, true);
		kprobe_remove("everybodys");
	}
}

/* The kprobe comes twice while the probe stays. */
static void again(const struct place *place)
{
	add_ours(place);
	for (int i = 0; i < 2; i++) {
		add_global(place);
		check("the kprobe came again", place, true, true);
		kprobe_remove("everybodys");
		check("the kprobe was removed again", place, true, false);
	}
	probe_remove(shadow, "ours");
}

int main(void)
{
	static const enum shadowk_probe_arm arms[] = {
		SHADOWK_ARM_CALL,
		SHADOWK_ARM_INT3,
		SHADOWK_ARM_JUMP,
	};

	kprobes_optimise(false);
	shadow = shadow_new(NULL);
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);
	for (size_t i = 0; i < ARRAY_SIZE(arms); i++) {
		struct place place = find_place(GETPPID, arms[i], job_getppid);

		for (int order = 0; order < 4; order++)
			in_order(&place, order & 1, order & 2);
		again(&place);
	}
	kprobes_optimise(true);
	actor_end(&inside);
	actor_end(&outside);
	return finish();
}
