// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * The machine suspends to memory and wakes while processes are inside, one of which suspends it.
 * Afterwards text, probes and grafts are unchanged on every CPU.
 */
#include "actor.h"
#include "shadows.h"

#define STATE "/sys/power/state"
#define ALARM "/sys/class/rtc/rtc0/wakealarm"
/*
 * The clock that wakes the machine already runs while it suspends, which takes long on a busy host.
 */
#define SECONDS "+12\n"
#define CALLS	100

static long job_suspend(long unused)
{
	write_file(ALARM, "0\n");
	if (!write_file(ALARM, SECONDS))
		return -errno;
	return write_file(STATE, "mem\n") ? 0 : -errno;
}

static long suspended(void)
{
	char count[32];

	need(read_file("/sys/power/suspend_stats/success", count, sizeof(count)));
	return strtol(count, NULL, 10);
}

static void expect_private(struct shadowk_shadow *shadow, struct actor *inside,
			   struct actor *outside, const char *when)
{
	for (unsigned int cpu = 0; cpu < nr_cpus(); cpu++) {
		uint64_t before = hits(shadow, GETPPID);

		actor_do(&inside[cpu], job_getppid, CALLS);
		actor_do(&outside[cpu], job_getppid, CALLS);
		expect_eq(hits(shadow, GETPPID) - before, CALLS, "%s: hits on CPU %u", when, cpu);
	}
	expect_eq(strays(shadow), 0, "%s: stray bytes", when);
}

int main(void)
{
	struct shadowk_raw_spec all = { .size = sizeof(all), .flags = SHADOWK_RAW_IDENTITY };
	struct actor inside[nr_cpus()], outside[nr_cpus()];
	struct shadowk_shadow *shadow;
	char modes[128];

	if (!read_file("/sys/power/mem_sleep", modes, sizeof(modes)) || !strstr(modes, "[deep]") ||
	    access(ALARM, W_OK))
		skip("this machine cannot suspend to memory and wake by a clock");
	shadow = shadow_new(NULL);
	for (unsigned int cpu = 0; cpu < nr_cpus(); cpu++) {
		actor_start(&inside[cpu], cpu);
		actor_start(&outside[cpu], cpu);
		attach(shadow, inside[cpu].pid);
	}
	count(shadow, GETPPID);
	need_ok(shadowk_raw_add(shadow, &all));
	expect_private(shadow, inside, outside, "before");
	need_ok(actor_do(&inside[0], job_suspend, 0));
	expect_eq(suspended(), 1, "suspensions");
	expect_private(shadow, inside, outside, "after");
	for (unsigned int cpu = 0; cpu < nr_cpus(); cpu++) {
		actor_end(&inside[cpu]);
		actor_end(&outside[cpu]);
	}
	return finish();
}
