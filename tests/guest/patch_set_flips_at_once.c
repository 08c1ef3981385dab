// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=300 */
/*
 * All functions of a patch change at once. A thread that has executed the new body of one function
 * executes the new body of another in its next call. When the patch goes, the same holds for old
 * bodies.
 */
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"
#include "storms.h"
#include "victims.h"

#define ROUNDS 100

struct seen {
	atomic_ulong calls, mixed;
	atomic_int turn; /* 1: the patch comes next; -1: it goes; 0: not decided */
};

/* Counts pairs of calls whose bodies a single change of all functions cannot explain. */
static void *watch(void *arg)
{
	struct seen *seen = arg;
	bool last = false;
	int last_turn = 0;

	for (;;) {
		int turn = seen->turn;
		bool uid = syscall(SYS_getuid) == 1000, gid = syscall(SYS_getgid) == 1000;
		bool known = turn == last_turn;

		/*
		 * While the patch comes, no old body may follow a new one. While it goes, no new
		 * body may follow an old one.
		 */
		if (turn == seen->turn)
			seen->mixed += turn > 0	  ? (known && last && !uid) || (uid && !gid)
				       : turn < 0 ? (known && !last && uid) || (!uid && gid)
						  : 0;
		last = gid;
		last_turn = turn;
		seen->calls++;
		__builtin_ia32_pause();
	}
	return NULL;
}

static void wait_calls(struct seen *seen, unsigned long n)
{
	unsigned long from = seen->calls;

	while (seen->calls < from + n)
		usleep(50);
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct seen *seen = shared_memory(4096);
	pid_t pid;

	need_ok(module_load(victim_path("shk_patches"), ""));
	pid = fork_on_all_cpus(watch, seen);
	attach(shadow, pid);
	for (int i = 0; i < ROUNDS; i++) {
		seen->turn = 0;
		wait_calls(seen, 20);
		seen->turn = 1;
		patch_module(shadow, "p", "shk_patches");
		seen->turn = 0;
		wait_calls(seen, 20);
		seen->turn = -1;
		patch_remove(shadow, "p");
	}
	expect_eq(seen->mixed, 0, "pairs of calls with bodies in the wrong order");
	kill(pid, SIGKILL);
	wait_for(pid);
	expect(eventually(!module_unload("shk_patches")), "the module cannot be unloaded");
	return finish();
}
