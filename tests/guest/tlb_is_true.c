// SPDX-License-Identifier: GPL-2.0-only
/* test: newer core bochs timeout=120 */
/*
 * No translation outlives a change of text: pages become private, processes are attached, moved and
 * detached, probes come and go, processes fork, and kernel threads run. All of that is on CPUs
 * whose TLBs are full of the text of before.
 *
 * The test is small, since it is for Bochs, whose TLBs have global entries and PCIDs. Elsewhere it
 * shows less.
 */
#include <stdatomic.h>

#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define N      40
#define ROUNDS 4

static struct shadowk_shadow *shadow, *other;

/* A child makes the calls. */
static long job_fork(long n)
{
	pid_t pid = fork();

	if (!pid) {
		job_getppid(n);
		_exit(0);
	}
	return wait_for(pid);
}

/* @actor makes N calls. @in must count @expected of them, and the other shadow none. */
static void check(struct actor *actor, struct shadowk_shadow *in, int expected, const char *when)
{
	struct shadowk_shadow *out = in == shadow ? other : shadow;
	uint64_t before = hits(in, GETPPID), elsewhere = hits(out, GETPPID);

	actor_do(actor, job_getppid, N);
	expect_eq(hits(in, GETPPID) - before, expected, "%s: hits", when);
	expect_eq(hits(out, GETPPID) - elsewhere, 0, "%s: hits in the other shadow", when);
}

/* Both processes run on @cpu and have just executed the text that changes. */
static void on_cpu(int cpu)
{
	struct actor inside, outside;

	actor_start(&inside, cpu);
	actor_start(&outside, cpu);
	check(&inside, shadow, 0, "before attach");
	check(&outside, shadow, 0, "before attach, the process outside");

	for (int i = 0; i < ROUNDS; i++) {
		attach(shadow, inside.pid);
		check(&inside, shadow, N, "attached");
		check(&outside, shadow, 0, "attached, the process outside");
		check(&inside, shadow, N, "attached, after the process outside");

		probe_remove(shadow, GETPPID);
		probe_add(shadow, "other", GETPID, SHADOWK_PROBE_COUNT, 0);
		actor_do(&inside, job_getppid, N);
		probe_add(shadow, GETPPID, GETPPID, SHADOWK_PROBE_COUNT, 0);
		check(&inside, shadow, N, "the probe is back");
		check(&outside, shadow, 0, "the probe is back, the process outside");
		probe_remove(shadow, "other");

		uint64_t before = hits(shadow, GETPPID);

		expect_eq(actor_do(&inside, job_fork, N), 0,
			  "exit status of a child of the process inside");
		expect_eq(hits(shadow, GETPPID) - before, N, "hits by the child");

		before = hits(shadow, VICTIM_SYMBOL);
		expect_eq(actor_do(&inside, job_victim, VICTIM_ORDER(VICTIM_KTHREAD, N)), N,
			  "calls by a kernel thread");
		expect_eq(hits(shadow, VICTIM_SYMBOL) - before, 0, "hits by a kernel thread");
		actor_do(&inside, job_victim, VICTIM_ORDER(VICTIM_SELF, N));
		expect_eq(hits(shadow, VICTIM_SYMBOL) - before, N, "hits after a kernel thread");

		attach(other, inside.pid);
		check(&inside, other, N, "moved");
		check(&outside, other, 0, "moved, the process outside");
		detach(inside.pid);
		check(&inside, other, 0, "detached");
		check(&inside, shadow, 0, "detached, in the first shadow");
	}
	actor_end(&inside);
	actor_end(&outside);
}

static atomic_int *enough;

static long job_victim_until_enough(long n)
{
	while (!*enough)
		victim_call(VICTIM_SELF, n);
	return 0;
}

/*
 * A range diverges for the first time. The CPU has translations of the base's text, which are
 * global if the base's entries are. It must get them again and again during the change, since
 * making a page read-only flushes them. Nothing but the range's own flush removes them: the shadow
 * has its hooks already, and no process is inside.
 */
static void first_divergence(int cpu)
{
	struct shadowk_shadow *first;
	struct actor inside;
	uint32_t ranges;

	actor_start(&inside, cpu);
	for (int i = 0; i < ROUNDS; i++) {
		first = shadow_new(NULL);
		attach(first, inside.pid);
		detach(inside.pid);
		ranges = shadow_info(first).diverged_ranges;
		*enough = 0;
		actor_ask(&inside, job_victim_until_enough, N);
		count(first, VICTIM_SYMBOL);
		*enough = 1;
		actor_answer(&inside);
		expect_eq(shadow_info(first).diverged_ranges - ranges, 1,
			  "new diverged ranges (with 0 the test checks nothing)");
		attach(first, inside.pid);
		actor_do(&inside, job_victim, VICTIM_ORDER(VICTIM_SELF, N));
		expect_eq(hits(first, VICTIM_SYMBOL), N, "hits after the first divergence");
		detach(inside.pid);
		shadow_close(first);
	}
	actor_end(&inside);
}

int main(void)
{
	victim_load();
	enough = shared_memory(sizeof(*enough));
	pin(0);
	first_divergence(nr_cpus() - 1);
	shadow = shadow_new("one");
	other = shadow_new("other");
	count(shadow, GETPPID);
	count(shadow, VICTIM_SYMBOL);
	/*
	 * The base's entries lose their global bit at the first probe of these ranges, and not
	 * again.
	 */
	count(other, GETPPID);
	for (unsigned int cpu = 0; cpu < nr_cpus(); cpu++)
		on_cpu(cpu);
	need_ok(shadowk_shadow_destroy(shadow));
	need_ok(shadowk_shadow_destroy(other));
	victims_done();
	return finish();
}
