// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Each call's latency is measured. It is at least the sleep that was asked for, and at most the
 * time that the caller saw. Calls that are in flight when the probe goes return as if there had
 * been no probe.
 */
#include <sys/syscall.h>
#include <time.h>

#include "actor.h"
#include "shadows.h"

#define FUNCTION "hrtimer_nanosleep"
#define MS	 1000000ULL

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Sleeps, and returns how long that took for the caller. */
static long job_sleep(long ns)
{
	struct timespec ts = { .tv_nsec = ns };
	uint64_t begin = now();

	need(!syscall(SYS_nanosleep, &ts, NULL));
	return now() - begin;
}

static unsigned int slot_of(uint64_t ns)
{
	return ns > 1 ? 63 - __builtin_clzll(ns) : 0;
}

static void check_sleeps(struct shadowk_shadow *shadow, struct actor *inside, uint64_t ns, int n)
{
	struct shadowk_probe_info info;
	uint64_t sum = 0, longest = 0, in_slots = 0;

	probe_add(shadow, "latency", FUNCTION, SHADOWK_PROBE_LATENCY, 0);
	for (int i = 0; i < n; i++) {
		uint64_t seen = actor_do(inside, job_sleep, ns);

		sum += seen;
		longest = seen > longest ? seen : longest;
	}
	info = probe_info(shadow, "latency");
	probe_remove(shadow, "latency");

	expect_eq(info.hits, n, "hits of sleeps of %" PRIu64 " ns", ns);
	expect_eq(info.missed, 0, "missed sleeps of %" PRIu64 " ns", ns);
	expect_range(info.latency_sum, n * ns, sum, "sum of sleeps of %" PRIu64 " ns", ns);
	for (unsigned int i = 0; i < SHADOWK_HISTOGRAM_LEN; i++) {
		in_slots += info.histogram[i];
		if (i < slot_of(ns) || i > slot_of(longest))
			expect_eq(info.histogram[i], 0, "slot %u, of sleeps of %" PRIu64 " ns", i,
				  ns);
	}
	expect_eq(in_slots, n, "sum of the slots, of sleeps of %" PRIu64 " ns", ns);
}

/* The probe is removed, and another one added, while the function sleeps. */
static void check_in_flight(struct shadowk_shadow *shadow, struct actor *inside)
{
	struct shadowk_probe_info info;

	probe_add(shadow, "first", FUNCTION, SHADOWK_PROBE_LATENCY, 0);
	actor_ask(inside, job_sleep, 300 * MS);
	usleep(100000);
	expect_eq(hits(shadow, "first"), 0, "hits while the function has not returned");
	probe_remove(shadow, "first");
	probe_add(shadow, "second", FUNCTION, SHADOWK_PROBE_LATENCY, 0);
	expect_range(actor_answer(inside), 300 * MS, 100000 * MS,
		     "sleep that outlived its probe, ns");
	info = probe_info(shadow, "second");
	expect_eq(info.hits, 0, "hits by a call that began before the probe was added");
	actor_do(inside, job_sleep, MS);
	expect_eq(hits(shadow, "second"), 1, "hits of a later call");
	probe_remove(shadow, "second");
}

/* Probes at one place, of which one counts returns and one has a breakpoint, all measure. */
static void check_together(struct shadowk_shadow *shadow, struct actor *inside)
{
	probe_add(shadow, "one", FUNCTION, SHADOWK_PROBE_LATENCY, 0);
	probe_add(shadow, "two", FUNCTION, SHADOWK_PROBE_LATENCY, 0);
	probe_add(shadow, "three", FUNCTION, SHADOWK_PROBE_COUNT, SHADOWK_PROBE_RETURN);
	probe_add(shadow, "breakpoint", FUNCTION, SHADOWK_PROBE_LATENCY, SHADOWK_PROBE_FORCE_INT3);
	for (int i = 0; i < 10; i++)
		actor_do(inside, job_sleep, MS);
	expect_eq(hits(shadow, "one"), 10, "hits of the first probe");
	expect_eq(hits(shadow, "two"), 10, "hits of the second probe");
	expect_eq(hits(shadow, "three"), 10, "hits of a probe that counts returns");
	expect_eq(hits(shadow, "breakpoint"), 10, "hits of a probe by a breakpoint");
	expect_range(probe_info(shadow, "breakpoint").latency_sum, 10 * MS, INT64_MAX,
		     "sum of a probe by a breakpoint");
	probe_remove(shadow, "two");
	probe_remove(shadow, "one");
	probe_remove(shadow, "three");
	probe_remove(shadow, "breakpoint");
}

/* The probe, the shadow and the module go while the function sleeps. */
static void check_module_goes(struct shadowk_shadow *shadow, struct actor *inside)
{
	probe_add(shadow, "latency", FUNCTION, SHADOWK_PROBE_LATENCY, 0);
	probe_add(shadow, "breakpoint", FUNCTION, SHADOWK_PROBE_LATENCY, SHADOWK_PROBE_FORCE_INT3);
	actor_ask(inside, job_sleep, 900 * MS);
	usleep(100000);
	detach(inside->pid);
	expect_ret(shadowk_shadow_destroy(shadow), 0, "destroy");
	shadows_done();
	expect(eventually(module_unload("shadowk") != -EAGAIN), "the module is still held");
	expect(access("/sys/module/shadowk", F_OK), "the module is loaded after rmmod");
	expect_range(actor_answer(inside), 900 * MS, 100000 * MS,
		     "sleep that outlived the module, ns");
	expect_range(actor_do(inside, job_sleep, MS), MS, 100000 * MS,
		     "sleep without the module, ns");
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor inside;

	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	check_sleeps(shadow, &inside, MS, 20);
	check_sleeps(shadow, &inside, 50 * MS, 5);
	check_in_flight(shadow, &inside);
	check_together(shadow, &inside);
	check_module_goes(shadow, &inside);
	actor_end(&inside);
	return finish();
}
