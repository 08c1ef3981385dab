// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=120 */
/*
 * A module's function is probed in a shadow. Exactly the calls of processes inside are counted. The
 * module cannot be unloaded while it has the probe.
 */
#include "actor.h"
#include "places.h"
#include "shadows.h"
#include "victims.h"

#define CALLS 1000

static long job_own(long n)
{
	return job_victim(VICTIM_ORDER(VICTIM_OWN, n));
}

/* The base's entry for the function's page, which has the global bit. */
static uint64_t base_entry(void)
{
	static uint64_t addr;
	struct observer_entry *entries;
	uint64_t value;
	size_t nr;

	addr = addr ? addr : module_symbol(VICTIM_TEXT) & ~4095ULL;
	entries = observe_tables(kernel_symbol("init_top_pgt"), addr, addr + 4096, &nr);
	need(nr);
	value = entries[nr - 1].value;
	free(entries);
	return value;
}

static void probe_all(struct shadowk_shadow *shadow)
{
	probe_add(shadow, "call", VICTIM_TEXT, SHADOWK_PROBE_COUNT, 0);
	probe_add(shadow, "latency", "shk_victim:" VICTIM_TEXT, SHADOWK_PROBE_LATENCY, 0);
	probe_add(shadow, "int3", VICTIM_TEXT, SHADOWK_PROBE_COUNT, SHADOWK_PROBE_FORCE_INT3);
}

/*
 * Returns true if the kernel maps text of modules by pages of 2 MB. Then the first edit is refused
 * for that reason, and nothing is left of it.
 */
static bool is_refused(struct shadowk_shadow *shadow)
{
	long ret = probe_try(shadow, "call", VICTIM_TEXT, SHADOWK_PROBE_COUNT, 0);

	if (ret >= 0) {
		probe_remove(shadow, "call");
		return false;
	}
	expect_ret(ret, -EOPNOTSUPP, "a probe in a module");
	expect_eq(shadowk_reason(), SHADOWK_REASON_NO_MODULE_TEXT, "the reason");
	shadows_done();
	expect_ret(module_unload("shk_victim"), 0, "rmmod after the probe was refused");
	victims_done();
	return true;
}

int main(void)
{
	static const char *const probes[] = { "call", "latency", "int3" };
	struct shadowk_shadow *one = shadow_new(NULL), *two = shadow_new(NULL);
	struct actor first, second, outside;
	uint64_t before;

	observer_load();
	victim_load();
	if (is_refused(one))
		return finish();
	before = base_entry();
	actor_start(&first, 0);
	actor_start(&second, 0);
	actor_start(&outside, 0);

	probe_all(one);
	expect_eq(strcmp(probe_info(one, "call").symbol, "shk_victim:" VICTIM_TEXT), 0,
		  "strcmp() of the probe's symbol with MODULE:FUNCTION");
	attach(one, first.pid);
	attach(two, second.pid);
	probe_all(two); /* processes are inside, and this is the page's second copy */
	for (int turn = 0; turn < 4; turn++) {
		actor_do(&outside, job_own, CALLS);
		actor_do(&first, job_own, CALLS);
		actor_do(&second, job_own, 2 * CALLS);
	}
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		expect_eq(hits(one, probes[i]), 4 * CALLS, "hits of %s in the first shadow",
			  probes[i]);
		expect_eq(hits(two, probes[i]), 8 * CALLS, "hits of %s in the second shadow",
			  probes[i]);
		expect_eq(probe_info(one, probes[i]).async_hits, 0, "async hits of %s", probes[i]);
	}
	actor_end(&first);
	actor_end(&second);
	actor_end(&outside);

	expect_ret(module_unload("shk_victim"), -EAGAIN, "rmmod while probes are in the module");
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		probe_remove(one, probes[i]);
	shadowk_shadow_destroy(two);
	shadows_done();
	expect(base_entry() == before, "the base's entry is 0x%" PRIx64 ", was 0x%" PRIx64,
	       base_entry(), before);
	expect_ret(module_unload("shk_victim"), 0, "rmmod after the probes were removed");
	victims_done();
	return finish();
}
