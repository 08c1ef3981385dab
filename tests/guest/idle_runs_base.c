// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=120 */
/*
 * A CPU that idles in the mm of a sleeping process executes the base. That holds if the process is
 * attached meanwhile and an interrupt executes the shadow, and also if the kernel's flush of an mm
 * interrupts no lazy TLB user.
 */
#include "actor.h"
#include "shadows.h"

#define ROUNDS 300

/* The idle loop calls these functions, and nothing else does. */
static const char *const loop[] = { "arch_cpu_idle_enter", "tick_nohz_idle_exit", "schedule_idle" };

static uint64_t idle_hits(struct shadowk_shadow *shadow)
{
	struct shadowk_probe_info info;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(loop); i++) {
		info = probe_info(shadow, loop[i]);
		sum += info.hits + info.async_hits;
	}
	return sum;
}

static void expect_idle_outside(struct shadowk_shadow *shadow, struct actor *sleeper,
				const char *how)
{
	for (unsigned int i = 0; i < ROUNDS && !idle_hits(shadow); i++) {
		actor_do(sleeper, job_getppid, 1);
		/*
		 * Its CPU idles in its mm after this time, and has passed the functions at the
		 * loop's entry.
		 */
		usleep(3000);
		attach(shadow, sleeper->pid);
		usleep(500);
		detach(sleeper->pid);
	}
	expect_eq(idle_hits(shadow), 0, "hits by idle CPUs%s", how);
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor sleeper;

	if (nr_cpus() < 2)
		skip("this guest has one CPU");
	for (unsigned int i = 0; i < ARRAY_SIZE(loop); i++)
		count(shadow, loop[i]);
	count(shadow, GETPPID);
	pin(0);
	actor_start(&sleeper, 1);
	expect_idle_outside(shadow, &sleeper, "");
	need_ok(module_load(victim_path("shk_no_ipi"), ""));
	expect_idle_outside(shadow, &sleeper, " if a flush sends them no interrupt");
	need_ok(module_unload("shk_no_ipi"));
	attach(shadow, sleeper.pid);
	actor_do(&sleeper, job_getppid, 10);
	expect_eq(hits(shadow, GETPPID), 10, "hits by the process");
	actor_end(&sleeper);
	return finish();
}
