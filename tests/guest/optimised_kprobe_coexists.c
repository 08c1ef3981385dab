// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=90 */
/*
 * The kernel turns a kprobe of the whole machine into a jump, which covers the place of a shadow's
 * probe. In whatever order the two come and go, each counts all of its hits.
 */
#include "actor.h"
#include "places.h"
#include "shadows.h"
#include "tracefs.h"
#include "victims.h"

#define INSIDE	30
#define OUTSIDE 50

struct pair {
	const char *what;
	unsigned int global, ours; /* offsets of the kprobe and of the shadow's probe */
	enum shadowk_probe_arm arm;
	uint32_t flags;
};

static struct shadowk_shadow *shadow;
static struct actor inside, outside;

static long job_call(long n)
{
	return victim_call(VICTIM_SELF, n);
}

static const char *place(unsigned int offset)
{
	static char text[64];

	snprintf(text, sizeof(text), VICTIM_SYMBOL "+%u", offset);
	return text;
}

static void check(const char *when, const struct pair *pair, bool have_ours, bool have_global)
{
	long ours = have_ours ? hits(shadow, "ours") : 0;
	long everybodys = have_global ? kprobe_hits("everybodys") : 0;

	actor_do(&inside, job_call, INSIDE);
	actor_do(&outside, job_call, OUTSIDE);
	if (have_ours)
		expect_eq(hits(shadow, "ours") - ours, INSIDE, "%s, %s: hits in the shadow",
			  pair->what, when);
	if (have_global)
		expect_eq(kprobe_hits("everybodys") - everybodys, INSIDE + OUTSIDE,
			  "%s, %s: hits of the kprobe", pair->what, when);
}

static void add_ours(const struct pair *pair)
{
	probe_add(shadow, "ours", place(pair->ours), SHADOWK_PROBE_COUNT, pair->flags);
	expect_eq(probe_info(shadow, "ours").arm, pair->arm, "%s: arm", pair->what);
}

static void add_global(const struct pair *pair)
{
	kprobe_add("everybodys", place(pair->global));
}

static void optimise(const struct pair *pair)
{
	uint64_t addr = kernel_symbol(VICTIM_SYMBOL) + pair->global;

	kprobes_optimise(true);
	if (!eventually(kprobe_is_optimised(addr)))
		skip("the kernel does not optimise the kprobe at %s", place(pair->global));
}

static void ours_first(const struct pair *pair)
{
	kprobes_optimise(false);
	add_ours(pair);
	add_global(pair);
	check("not optimised yet", pair, true, true);
	optimise(pair);
	check("optimised", pair, true, true);
	kprobes_optimise(false);
	check("no longer optimised", pair, true, true);
	optimise(pair);
	check("optimised again", pair, true, true);
	probe_remove(shadow, "ours");
	check("the probe was removed", pair, false, true);
	kprobe_remove("everybodys");

	add_ours(pair);
	add_global(pair);
	optimise(pair);
	kprobe_remove("everybodys");
	check("the kprobe was removed", pair, true, false);
	probe_remove(shadow, "ours");
}

static void kprobe_first(const struct pair *pair)
{
	/* In a place under the kernel's jump, the shadow's probe is a breakpoint, not a jump. */
	struct pair second = *pair;

	second.arm = SHADOWK_ARM_INT3;
	add_global(pair);
	optimise(pair);
	add_ours(&second);
	check("the kprobe came first", pair, true, true);
	kprobes_optimise(false);
	check("the kprobe came first, and is no longer optimised", pair, true, true);
	optimise(pair);
	check("the kprobe came first, and is optimised again", pair, true, true);
	probe_remove(shadow, "ours");
	check("the kprobe came first, and the probe was removed", pair, false, true);
	add_ours(&second);
	check("the kprobe came first, and the probe was added again", pair, true, true);
	kprobe_remove("everybodys");
	check("the kprobe came first, and was removed", pair, true, false);
	probe_remove(shadow, "ours");
}

/* Returns the offset of the instruction that follows the one at @offset. */
static unsigned int next_instruction(unsigned int offset)
{
	while (probe_try(shadow, "next", place(++offset), SHADOWK_PROBE_COUNT,
			 SHADOWK_PROBE_FORCE_INT3))
		need(shadowk_reason() == SHADOWK_REASON_NOT_INSTRUCTION);
	probe_remove(shadow, "next");
	return offset;
}

/* Returns the offset of the first instruction behind the __fentry__ site. */
static unsigned int first_instruction(void)
{
	uint64_t addr;

	probe_add(shadow, "first", VICTIM_SYMBOL, SHADOWK_PROBE_COUNT, SHADOWK_PROBE_FORCE_INT3);
	addr = probe_info(shadow, "first").addr;
	probe_remove(shadow, "first");
	return addr - kernel_symbol(VICTIM_SYMBOL);
}

/* ---- two probes of the shadow under one jump: each keeps the jump out of the private page ---- */

#define EDGE	"shk_victim:" VICTIM_AT_EDGE
#define AT_EDGE 12 /* three instructions of two bytes: see tests/victim/edge.S */

static long job_edge(long n)
{
	return victim_call(VICTIM_EDGE, n);
}

static void check_two(const char *when, bool have_first)
{
	long first = have_first ? hits(shadow, "first") : 0, second = hits(shadow, "second");

	actor_do(&inside, job_edge, INSIDE);
	actor_do(&outside, job_edge, OUTSIDE);
	if (have_first)
		expect_eq(hits(shadow, "first") - first, INSIDE,
			  "two probes, %s: hits of the first", when);
	expect_eq(hits(shadow, "second") - second, INSIDE, "two probes, %s: hits of the second",
		  when);
}

static void add_two(void)
{
	char text[64];

	for (unsigned int i = 1; i <= 2; i++) {
		snprintf(text, sizeof(text), EDGE "+%u", AT_EDGE + 2 * i);
		probe_add(shadow, i == 1 ? "first" : "second", text, SHADOWK_PROBE_COUNT,
			  SHADOWK_PROBE_FORCE_INT3);
	}
}

static void add_optimised(void)
{
	/* Tracing cannot add a kprobe to a function without a __fentry__ site. */
	need_ok(module_load(victim_path("shk_kprobe"), "at=" EDGE " offset=12"));
	kprobes_optimise(true);
	if (!eventually(kprobe_is_optimised(module_symbol(VICTIM_AT_EDGE) + AT_EDGE)))
		skip("the kernel does not optimise the kprobe at " EDGE);
}

static void remove_optimised(void)
{
	need_ok(module_unload("shk_kprobe"));
}

static void two_of_ours(void)
{
	add_optimised();
	add_two();
	check_two("the kprobe came first", true);
	/* The kprobe's breakpoint must leave the private page, too: no kprobe would handle it. */
	remove_optimised();
	check_two("the kprobe was removed", true);

	add_optimised();
	check_two("the probes came first", true);
	/* The jump must not overwrite the second probe. */
	probe_remove(shadow, "first");
	check_two("one probe was removed", false);
	remove_optimised();
	check_two("the kprobe and one probe were removed", false);
	probe_remove(shadow, "second");
}

int main(void)
{
	struct pair pairs[3] = {
		{ "breakpoint at the kprobe", .arm = SHADOWK_ARM_INT3,
		  .flags = SHADOWK_PROBE_FORCE_INT3 },
		{ "breakpoint under the kprobe's jump", .arm = SHADOWK_ARM_INT3,
		  .flags = SHADOWK_PROBE_FORCE_INT3 },
		{ "jump at the kprobe", .arm = SHADOWK_ARM_JUMP },
	};
	struct place jump;

	if (!kprobes_optimise(true))
		skip("this kernel does not optimise kprobes");
	victim_load();
	shadow = shadow_new(NULL);
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);

	pairs[0].global = pairs[0].ours = pairs[1].global = first_instruction();
	pairs[1].ours = next_instruction(pairs[1].global);
	expect_range(pairs[1].ours - pairs[1].global, 1, 4, "length of the first instruction");
	jump = find_place(VICTIM_SYMBOL, SHADOWK_ARM_JUMP, job_call);
	pairs[2].global = pairs[2].ours = atoi(strchr(jump.text, '+') + 1);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		ours_first(&pairs[i]);
		kprobe_first(&pairs[i]);
	}
	two_of_ours();
	actor_end(&inside);
	actor_end(&outside);
	victims_done();
	return finish();
}
