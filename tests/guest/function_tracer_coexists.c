// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * The kernel's function tracer and a shadow's probe can be at the entry of the same function. In
 * whatever order they come and go, the tracer sees all calls, and the probe those of processes
 * inside.
 */
#include "actor.h"
#include "shadows.h"
#include "tracefs.h"
#include "victims.h"

#define INSIDE	30
#define OUTSIDE 50

static struct shadowk_shadow *shadow;
static struct actor inside, outside;

static void check(const char *when, bool have_ours, bool have_tracer)
{
	long ours = have_ours ? hits(shadow, "ours") : 0;

	tracefs_clear();
	actor_do(&inside, job_victim, VICTIM_ORDER(VICTIM_SELF, INSIDE));
	actor_do(&outside, job_victim, VICTIM_ORDER(VICTIM_SELF, OUTSIDE));
	if (have_ours)
		expect_eq(hits(shadow, "ours") - ours, INSIDE, "%s: hits in the shadow", when);
	if (have_tracer)
		expect_eq(tracefs_count(" " VICTIM_SYMBOL " "), INSIDE + OUTSIDE,
			  "%s: calls in the trace", when);
}

static void tracer_add(void)
{
	tracefs_write("set_ftrace_filter", VICTIM_SYMBOL "\n");
	tracefs_write("current_tracer", "function\n");
}

static void tracer_remove(void)
{
	tracefs_write("current_tracer", "nop\n");
	tracefs_write("set_ftrace_filter", "!" VICTIM_SYMBOL "\n");
}

static void ours_add(uint32_t flags)
{
	probe_add(shadow, "ours", VICTIM_SYMBOL, SHADOWK_PROBE_COUNT, flags);
}

static void in_order(bool tracer_first, bool tracer_leaves_first, uint32_t flags)
{
	if (tracer_first)
		tracer_add();
	else
		ours_add(flags);
	check(tracer_first ? "the tracer alone" : "the probe alone", !tracer_first, tracer_first);
	if (tracer_first)
		ours_add(flags);
	else
		tracer_add();
	check(tracer_first ? "the tracer came first" : "the probe came first", true, true);
	if (tracer_leaves_first)
		tracer_remove();
	else
		probe_remove(shadow, "ours");
	check(tracer_leaves_first ? "the tracer was removed" : "the probe was removed",
	      tracer_leaves_first, !tracer_leaves_first);
	if (tracer_leaves_first)
		probe_remove(shadow, "ours");
	else
		tracer_remove();
}

int main(void)
{
	victim_load();
	shadow = shadow_new(NULL);
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);
	for (int order = 0; order < 4; order++) {
		in_order(order & 1, order & 2, 0);
		in_order(order & 1, order & 2, SHADOWK_PROBE_FORCE_INT3);
		in_order(order & 1, order & 2, SHADOWK_PROBE_RETURN);
	}
	actor_end(&inside);
	actor_end(&outside);
	victims_done();
	return finish();
}
