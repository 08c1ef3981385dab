// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=120 */
/*
 * Whatever hypercall Xen refuses, the call fails with EIO and changes nothing, and succeeds when it
 * is made again.
 *
 * A test module makes Xen refuse the n-th batch of hypercalls. The test increments n until there is
 * no such batch.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define CALLS	   3
#define TRIES	   1000
#define PARAMETERS "/sys/module/shk_xen_refuses/parameters/"

static struct shadowk_shadow *fresh, *shadow, *other;
static struct actor inside, mover, outside;
static struct shadowk_raw_spec raw;

static void refuse(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	need(write_file(PARAMETERS "nth", text));
}

/* ---- the state that a refused call must not change ---- */

struct state {
	struct shadowk_info module;
	struct shadowk_shadow_info shadows[3];
	uint64_t where[3];
};

static struct state look(void)
{
	return (struct state){
		.module = module_info(),
		.shadows = { shadow_info(fresh), shadow_info(shadow), shadow_info(other) },
		.where = { shadow_of(inside.pid), shadow_of(mover.pid), shadow_of(outside.pid) },
	};
}

static void expect_state(const struct state *expected, const char *when)
{
	static const char *const names[] = { "the fresh shadow", "the shadow", "the other shadow" };
	struct state seen = look();

	expect_eq(seen.module.memory, expected->module.memory, "bytes of the module, %s", when);
	expect_eq(seen.module.nr_grafts, expected->module.nr_grafts, "processes inside, %s", when);
	for (int i = 0; i < 3; i++) {
		expect_same_info(&seen.shadows[i], &expected->shadows[i], names[i], when);
		expect_eq(seen.where[i], expected->where[i], "shadow of process %d, %s", i, when);
	}
}

static void expect_runs(struct actor *actor, uint64_t probed, const char *who, const char *when)
{
	uint64_t before = hits(shadow, GETPPID);

	actor_do(actor, job_getppid, CALLS);
	expect_eq(hits(shadow, GETPPID) - before, probed, "hits of the process %s, %s", who, when);
}

/* ---- calls ---- */

struct operation {
	const char *name;
	long (*run)(void);
	void (*undo)(void);
};

static long run_attach_first(void)
{
	return shadowk_process_attach(fresh, outside.pid);
}

static void renew_fresh(void)
{
	need_ok(shadowk_shadow_destroy(fresh));
	shadow_close(fresh);
	fresh = shadow_new("fresh");
}

static void undo_attach_first(void)
{
	detach(outside.pid);
	renew_fresh();
}

static long run_attach(void)
{
	return shadowk_process_attach(shadow, outside.pid);
}

static void undo_attach(void)
{
	detach(outside.pid);
}

static long run_move(void)
{
	return shadowk_process_attach(other, mover.pid);
}

static void undo_move(void)
{
	attach(shadow, mover.pid);
}

static long run_probe(void)
{
	return probe_try(shadow, "refused", "vfs_read", SHADOWK_PROBE_COUNT, 0);
}

static void undo_probe(void)
{
	probe_remove(shadow, "refused");
}

static long run_pages(void)
{
	/* pages in two ranges of text */
	raw = (struct shadowk_raw_spec){ .size = sizeof(raw), .flags = SHADOWK_RAW_IDENTITY };
	raw.addr = ((kernel_symbol("vfs_read") >> 21) << 21) - 0x2000;
	raw.len = 0x5000;
	return shadowk_raw_add(fresh, &raw);
}

static void undo_pages(void)
{
	need_ok(shadowk_raw_remove(fresh, raw.id));
	renew_fresh();
}

/* An edit that comes with another page. */
static long run_raw(void)
{
	raw = (struct shadowk_raw_spec){ .size = sizeof(raw), .len = 5, .bytes = { 0xb8 } };
	raw.addr = find_call(GETUID, "from_kuid_munged");
	return shadowk_raw_add(fresh, &raw);
}

static long run_module_probe(void)
{
	return probe_try(fresh, "refused", VICTIM_TEXT, SHADOWK_PROBE_COUNT, 0);
}

static void undo_module_probe(void)
{
	probe_remove(fresh, "refused");
	renew_fresh();
}

static const struct operation operations[] = {
	{ "the first attach", run_attach_first, undo_attach_first },
	{ "attach", run_attach, undo_attach },
	{ "move", run_move, undo_move },
	{ "a probe", run_probe, undo_probe },
	{ "a probe in a module", run_module_probe, undo_module_probe },
	{ "private pages", run_pages, undo_pages },
	{ "a raw edit", run_raw, undo_pages },
};

static void walk(const struct operation *op)
{
	struct state before = look();
	unsigned int n;
	char when[128];

	for (n = 1; n < TRIES; n++) {
		long ret, left;

		snprintf(when, sizeof(when), "after refusal %u of %s", n, op->name);
		refuse(n);
		ret = op->run();
		left = read_number(PARAMETERS "nth");
		refuse(0);
		if (left) {
			expect(ret >= 0, "%s, which did not happen: error %s", when,
			       strerrorname_np((int)-ret));
			op->undo();
			break;
		}
		expect_ret(ret < 0 ? ret : 0, -EIO, "%s", when);
		if (ret >= 0)
			op->undo();
		expect_state(&before, when);
		expect_runs(&inside, CALLS, "inside", when);
		expect_runs(&outside, 0, "outside", when);
		ret = op->run();
		expect(ret >= 0, "%s, made again: error %s", when, strerrorname_np((int)-ret));
		op->undo();
	}
	expect_range(n, 2, TRIES - 1, "batches of %s", op->name);
	expect_state(&before, op->name);
	printf("%s: %u batches of hypercalls\n", op->name, n - 1);
}

int main(void)
{
	char parameters[32];

	if (strcmp(module_info().mmu, "xenpv"))
		skip("this guest is not a Xen PV guest");
	observer_load();
	victim_load();
	snprintf(parameters, sizeof(parameters), "pid=%d", (int)getpid());
	need_ok(module_load(victim_path("shk_xen_refuses"), parameters));
	fresh = shadow_new("fresh");
	shadow = shadow_new("shadow");
	other = shadow_new("other");
	count(shadow, GETPPID);
	count(other, GETPID);
	actor_start(&inside, -1);
	actor_start(&mover, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);
	/* Two moves allocate what the process needs in each shadow. */
	attach(other, mover.pid);
	attach(shadow, mover.pid);
	for (int first = 0; first < 2; first++) {
		need(write_file(PARAMETERS "first", first ? "1" : "0"));
		for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
			walk(&operations[i]);
	}
	actor_end(&inside);
	actor_end(&mover);
	actor_end(&outside);
	need_ok(module_unload("shk_xen_refuses"));
	for (int i = 0; i < 3; i++)
		need_ok(shadowk_shadow_destroy(
			(struct shadowk_shadow *[]){ fresh, shadow, other }[i]));
	victims_done();
	return finish();
}
