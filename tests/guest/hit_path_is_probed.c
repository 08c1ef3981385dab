// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Functions that a hit itself executes can be probed: the clock, functions that recycle a return's
 * hook, and the one that gives up the CPU after a hit. The clock is read by the report, not by the
 * process, so that is no hit.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>

#include "actor.h"
#include "shadows.h"

#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/"
#define PREEMPTION  "/sys/kernel/debug/sched/preempt"
#define CALLS	    50

static struct shadowk_shadow *shadow;
static struct actor inside, rival;

/*
 * The latency of CALLS calls is measured while @function has probes, too. @in_report: reports call
 * it, and the process hardly ever does.
 */
static void check_returns(const char *function, enum shadowk_probe_kind kind, bool in_report)
{
	uint32_t flags = kind == SHADOWK_PROBE_COUNT ? SHADOWK_PROBE_RETURN : 0;
	struct shadowk_probe_info info;

	if (!kernel_symbol(function))
		return;
	probe_add(shadow, "calls", GETPPID, SHADOWK_PROBE_LATENCY, 0);
	if (!probe_try(shadow, "one", function, kind, flags)) {
		probe_add(shadow, "two", function, kind, flags);
		actor_do(&inside, job_getppid, CALLS);
		info = probe_info(shadow, "one");
		if (in_report)
			expect_range(info.hits + info.missed, 0, CALLS - 1, "hits of %s", function);
		else
			expect_range(info.hits, 1, INT64_MAX, "hits of %s", function);
		expect_eq(info.async_hits, 0, "async hits of %s", function);
		probe_remove(shadow, "one");
		probe_remove(shadow, "two");
	} else {
		actor_do(&inside, job_getppid, CALLS);
	}
	info = probe_info(shadow, "calls");
	expect_eq(info.hits, CALLS, "calls measured beside %s", function);
	expect_eq(info.missed, 0, "calls missed beside %s", function);
	probe_remove(shadow, "calls");
}

static void check_clocks(void)
{
	static const struct {
		const char *source, *function;
	} clocks[] = {
		{ "hpet", "read_hpet" },
		{ "acpi_pm", "acpi_pm_read" },
		{ "tsc", "read_tsc" },
		{ "xen", "xen_clocksource_get_cycles" },
	};
	char is[64];

	need(read_file(CLOCKSOURCE "current_clocksource", is, sizeof(is)));
	for (unsigned int i = 0; i < ARRAY_SIZE(clocks); i++) {
		char available[128];

		need(read_file(CLOCKSOURCE "available_clocksource", available, sizeof(available)));
		if (!strstr(available, clocks[i].source))
			continue;
		need(write_file(CLOCKSOURCE "current_clocksource", clocks[i].source));
		check_returns(clocks[i].function, SHADOWK_PROBE_LATENCY, true);
		check_returns(clocks[i].function, SHADOWK_PROBE_COUNT, true);
	}
	need(write_file(CLOCKSOURCE "current_clocksource", is));
	check_returns("ktime_get_mono_fast_ns", SHADOWK_PROBE_LATENCY, true);
	check_returns("ktime_get_mono_fast_ns", SHADOWK_PROBE_COUNT, true);
}

/* This process wakes up often on the same CPU, and should get it at once. */
static long job_interrupt(long n)
{
	struct timespec ts = { .tv_nsec = 50000 };

	while (n--)
		syscall(SYS_nanosleep, &ts, NULL);
	return 0;
}

/* Reads the mode in brackets, as in the kernel's "none voluntary (full)". */
static bool preemption_is(char *mode, size_t room)
{
	char all[64], *from, *to;

	if (!read_file(PREEMPTION, all, sizeof(all)))
		return false;
	from = strchr(all, '(');
	to = from ? strchr(from, ')') : NULL;
	if (!to)
		return false;
	*to = 0;
	snprintf(mode, room, "%s", from + 1);
	return true;
}

static void check_preemption(void)
{
	char was[64], name[16];

	if (!preemption_is(was, sizeof(was)) || !write_file(PREEMPTION, "full"))
		return;
	expect_refused(probe_try(shadow, "return", "preempt_schedule_notrace", SHADOWK_PROBE_COUNT,
				 SHADOWK_PROBE_RETURN),
		       -EOPNOTSUPP, SHADOWK_REASON_FORBIDDEN,
		       "a return probe of preempt_schedule_notrace()");
	probe_add(shadow, "gives", "preempt_schedule_notrace", SHADOWK_PROBE_COUNT, 0);
	/* With many probes at one place, a hit takes long. */
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "long-%d", i);
		probe_add(shadow, name, GETPPID, SHADOWK_PROBE_COUNT, 0);
	}
	actor_ask(&rival, job_interrupt, 1000);
	for (int i = 0; i < 20 && hits(shadow, "gives") < 5; i++)
		actor_do(&inside, job_getppid, 20000);
	expect_range(hits(shadow, "gives"), 1, INT64_MAX, "hits that gave up the CPU");
	actor_answer(&rival);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "long-%d", i);
		probe_remove(shadow, name);
	}
	probe_remove(shadow, "gives");
	need(write_file(PREEMPTION, was));
}

int main(void)
{
	shadow = shadow_new(NULL);
	actor_start(&inside, 0);
	actor_start(&rival, 0);
	attach(shadow, inside.pid);
	check_clocks();
	check_returns("objpool_push.isra.0", SHADOWK_PROBE_COUNT, false);
	check_returns("objpool_push", SHADOWK_PROBE_COUNT, false);
	check_returns("rcu_read_lock_any_held", SHADOWK_PROBE_COUNT, false);
	check_preemption();
	actor_end(&inside);
	actor_end(&rival);
	return finish();
}
