// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=300 */
/*
 * A patch comes and goes 1000 times, and a process enters and leaves it 500 times, or as often as
 * the argument says. Meanwhile threads inside and outside call the function on all CPUs. Calls
 * outside always execute the old body, and calls inside one of the two.
 */
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"
#include "storms.h"

#define VALUE	 0x5a5a5a
#define FLIPS	 1000
#define ATTACHES 500

struct seen {
	atomic_ulong old, new, other;
};

static void *hammer(void *arg)
{
	struct seen *seen = arg;
	pid_t parent = getppid();

	for (;;) {
		long ret = syscall(SYS_getppid);

		if (ret == parent)
			seen->old++;
		else if (ret == VALUE)
			seen->new ++;
		else
			seen->other++;
		__builtin_ia32_pause();
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int attaches = argc > 1 ? atoi(argv[1]) : ATTACHES;
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct seen *seen = shared_memory(4096);
	pid_t inside, outside;

	inside = fork_on_all_cpus(hammer, &seen[0]);
	outside = fork_on_all_cpus(hammer, &seen[1]);
	wait_past(&seen[0].old);
	wait_past(&seen[1].old);
	attach(shadow, inside);

	for (int i = 0; i < FLIPS; i++) {
		patch_return(shadow, "p", GETPPID, VALUE);
		if (i % 50 == 0)
			wait_past(&seen[0].new);
		patch_remove(shadow, "p");
		if (i % 50 == 0)
			wait_past(&seen[0].old);
	}
	patch_return(shadow, "p", GETPPID, VALUE);
	for (int i = 0; i < attaches; i++) {
		detach(inside);
		if (i % 500 == 0)
			wait_past(&seen[0].old);
		attach(shadow, inside);
		if (i % 500 == 0)
			wait_past(&seen[0].new);
	}
	expect_eq(seen[0].other, 0, "results of neither body inside");
	expect_eq(seen[1].new + seen[1].other, 0, "results outside that are not the old body's");
	expect(seen[1].old > 0, "no calls were made outside");

	kill(inside, SIGKILL);
	kill(outside, SIGKILL);
	wait_for(inside);
	wait_for(outside);
	return finish();
}
