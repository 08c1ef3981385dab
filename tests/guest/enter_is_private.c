// SPDX-License-Identifier: GPL-2.0-only
/* test: core bochs timeout=90 */
/*
 * Between enter and leave all threads of a process are inside, on whatever CPU they run, and no
 * other process is. Before and after, none of them is. Every call counts. No thread sleeps, since a
 * context switch would flush translations and hide a missing flush.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "actor.h"
#include "shadows.h"

#define ROUNDS (kernel_is_slow() ? 50 : 100)

/*
 * Calls of each thread in a round: before, in the outer stretch, in the inner stretch, in the outer
 * stretch again, after.
 */
enum { BEFORE = 1, OUTER = 2, INNER = 3, OUTER_AGAIN = 4, AFTER = 5 };

static struct shadowk_shadow *outer, *inner;

/* Numbers of calls that the other thread is asked for, and that it has made. */
static atomic_long wanted, made;
static atomic_bool over;

/* Lets the other thread run if there is only one CPU. */
static void wait_a_little(void)
{
	if (nr_cpus() < 2)
		sched_yield();
}

static void *calls_make(void *unused)
{
	if (nr_cpus() > 1)
		pin(1);
	while (!atomic_load(&over)) {
		if (atomic_load(&made) == atomic_load(&wanted)) {
			wait_a_little();
			continue;
		}
		job_getppid(1);
		atomic_fetch_add(&made, 1);
	}
	return NULL;
}

/*
 * Both threads make @n calls as soon as the text has changed. At the end this thread makes @n more,
 * right before the next change: while it waits for the other thread, clock ticks may flush
 * translations and hide a missing flush.
 */
static void both_call(long n)
{
	atomic_fetch_add(&wanted, n);
	job_getppid(n);
	while (atomic_load(&made) != atomic_load(&wanted))
		wait_a_little();
	job_getppid(n);
}

/* Returns the first error of enter and leave. */
static long job_serve(long rounds)
{
	pthread_t thread;
	long ret = 0;

	need(!pthread_create(&thread, NULL, calls_make, NULL));
	for (long i = 0; i < rounds && !ret; i++) {
		both_call(BEFORE);
		ret = shadowk_enter(outer);
		both_call(OUTER);
		ret = ret ?: shadowk_enter(inner);
		both_call(INNER);
		ret = ret ?: shadowk_leave(inner);
		both_call(OUTER_AGAIN);
		ret = ret ?: shadowk_leave(outer);
		both_call(AFTER);
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	return ret;
}

int main(void)
{
	struct actor server, neighbour;
	long rounds = ROUNDS;

	outer = shadow_new(NULL);
	inner = shadow_new(NULL);
	count(outer, GETPPID);
	count(inner, GETPPID);
	actor_start_holding(&server, 0);
	actor_start(&neighbour, -1);
	actor_ask(&server, job_serve, rounds);
	actor_do(&neighbour, job_getppid, 100000);
	expect_ret(actor_answer(&server), 0, "enter and leave");
	expect_eq(hits(outer, GETPPID), rounds * 3 * (OUTER + OUTER_AGAIN), "hits, outer stretch");
	expect_eq(hits(inner, GETPPID), rounds * 3 * INNER, "hits, inner stretch");
	expect_eq(module_info().nr_grafts, 0, "processes inside");
	actor_end(&server);
	actor_end(&neighbour);
	return finish();
}
