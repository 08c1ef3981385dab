// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=300 */
/*
 * A patch in place comes and goes, and its process comes and goes, while threads inside and outside
 * call the function on all CPUs and sleep in another one. Each call executes one of the two bodies,
 * and calls outside always the base's.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "actor.h"
#include "patches.h"

#define FLIPS 40

struct seen {
	atomic_ulong old, new, other;
	atomic_ulong old_sleeps, new_sleeps, other_sleeps;
};

static void *hammer(void *arg)
{
	static atomic_int cpu;
	struct seen *seen = arg;

	pin(cpu++ % nr_cpus());
	for (;;) {
		long ret = syscall(SYS_getuid);

		if (!ret)
			seen->old++;
		else if (ret == 4242)
			seen->new ++;
		else
			seen->other++;
	}
	return NULL;
}

static void on_signal(int signal)
{
}

/* Sleeps half of the time in pause(), and the other half elsewhere. */
static void doze(struct seen *seen, const sigset_t *alarms)
{
	struct itimerval often = { { .tv_usec = 10000 }, { .tv_usec = 10000 } };

	signal(SIGALRM, on_signal);
	pthread_sigmask(SIG_UNBLOCK, alarms, NULL);
	need(!setitimer(ITIMER_REAL, &often, NULL));
	for (;;) {
		usleep(5000);
		if (syscall(SYS_pause) == -1 && errno == EINTR)
			seen->old_sleeps++;
		else if (errno == EPERM)
			seen->new_sleeps++;
		else
			seen->other_sleeps++;
	}
}

static pid_t start(struct seen *seen)
{
	pid_t pid = fork_tied();
	pthread_t thread;
	sigset_t alarms;

	if (pid)
		return pid;
	shadows_done();
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	for (unsigned int i = 0; i < nr_cpus(); i++)
		need(!pthread_create(&thread, NULL, hammer, seen));
	doze(seen, &alarms);
	return 0;
}

int main(int argc, char **argv)
{
	int flips = argc > 1 ? atoi(argv[1]) : FLIPS;
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct seen *seen = shared_memory(4096);
	pid_t inside, outside;

	need_pause_in_place();
	inplace_load();
	inside = start(&seen[0]);
	outside = start(&seen[1]);
	wait_past(&seen[0].old_sleeps);
	wait_past(&seen[1].old_sleeps);
	attach(shadow, inside);
	for (int i = 0; i < flips; i++) {
		need_ok(patch_in_place(shadow, "p", "shk_inplace"));
		wait_past(&seen[0].new);
		if (i % 10 == 0)
			wait_past(&seen[0].new_sleeps);
		detach(inside);
		wait_past(&seen[0].old);
		attach(shadow, inside);
		wait_past(&seen[0].new);
		patch_remove(shadow, "p");
		wait_past(&seen[0].old);
		if (i % 10 == 0)
			wait_past(&seen[0].old_sleeps);
	}
	expect_eq(seen[0].other + seen[0].other_sleeps, 0, "results of neither body");
	expect_eq(seen[1].new + seen[1].other + seen[1].new_sleeps + seen[1].other_sleeps, 0,
		  "results outside that are not the base's");

	kill(inside, SIGKILL);
	kill(outside, SIGKILL);
	wait_for(inside);
	wait_for(outside);
	shadow_close(shadow);
	expect(eventually(!module_unload("shk_inplace")), "shk_inplace cannot be unloaded");
	return finish();
}
