// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * If more calls are in flight than a probe's limit, the others count as missed. Without a limit the
 * hooks grow with the calls. Calls that never return count as unreturned and take no hooks for ever,
 * whether their task is killed or the function never returns.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "actor.h"
#include "shadows.h"

#define FUNCTION "hrtimer_nanosleep"
#define THREADS	 1200
#define LIMIT	 700
#define CHILDREN (kernel_is_slow() ? 300 : 1500)

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

static long job_kill(long n)
{
	for (long i = 0; i < n; i++) {
		pid_t pid = fork_tied();

		if (!pid)
			while (1)
				pause();
		kill(pid, SIGKILL);
		need(wait_for(pid) == -SIGKILL);
	}
	return n;
}

static bool unreturned_is(struct shadowk_shadow *shadow, const char *name, uint64_t n)
{
	return probe_info(shadow, name).unreturned == n;
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

/* A probe with a limit misses the calls beyond it. */
static void limits_are_kept(struct shadowk_shadow *shadow, struct actor *inside)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec),
					   .kind = SHADOWK_PROBE_LATENCY,
					   .calls = LIMIT,
					   .name = "limited",
					   .symbol = FUNCTION };
	struct shadowk_probe_info info;

	need_ok(shadowk_probe_add(shadow, &spec));
	actor_do(inside, job_sleep_together, THREADS);
	info = probe_info(shadow, "limited");
	expect_eq(info.hits + info.missed, THREADS, "hits and missed of %d threads", THREADS);
	expect_eq(info.unreturned, 0, "unreturned of functions that have returned");
	/* A slow machine wakes up some threads before the last ones sleep. */
	expect_range(info.hits, LIMIT, THREADS - 1, "hits with a limit of %d", LIMIT);
	probe_remove(shadow, "limited");
}

/* A probe without a limit misses calls only while hooks are added. */
static void hooks_grow(struct shadowk_shadow *shadow, struct actor *inside)
{
	struct shadowk_probe_info info, before;
	int pass;

	probe_add(shadow, "sleep", FUNCTION, SHADOWK_PROBE_LATENCY, 0);
	for (pass = 0; pass < 10; pass++) {
		before = probe_info(shadow, "sleep");
		actor_do(inside, job_sleep_together, THREADS);
		info = probe_info(shadow, "sleep");
		expect_eq(info.hits + info.missed - before.hits - before.missed, THREADS,
			  "hits and missed of %d threads", THREADS);
		if (info.missed == before.missed)
			break;
	}
	expect(pass < 10, "calls are missed however often they have been made before");
	probe_remove(shadow, "sleep");
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct shadowk_probe_info info;
	struct actor inside;

	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	limits_are_kept(shadow, &inside);
	hooks_grow(shadow, &inside);
	probe_add(shadow, "sleep", FUNCTION, SHADOWK_PROBE_LATENCY, 0);
	kill_sleepers(shadow);
	info = probe_info(shadow, "sleep");
	actor_do(&inside, job_sleep_together, 10);
	expect_eq(hits(shadow, "sleep") - info.hits, 10, "hits after the processes were killed");
	probe_remove(shadow, "sleep");

	probe_add(shadow, "exit", "do_exit", SHADOWK_PROBE_LATENCY, 0);
	/*
	 * In this task, the callers of do_exit() do not return either. For other tasks they return.
	 */
	probe_add(shadow, "exit_group", "__x64_sys_exit_group", SHADOWK_PROBE_COUNT,
		  SHADOWK_PROBE_RETURN);
	probe_add(shadow, "signal", "get_signal", SHADOWK_PROBE_LATENCY, 0);
	actor_do(&inside, job_vanish, CHILDREN);
	info = probe_info(shadow, "exit");
	expect_eq(info.hits, 0, "hits of a function that never returns");
	expect_eq(info.missed, 0, "missed of a function that never returns");
	expect_eq(info.unreturned, CHILDREN, "do_exit of %d children", CHILDREN);
	expect(unreturned_is(shadow, "exit_group", CHILDREN),
	       "exit_group: another number is unreturned");
	expect(unreturned_is(shadow, "signal", 0),
	       "get_signal: calls are unreturned without a signal");
	actor_do(&inside, job_kill, 10);
	expect_eq(probe_info(shadow, "exit").unreturned, CHILDREN + 10,
		  "do_exit with 10 killed children");
	expect(unreturned_is(shadow, "signal", 10), "get_signal: not 10 calls are unreturned");
	expect_eq(probe_info(shadow, "signal").missed, 0, "missed of get_signal");
	actor_end(&inside);
	return finish();
}
