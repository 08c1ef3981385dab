// SPDX-License-Identifier: GPL-2.0-only
/* test: icount timeout=240 */
/*
 * An event takes at most as many instructions as a kprobe event at the same address, at a function's
 * entry and at a breakpoint. Both are recorded in the kernel's trace buffer.
 */
#include "actor.h"
#include "cost.h"
#include "shadows.h"
#include "tracefs.h"

#define CALLS	   200
#define OFFSET_MAX 24 /* far enough for a breakpoint */
#define NAME	   "__x64_sys_getppid"
#define EVENT	   "events/shadowk/shadowk_probe/enable"

static struct shadowk_shadow *shadow;
static struct actor inside, outside;
static long nothing; /* instructions of CALLS calls without a probe */

static const char *place(unsigned int offset)
{
	static char text[64];

	snprintf(text, sizeof(text), GETPPID "+%u", offset);
	return text;
}

static long cost(struct actor *actor)
{
	return (actor_do(actor, job_cost, CALLS) - nothing) / CALLS;
}

/* Returns the arm of an event probe there, or 0 if a call does not execute it exactly once. */
static unsigned int arm_at(unsigned int offset)
{
	uint64_t before;

	if (probe_try(shadow, NAME, place(offset), SHADOWK_PROBE_EVENT, 0) < 0)
		return 0;
	before = hits(shadow, NAME);
	actor_do(&inside, job_getppid, CALLS);
	if (hits(shadow, NAME) - before == CALLS)
		return probe_info(shadow, NAME).arm;
	probe_remove(shadow, NAME);
	return 0;
}

int main(void)
{
	unsigned int seen[4] = {}, arm;
	long kernels, ours;

	cost_main();
	shadow = shadow_new(NULL);
	actor_start(&outside, 0);
	actor_start(&inside, 0);
	nothing = actor_do(&outside, job_cost, CALLS);
	attach(shadow, inside.pid);
	kprobes_optimise(false);
	for (unsigned int offset = 0; offset < OFFSET_MAX; offset++) {
		arm = arm_at(offset);
		if (!arm)
			continue;
		tracefs_write(EVENT, "1");
		tracefs_clear();
		ours = cost(&inside);
		expect(tracefs_count("shadowk_probe: ") > CALLS, "events at %s are recorded",
		       place(offset));
		tracefs_write(EVENT, "0");
		probe_remove(shadow, NAME);
		/* The kernel has no breakpoint there that could be compared with a jump. */
		if (arm == SHADOWK_ARM_JUMP)
			continue;
		kprobe_add("shk_kernels", place(offset));
		kernels = cost(&outside);
		kprobe_remove("shk_kernels");
		seen[arm]++;
		printf("%s: arm %s, %ld instructions; a kprobe event %ld\n", place(offset),
		       shadowk_arm_name(arm), ours, kernels);
		expect_range(ours, 1, kernels, "instructions of an event at %s, arm %s",
			     place(offset), shadowk_arm_name(arm));
	}
	expect(seen[SHADOWK_ARM_INT3] && seen[SHADOWK_ARM_CALL],
	       "%u breakpoints, %u calls: some arm was not measured", seen[SHADOWK_ARM_INT3],
	       seen[SHADOWK_ARM_CALL]);
	actor_end(&inside);
	actor_end(&outside);
	return finish();
}
