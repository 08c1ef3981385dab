// SPDX-License-Identifier: GPL-2.0-only
/* test: races core timeout=90 */
/*
 * Each selected system call is inside as a whole, whatever calls other threads of the process begin
 * and end meanwhile on other CPUs. After the last one has ended, the threads are outside.
 */
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/times.h>

#include "actor.h"
#include "shadows.h"

#define CALLS	(kernel_is_slow() ? 2000 : 20000)
#define THREADS 3

static void *make_calls(void *arg)
{
	long cpu = (long)arg;

	pin((int)(cpu % nr_cpus()));
	for (long n = CALLS; n; n--) {
		if (cpu == THREADS - 1)
			times(&(struct tms){});
		else
			syscall(SYS_getppid);
	}
	return NULL;
}

static long job_threads(long nr)
{
	pthread_t threads[THREADS];

	for (long i = 0; i < nr; i++)
		need(!pthread_create(&threads[i], NULL, make_calls, (void *)i));
	for (long i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

int main(void)
{
	static const unsigned int numbers[] = { SYS_getppid, SYS_times };
	struct shadowk_shadow *shadow = shadow_new(NULL), *during;
	struct actor actor;
	long n = CALLS;

	count(shadow, GETPPID);
	count(shadow, "__x64_sys_times");
	count(shadow, GETUID);
	need_ok(shadowk_syscalls_create(shadow, numbers, ARRAY_SIZE(numbers), &during, NULL));
	actor_start(&actor, -1);
	attach(during, actor.pid);
	actor_do(&actor, job_threads, THREADS);
	expect_eq(hits(shadow, GETPPID), (THREADS - 1) * n, "calls of getppid");
	expect_eq(hits(shadow, "__x64_sys_times"), n, "calls of times");
	/* No thread is in a selected call at this time. */
	actor_do(&actor, job_getuid, n);
	expect_eq(hits(shadow, GETUID), 0, "other calls");
	shadowk_shadow_close(during);
	actor_end(&actor);
	return finish();
}
