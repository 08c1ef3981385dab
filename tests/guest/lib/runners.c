// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "actor.h"
#include "runners.h"
#include "shadows.h"

struct one {
	_Alignas(64) atomic_ulong begun;
	atomic_ulong done;
	atomic_ulong wrong;
	atomic_int tid;
	atomic_int paused;
};

struct runners_shared {
	struct one one[RUNNERS_MAX];
	atomic_int stop;
	unsigned int first_cpu;
};

static struct runners_shared *shared_of(struct one *one)
{
	return (void *)((uintptr_t)one & ~4095UL);
}

static void *run(void *arg)
{
	struct one *one = arg;
	struct runners_shared *shared = shared_of(one);
	pid_t parent = getppid();

	pin((shared->first_cpu + (one - shared->one)) % nr_cpus());
	one->tid = syscall(SYS_gettid);
	for (;;) {
		while (shared->stop) {
			one->paused = 1;
			usleep(1000);
		}
		one->paused = 0;
		one->begun++;
		if (syscall(SYS_getppid) != parent)
			one->wrong++;
		one->done++;
		/* Makes QEMU switch to another virtual CPU, which otherwise may wait for 100 ms. */
		__builtin_ia32_pause();
	}
	return NULL;
}

static void start(struct runners *runners, unsigned int nr, unsigned int cpu)
{
	struct runners_shared *shared = shared_memory(sizeof(*shared));
	pthread_t thread;

	_Static_assert(sizeof(*shared) <= 4096, "shared_of() rounds down to a page");
	shared->first_cpu = cpu;
	runners->nr = nr < RUNNERS_MAX ? nr : RUNNERS_MAX;
	runners->shared = shared;
	runners->pid = fork_tied();
	if (!runners->pid) {
		shadows_done();
		for (unsigned int i = 1; i < runners->nr; i++)
			need(!pthread_create(&thread, NULL, run, &shared->one[i]));
		run(&shared->one[0]);
	}
	runners_progress(runners, 1);
}

void runners_start(struct runners *runners, unsigned int nr)
{
	start(runners, nr ? nr : nr_cpus(), 0);
}

void runners_start_on(struct runners *runners, unsigned int cpu)
{
	start(runners, 1, cpu);
}

uint64_t runners_wrong(const struct runners *runners)
{
	uint64_t wrong = 0;

	for (unsigned int i = 0; i < runners->nr; i++)
		wrong += runners->shared->one[i].wrong;
	return wrong;
}

struct tally runners_tally(const struct runners *runners)
{
	struct tally tally = {};

	for (unsigned int i = 0; i < runners->nr; i++) {
		tally.done[i] = runners->shared->one[i].done;
		tally.begun[i] = runners->shared->one[i].begun;
	}
	return tally;
}

void runners_progress(const struct runners *runners, uint64_t calls)
{
	struct tally from = runners_tally(runners);

	for (unsigned int i = 0; i < runners->nr; i++)
		while (runners->shared->one[i].done < from.done[i] + calls)
			usleep(50);
}

void runners_stop(struct runners *runners)
{
	runners->shared->stop = 1;
	for (unsigned int i = 0; i < runners->nr; i++)
		while (!runners->shared->one[i].paused)
			usleep(50);
}

void runners_resume(struct runners *runners)
{
	runners->shared->stop = 0;
	runners_progress(runners, 1);
}

pid_t runners_tid(const struct runners *runners, unsigned int n)
{
	return runners->shared->one[n].tid;
}

void runners_end(struct runners *runners)
{
	kill(runners->pid, SIGKILL);
	expect_eq(wait_for(runners->pid), -SIGKILL, "exit status of the runners");
	munmap(runners->shared, sizeof(*runners->shared));
}

void tally_bounds(const struct tally *from, const struct tally *since, const struct tally *until,
		  const struct tally *to, uint64_t *lowest, uint64_t *highest)
{
	*lowest = *highest = 0;
	for (unsigned int i = 0; i < RUNNERS_MAX; i++) {
		if (until->done[i] > since->begun[i])
			*lowest += until->done[i] - since->begun[i];
		*highest += to->begun[i] - from->done[i];
	}
}
