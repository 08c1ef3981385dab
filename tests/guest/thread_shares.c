// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * All threads of a process are inside, on whatever CPU they run. Every call that begins after
 * attach has returned is a hit. The id of any thread can be given, and threads that are made later
 * are inside, too.
 */
#include <pthread.h>

#include "actor.h"
#include "runners.h"
#include "shadows.h"

#define ROUNDS 20

static void attach_while_they_run(struct shadowk_shadow *shadow, struct runners *runners, pid_t tid,
				  const char *who)
{
	uint64_t before = hits(shadow, GETPPID), lowest, highest, seen;
	struct tally from, since, until;

	from = runners_tally(runners);
	attach(shadow, tid);
	since = runners_tally(runners);
	runners_progress(runners, 20);
	runners_stop(runners);
	until = runners_tally(runners);
	tally_bounds(&from, &since, &until, &until, &lowest, &highest);
	seen = hits(shadow, GETPPID) - before;
	expect_range(seen, lowest, highest, "hits of threads attached by %s", who);
	expect(lowest >= 20 * runners->nr, "threads did not run, so the test checks nothing");
	detach(tid);
	runners_resume(runners);
}

static void *thread_main(void *calls)
{
	return (void *)job_getppid((long)calls);
}

static long job_make_thread(long calls)
{
	pthread_t thread;

	need(!pthread_create(&thread, NULL, thread_main, (void *)calls));
	pthread_join(thread, NULL);
	return 0;
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct runners runners;
	struct actor actor;
	uint64_t before;

	count(shadow, GETPPID);
	runners_start(&runners, nr_cpus() + 1);
	for (int i = 0; i < ROUNDS; i++) {
		attach_while_they_run(shadow, &runners, runners.pid, "their process's id");
		attach_while_they_run(shadow, &runners, runners_tid(&runners, runners.nr - 1),
				      "another thread's id");
	}
	runners_end(&runners);

	before = hits(shadow, GETPPID);
	actor_start(&actor, -1);
	attach(shadow, actor.pid);
	actor_do(&actor, job_make_thread, 100);
	expect_eq(hits(shadow, GETPPID) - before, 100, "hits of a thread made inside");
	expect_eq(shadow_info(shadow).nr_grafts, 1, "processes inside");
	actor_end(&actor);
	return finish();
}
