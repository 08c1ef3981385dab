// SPDX-License-Identifier: GPL-2.0-only
/* test: newer core bochs timeout=120 */
/*
 * Work items, timers, softirqs and interrupts of any task are hits of every shadow with --async
 * union that has a probe there, exactly as often as they executed. They count apart from calls of
 * its processes. Shadows of other policies do not count them, and a union shadow counts nothing
 * that is not asynchronous work.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define ROUNDS 20
#define CALLS  5
#define ALL    (ROUNDS * CALLS)

enum { FIRST, SECOND, BASE, NR };

static struct shadowk_shadow *shadows[NR];
static struct actor inside, beside, outside;

static void check(struct actor *actor, unsigned int cmd, long hits, long async, const char *what)
{
	struct shadowk_probe_info was[NR], is;

	for (int i = 0; i < NR; i++)
		was[i] = probe_info(shadows[i], VICTIM_SYMBOL);
	actor_do(actor, job_victim_rounds, VICTIM_ROUNDS(cmd, ROUNDS, CALLS));
	for (int i = 0; i < NR; i++) {
		is = probe_info(shadows[i], VICTIM_SYMBOL);
		expect_eq(is.hits - was[i].hits, i == FIRST ? hits : 0, "hits of shadow %d in %s",
			  i, what);
		expect_eq(is.async_hits - was[i].async_hits, i == BASE ? 0 : async,
			  "async hits of shadow %d in %s", i, what);
	}
}

static void check_raised(struct actor *actor)
{
	check(actor, VICTIM_WORK, 0, ALL, "work items");
	check(actor, VICTIM_DELAYED, 0, ALL, "delayed work items");
	check(actor, VICTIM_TIMER, 0, ALL, "timers");
	check(actor, VICTIM_HARDIRQ, 0, ALL, "high-resolution timers");
	check(actor, VICTIM_SOFTIRQ, 0, ALL, "softirqs after an interrupt");
	check(actor, VICTIM_BH, 0, ALL, "softirqs that the process executes");
	check(actor, VICTIM_IRQ_WORK, 0, ALL, "interrupts that the process sends to its CPU");
	if (nr_cpus() > 1)
		check(actor, VICTIM_IPI, 0, ALL, "interrupts from another CPU");
}

/* These calls look like asynchronous work, and are none. */
static void check_others(struct actor *actor, long hits)
{
	check(actor, VICTIM_SELF, hits, 0, "its own system calls");
	check(actor, VICTIM_BH_OFF, hits, 0, "its own code with softirqs off");
	check(actor, VICTIM_IRQ_OFF, hits, 0, "its own code with interrupts off");
	check(actor, VICTIM_KTHREAD, 0, 0, "a kernel thread");
}

static void check_system_calls(void)
{
	count(shadows[FIRST], GETPPID);
	count(shadows[SECOND], GETPPID);
	actor_do(&outside, job_getppid, 1000);
	actor_do(&beside, job_getppid, 1000);
	actor_do(&inside, job_getppid, 10);
	for (int i = FIRST; i <= SECOND; i++) {
		struct shadowk_probe_info info = probe_info(shadows[i], GETPPID);

		expect_eq(info.hits, i == FIRST ? 10 : 0, "hits of shadow %d by system calls", i);
		expect_eq(info.async_hits, 0, "async hits of shadow %d by system calls", i);
	}
}

int main(void)
{
	int cpu = (int)nr_cpus() - 1;

	victim_load();
	shadows[FIRST] = shadow_new_union(NULL);
	shadows[SECOND] = shadow_new_union(NULL);
	shadows[BASE] = shadow_new(NULL);
	for (int i = 0; i < NR; i++)
		count(shadows[i], VICTIM_SYMBOL);
	actor_start(&inside, cpu);
	actor_start(&beside, cpu);
	actor_start(&outside, cpu);
	attach(shadows[FIRST], inside.pid);
	attach(shadows[BASE], beside.pid);

	check_raised(&inside);
	check_raised(&outside);
	check(&beside, VICTIM_WORK, 0, ALL, "work items of a process in another shadow");
	check(&beside, VICTIM_HARDIRQ, 0, ALL,
	      "interrupts that land on a process in another shadow");
	check_others(&inside, ALL);
	check_others(&outside, 0);
	check_system_calls();
	actor_end(&outside);
	actor_end(&beside);
	actor_end(&inside);
	victims_done();
	return finish();
}
