// SPDX-License-Identifier: GPL-2.0-only
/* test: icount timeout=240 */
/*
 * A hit takes at most as many instructions as a hit of a kprobe at the same address with an empty
 * handler. Breakpoints are compared with the kernel's breakpoints, calls and jumps with its jumps.
 * A call takes fewer than a kprobe on ftrace.
 */
#include "actor.h"
#include "cost.h"
#include "shadows.h"
#include "tracefs.h"
#include "victims.h"

#define CALLS	   200
#define OFFSET_MAX 48 /* far enough for each kind of instruction */
#define KPROBE	   "shk_kprobe"
#define JUMP	   0xe9

static struct shadowk_shadow *shadow;
static struct actor inside, outside;
static long nothing; /* instructions of CALLS calls without a probe */

static const char *place(unsigned int offset)
{
	static char text[64];

	snprintf(text, sizeof(text), GETPPID "+%u", offset);
	return text;
}

/* Returns the instructions of one hit of a shadow's probe. */
static long our_cost(void)
{
	return (actor_do(&inside, job_cost, CALLS) - nothing) / CALLS;
}

static bool kprobe_load(unsigned int offset)
{
	char parameters[128];

	snprintf(parameters, sizeof(parameters), "at=" GETPPID " offset=%u", offset);
	return !module_load(victim_path(KPROBE), parameters);
}

static long kernel_cost(void)
{
	long cost = (actor_do(&outside, job_cost, CALLS) - nothing) / CALLS;

	need_ok(module_unload(KPROBE));
	return cost;
}

/* Shows whether the kprobe's jump is in place. The kernel lists it as optimised earlier. */
static unsigned char byte_at(uint64_t addr)
{
	unsigned char byte;

	observe_text(addr, &byte, 1);
	return byte;
}

/* Instructions of a hit of the kernel's kprobe, 0 if it has none there. */
struct kernels {
	long first; /* a breakpoint, or at an entry a kprobe on ftrace */
	long jump;
};

static struct kernels kernel_costs(unsigned int offset)
{
	uint64_t addr = kernel_symbol(GETPPID) + offset;
	struct kernels costs = {};

	kprobes_optimise(false);
	if (!kprobe_load(offset))
		return costs;
	costs.first = kernel_cost();
	kprobes_optimise(true);
	need(kprobe_load(offset));
	for (int i = 0; i < 20 && byte_at(addr) != JUMP; i++)
		usleep(100000);
	if (byte_at(addr) == JUMP)
		costs.jump = kernel_cost();
	else
		need_ok(module_unload(KPROBE));
	return costs;
}

/* Returns the arm of a probe there, or 0 if a call does not execute it exactly once. */
static unsigned int arm_at(unsigned int offset)
{
	uint64_t before;

	if (probe_try(shadow, "probe", place(offset), SHADOWK_PROBE_COUNT, 0) < 0)
		return 0;
	before = hits(shadow, "probe");
	actor_do(&inside, job_getppid, CALLS);
	if (hits(shadow, "probe") - before == CALLS)
		return probe_info(shadow, "probe").arm;
	probe_remove(shadow, "probe");
	return 0;
}

int main(void)
{
	struct kernels kernels[OFFSET_MAX];
	unsigned int seen[4] = {}, arm;
	long ours, call = 0, jump = 0;

	cost_main();
	observer_load();
	shadow = shadow_new(NULL);
	actor_start(&outside, 0);
	actor_start(&inside, 0);
	nothing = actor_do(&outside, job_cost, CALLS);
	/*
	 * Kprobes are measured first, since a kprobe beside a shadow's probe takes more
	 * instructions.
	 */
	for (unsigned int offset = 0; offset < OFFSET_MAX; offset++)
		kernels[offset] = kernel_costs(offset);
	attach(shadow, inside.pid);
	expect_eq(actor_do(&inside, job_cost, CALLS), nothing,
		  "instructions inside without a probe");

	for (unsigned int offset = 0; offset < OFFSET_MAX; offset++) {
		arm = arm_at(offset);
		if (!arm)
			continue;
		ours = our_cost();
		probe_remove(shadow, "probe");
		seen[arm]++;
		printf("%s: arm %s, %ld instructions; the kernel's kprobe %ld, optimised %ld\n",
		       place(offset), shadowk_arm_name(arm), ours, kernels[offset].first,
		       kernels[offset].jump);
		expect_range(ours, 1, kernels[offset].first, "instructions of a hit at %s, arm %s",
			     place(offset), shadowk_arm_name(arm));
		if (arm == SHADOWK_ARM_CALL) {
			call = ours;
			expect_range(ours, 1, kernels[offset].first - 1,
				     "instructions of a call, compared with ftrace");
		}
		if (arm == SHADOWK_ARM_JUMP && kernels[offset].jump) {
			jump = kernels[offset].jump;
			expect_range(ours, 1, jump, "instructions of a jump at %s", place(offset));
		}
	}
	expect(seen[SHADOWK_ARM_INT3] && seen[SHADOWK_ARM_CALL] && seen[SHADOWK_ARM_JUMP],
	       "%u breakpoints, %u calls, %u jumps: some arm was not measured",
	       seen[SHADOWK_ARM_INT3], seen[SHADOWK_ARM_CALL], seen[SHADOWK_ARM_JUMP]);
	expect(jump, "the kernel optimises no kprobe, so no jump was compared");
	expect_range(call, 1, jump, "instructions of a call, compared with the kernel's jump");
	actor_end(&inside);
	actor_end(&outside);
	victims_done();
	return finish();
}
