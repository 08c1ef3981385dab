// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * Work items, timers and softirqs that a process inside raises execute its shadow, exactly as often
 * as it raised them. Work that other tasks raise does not, whether they are outside or in a shadow
 * of another policy. That holds even for a work item that the process had queued and cancelled
 * before.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define ROUNDS 30
#define CALLS  5
#define ALL    (ROUNDS * CALLS)

static struct shadowk_shadow *causal, *base;
static struct actor inside, beside, outside;

static void check(struct actor *actor, unsigned int cmd, long hits, long async, const char *what)
{
	struct shadowk_probe_info was = probe_info(causal, VICTIM_SYMBOL), is;
	struct shadowk_probe_info base_was = probe_info(base, VICTIM_SYMBOL), base_is;

	actor_do(actor, job_victim_rounds, VICTIM_ROUNDS(cmd, ROUNDS, CALLS));
	is = probe_info(causal, VICTIM_SYMBOL);
	base_is = probe_info(base, VICTIM_SYMBOL);
	expect_eq(is.hits - was.hits, hits, "hits in %s", what);
	expect_eq(is.async_hits - was.async_hits, async, "async hits in %s", what);
	expect_eq(base_is.hits - base_was.hits, 0, "hits of the other shadow in %s", what);
	expect_eq(base_is.async_hits - base_was.async_hits, 0,
		  "async hits of the other shadow in %s", what);
}

/*
 * A softirq that other tasks have raised on the CPU, too, executes the base and counts as
 * unfollowed.
 */
static void check_softirqs(void)
{
	struct shadowk_probe_info was = probe_info(causal, VICTIM_SYMBOL), is;
	uint64_t unfollowed = shadow_info(causal).nr_unfollowed;

	actor_do(&inside, job_victim_rounds, VICTIM_ROUNDS(VICTIM_BH, ROUNDS, CALLS));
	is = probe_info(causal, VICTIM_SYMBOL);
	unfollowed = shadow_info(causal).nr_unfollowed - unfollowed;
	expect_range((int64_t)(is.async_hits - was.async_hits), ALL - (int64_t)unfollowed * CALLS,
		     ALL, "async hits in its softirqs");
	expect(is.async_hits > was.async_hits, "no softirq executed the shadow");
	expect_eq(is.hits - was.hits, 0, "hits in its softirqs");
}

static void check_others(struct actor *actor, const char *who)
{
	static const unsigned int cmds[] = { VICTIM_WORK, VICTIM_DELAYED, VICTIM_TIMER,
					     VICTIM_HARDIRQ, VICTIM_BH };

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++)
		check(actor, cmds[i], 0, 0, who);
}

int main(void)
{
	unsigned int cpu = nr_cpus() - 1;

	victim_load();
	causal = shadow_new_causal(NULL);
	base = shadow_new(NULL);
	count(causal, VICTIM_SYMBOL);
	count(base, VICTIM_SYMBOL);
	actor_start(&inside, (int)cpu);
	actor_start(&beside, (int)cpu);
	actor_start(&outside, (int)cpu);
	attach(causal, inside.pid);
	attach(base, beside.pid);

	check(&inside, VICTIM_WORK, ALL, 0, "its work items");
	check(&inside, VICTIM_DELAYED, ALL, 0, "its delayed work items");
	check(&inside, VICTIM_TIMER, 0, ALL, "its timers");
	check(&inside, VICTIM_HARDIRQ, 0, ALL, "its high-resolution timers");
	check_softirqs();
	check(&inside, VICTIM_KTHREAD, 0, 0, "a kernel thread that it woke");
	check(&inside, VICTIM_SOFTIRQ, 0, 0, "a softirq that an interrupt raised");
	check_others(&beside, "work of a process in the other shadow");
	check_others(&outside, "work of a process outside");
	check(&inside, VICTIM_CANCELED, 0, 0, "a work item that was cancelled");
	check_others(&outside, "work of a process outside after that");
	check(&inside, VICTIM_WORK, ALL, 0, "its work items again");

	actor_end(&outside);
	actor_end(&beside);
	actor_end(&inside);
	victims_done();
	return finish();
}
