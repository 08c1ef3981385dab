// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * More functions are in flight than can be hooked: the rest is counted as
 * missed. Functions that never return, since their process is killed or since
 * it is their nature, use up nothing.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "actor.h"
#include "shadows.h"

#define FUNCTION "hrtimer_nanosleep"
#define THREADS	 1200
#define CHILDREN 1500

static pthread_barrier_t barrier;

static void *sleep_once(void *unused)
{
	struct timespec ts = { .tv_sec = 1 };

	pthread_barrier_wait(&barrier);
	syscall(SYS_nanosleep, &ts, NULL);
	return NULL;
}

static long job_sleep_together(long n)
{
	pthread_t *threads = calloc(n, sizeof(*threads));
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_barrier_init(&barrier, NULL, n);
	for (long i = 0; i < n; i++)
		need(!pthread_create(&threads[i], &attr, sleep_once, NULL));
	for (long i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return n;
}

static __attribute__((noinline)) pid_t vanish(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	return pid;
}

static long job_vanish(long n)
{
	for (long i = 0; i < n; i++)
		need(!wait_for(vanish()));
	return n;
}

static void kill_sleepers(struct shadowk_shadow *shadow)
{
	struct shadowk_probe_info info;
	struct actor sleeper;

	for (int i = 0; i < 3; i++) {
		actor_start(&sleeper, -1);
		attach(shadow, sleeper.pid);
		actor_ask(&sleeper, job_sleep_together, THREADS / 2);
		info = probe_info(shadow, "sleep");
		usleep(700000);
		kill(sleeper.pid, SIGKILL);
		wait_for(sleeper.pid);
		close(sleeper.to);
		close(sleeper.from);
	}
	expect_eq(probe_info(shadow, "sleep").missed, info.missed, "missed after many were killed");
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct shadowk_probe_info info;
	struct actor inside;

	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	probe_add(shadow, "sleep", FUNCTION, SHADOWK_PROBE_LATENCY, 0);
	actor_do(&inside, job_sleep_together, THREADS);
	info = probe_info(shadow, "sleep");
	expect_eq(info.hits + info.missed, THREADS, "hits and missed of %d threads", THREADS);
	expect_range(info.missed, 0, THREADS / 2, "missed");
	kill_sleepers(shadow);
	info = probe_info(shadow, "sleep");
	actor_do(&inside, job_sleep_together, 10);
	expect_eq(hits(shadow, "sleep") - info.hits, 10, "hits after all that");
	probe_remove(shadow, "sleep");

	probe_add(shadow, "exit", "do_exit", SHADOWK_PROBE_LATENCY, 0);
	actor_do(&inside, job_vanish, CHILDREN);
	info = probe_info(shadow, "exit");
	expect_eq(info.hits, 0, "hits of a function that never returns");
	expect_eq(info.missed, 0, "missed of a function that never returns");
	actor_end(&inside);
	return finish();
}
