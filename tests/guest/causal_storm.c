// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=120 */
/*
 * Causal shadows come and go while work that processes inside have raised is pending and running.
 * Nothing breaks. Work that is pending when its shadow ends or its process leaves executes that
 * shadow or the base, but no other shadow.
 */
#include <signal.h>
#include <sys/time.h>

#include "actor.h"
#include "shadows.h"
#include "storms.h"
#include "victims.h"

#define ROUNDS	8
#define WORKERS 3

/* Raises all kinds of work: timers that outlive the shadow, disk I/O, work items, softirqs. */
static _Noreturn void work(int number)
{
	signal(SIGALRM, SIG_IGN);
	for (;;) {
		struct itimerval timer = { .it_value.tv_usec = 3000, .it_interval.tv_usec = 2000 };

		setitimer(ITIMER_REAL, &timer, NULL);
		usleep(1000);
		stir_disk(number);
		stir_sockets();
		stir_victim(2);
		victim_call(VICTIM_TIMER, 2);
		if (!number)
			victim_call(VICTIM_DELAYED, 2);
		stir_forks();
	}
}

int main(void)
{
	unsigned int rounds = kernel_is_slow() ? ROUNDS / 2 : ROUNDS;
	struct shadowk_shadow *idle;
	pid_t workers[WORKERS];

	victim_load();
	idle = shadow_new_causal(NULL);
	count(idle, VICTIM_SYMBOL);
	workers_start(workers, WORKERS, work);
	for (unsigned int i = 0; i < rounds; i++) {
		struct shadowk_shadow *shadow = shadow_new_causal(NULL);

		count(shadow, VICTIM_SYMBOL);
		for (int n = 0; n < WORKERS; n++)
			attach(shadow, workers[n]);
		count(shadow, "vfs_write");
		usleep(40000);
		for (int n = 0; n < WORKERS; n++)
			detach(workers[n]);
		/* The destroy fails while a child that was forked inside has not exited yet. */
		expect(eventually(!shadowk_shadow_destroy(shadow)),
		       "the shadow cannot be destroyed: processes stay inside");
		shadow_close(shadow);
	}
	workers_end(workers, WORKERS);
	expect_eq(hits(idle, VICTIM_SYMBOL) + probe_info(idle, VICTIM_SYMBOL).async_hits, 0,
		  "hits in a shadow without processes");
	victims_done();
	return finish();
}
