// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=240 */
/*
 * Shadows with --async union come and go, with probes of functions that interrupts, softirqs and
 * workers execute all the time. Beside them are shadows that own lines and kernel threads, and
 * causal ones, while all kinds of work are raised. Nothing breaks, and a shadow without processes
 * is never executed.
 */
#include <signal.h>

#include "actor.h"
#include "shadows.h"
#include "storms.h"
#include "victims.h"

#define ROUNDS	3
#define WORKERS 3

static const char *const places[] = { "__wake_up_common", "kfree", "process_one_work",
				      "tick_sched_handle", "_raw_spin_lock_irqsave" };

static _Noreturn void work(int number)
{
	for (unsigned int i = 0;; i++) {
		stir_disk(number);
		stir_sockets();
		stir_victim(2);
		victim_call(VICTIM_TIMER, 2);
		if (!number && i % 4 == 0)
			stir_text();
		stir_forks();
	}
}

static struct shadowk_shadow *made(int i, pid_t worker)
{
	struct shadowk_shadow *shadow = shadow_new_union(NULL);

	for (size_t n = 0; n < ARRAY_SIZE(places); n++)
		/* A probe may be refused, since not every place takes every arm. */
		probe_try(shadow, places[n], places[n], SHADOWK_PROBE_COUNT,
			  (i + n) % 3 ? 0 : SHADOWK_PROBE_FORCE_INT3);
	count(shadow, VICTIM_SYMBOL);
	attach(shadow, worker);
	return shadow;
}

static void round_of(int i, const pid_t *workers)
{
	struct shadowk_shadow *first = made(i, workers[0]), *owner = shadow_new_owner(NULL);
	struct shadowk_shadow *causal = shadow_new_causal(NULL), *second;

	count(owner, VICTIM_SYMBOL);
	count(causal, VICTIM_SYMBOL);
	attach(causal, workers[1]);
	need_ok(shadowk_own_kthreads(owner, i % 2 ? "kworker/*" : "ksoftirqd/*"));
	for (uint32_t line = 0; line < 32; line++)
		shadowk_own_irq(owner, line);
	second = made(i + 1, workers[2]);
	usleep(30000);
	detach(workers[0]);
	shadow_close(first);
	shadow_close(owner);
	usleep(20000);
	detach(workers[1]);
	expect(eventually(!shadowk_shadow_destroy(causal)),
	       "the causal shadow cannot be destroyed: processes stay inside");
	shadow_close(causal);
	detach(workers[2]);
	shadow_close(second);
}

int main(void)
{
	int rounds = kernel_is_slow() ? 1 : ROUNDS;
	struct shadowk_shadow *idle;
	pid_t workers[WORKERS];

	victim_load();
	idle = shadow_new(NULL);
	count(idle, VICTIM_SYMBOL);
	workers_start(workers, WORKERS, work);
	for (int i = 0; i < rounds; i++)
		round_of(i, workers);
	workers_end(workers, WORKERS);
	expect_eq(hits(idle, VICTIM_SYMBOL) + probe_info(idle, VICTIM_SYMBOL).async_hits, 0,
		  "hits in a shadow without processes");
	module_unload("shk_kprobe");
	victims_done();
	return finish();
}
