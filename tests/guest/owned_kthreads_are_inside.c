// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * The kernel threads that a shadow owns execute it, and no other task does. The process for which
 * they work does not, nor do other threads. Nor do the owned threads before, after, or while they
 * use a process's mm.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define CALLS  20
#define ROUNDS 20

static struct shadowk_shadow *first, *last;
static struct actor actor;

static void check(unsigned int cmd, bool in_first, bool in_last, const char *what)
{
	uint64_t first_hits = hits(first, VICTIM_SYMBOL), last_hits = hits(last, VICTIM_SYMBOL);
	long calls = actor_do(&actor, job_victim_rounds, VICTIM_ROUNDS(cmd, ROUNDS, CALLS));

	expect_eq(calls, ROUNDS * CALLS, "calls by %s", what);
	expect_eq(hits(first, VICTIM_SYMBOL) - first_hits, in_first ? calls : 0,
		  "hits by %s in the first shadow", what);
	expect_eq(hits(last, VICTIM_SYMBOL) - last_hits, in_last ? calls : 0,
		  "hits by %s in the second shadow", what);
}

int main(void)
{
	unsigned int cpu = nr_cpus() - 1;
	char pattern[32];

	victim_load();
	first = shadow_new_owner(NULL);
	last = shadow_new_owner(NULL);
	count(first, VICTIM_SYMBOL);
	count(last, VICTIM_SYMBOL);
	actor_start(&actor, cpu);
	check(VICTIM_KTHREAD, false, false, "a thread without an owner");

	snprintf(pattern, sizeof(pattern), "victim/%u", cpu);
	if (shadowk_own_kthreads(first, pattern) == -EOPNOTSUPP)
		skip("this kernel has no preempt notifiers");
	need_ok(shadowk_own_kthreads(last, "no_such_thread*"));
	check(VICTIM_KTHREAD, true, false, "an owned thread");
	check(VICTIM_WORK, false, false, "a work item of another thread");
	check(VICTIM_SELF, false, false, "a process");
	check(VICTIM_USE_MM, false, false, "an owned thread that uses a process's mm");
	check(VICTIM_KTHREAD, true, false, "an owned thread that used a process's mm before");

	/*
	 * If the patterns of two shadows match, the older one decides, and the other one after that
	 * has gone.
	 */
	need_ok(shadowk_own_kthreads(last, "victim/*"));
	check(VICTIM_KTHREAD, true, false, "a thread that two patterns match");
	need_ok(shadowk_disown_kthreads(first, pattern));
	expect(eventually(actor_do(&actor, job_victim_rounds,
				   VICTIM_ROUNDS(VICTIM_KTHREAD, ROUNDS, CALLS)) &&
			  hits(last, VICTIM_SYMBOL)),
	       "the second shadow never owns the thread");
	check(VICTIM_KTHREAD, false, true, "a thread that the second shadow owns");

	need_ok(shadowk_disown_kthreads(last, "victim/*"));
	check(VICTIM_KTHREAD, false, false, "a thread that was disowned");
	need_ok(shadowk_own_kthreads(first, pattern));
	check(VICTIM_KTHREAD, true, false, "a thread that is owned again");
	shadow_close(first);
	first = last;
	check(VICTIM_KTHREAD, false, false, "a thread of a destroyed owner");
	actor_end(&actor);
	victims_done();
	return finish();
}
