// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * In a shadow with ASYNC_INHERIT, interrupts and softirqs that land on a process inside count as
 * async hits. Calls by the process count as hits, also with interrupts or softirqs off.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define ROUNDS 50
#define CALLS  5

static struct shadowk_shadow *shadow;
static struct actor inside;

static void check(unsigned int cmd, const char *what, bool own)
{
	struct shadowk_probe_info before = probe_info(shadow, VICTIM_SYMBOL), after;
	long calls = actor_do(&inside, job_victim_rounds, VICTIM_ROUNDS(cmd, ROUNDS, CALLS));

	/* ksoftirqd may make some of the calls, and an IPI needs a second CPU. */
	if (cmd != VICTIM_IPI || nr_cpus() > 1)
		expect(calls > 0, "%s never landed on the process, so the test checks nothing",
		       what);
	after = probe_info(shadow, VICTIM_SYMBOL);
	expect_eq(after.hits - before.hits, own ? calls : 0, "hits in %s", what);
	expect_eq(after.async_hits - before.async_hits, own ? 0 : calls, "async hits in %s", what);

	actor_do(&inside, job_victim, VICTIM_ORDER(VICTIM_SELF, 10));
	expect_eq(hits(shadow, VICTIM_SYMBOL) - after.hits, 10, "hits after %s", what);
}

int main(void)
{
	victim_load();
	shadow = shadow_new_async(NULL);
	count(shadow, VICTIM_SYMBOL);
	actor_start(&inside, nr_cpus() - 1);
	attach(shadow, inside.pid);
	check(VICTIM_HARDIRQ, "a timer's interrupt", false);
	check(VICTIM_IRQ_WORK, "an interrupt that the process sent to its CPU", false);
	check(VICTIM_IPI, "an interrupt from another CPU", false);
	check(VICTIM_SOFTIRQ, "a softirq after an interrupt", false);
	check(VICTIM_BH, "a softirq that the process executes", false);
	check(VICTIM_BH_OFF, "its own code with softirqs off", true);
	check(VICTIM_IRQ_OFF, "its own code with interrupts off", true);
	actor_end(&inside);
	victims_done();
	return finish();
}
