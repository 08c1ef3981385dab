// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A process that was detached, or has left, is known for when it comes again: it subscribes to
 * the end of its memory map once, whoever asks, and until it ends, executes a program, or the
 * module goes. Nothing is left then.
 */
#include <signal.h>
#include <sys/wait.h>

#include "actor.h"
#include "shadows.h"
#include "tiny.h"
#include "tracefs.h"

#define TINY   "/tmp/tiny"
#define ROUNDS 20
#define ACTORS 8

static struct shadowk_shadow *shadow;

static long made(void)
{
	return kprobe_hits("insert");
}

static long gone(void)
{
	return kprobe_hits("remove");
}

static long job_enter(long rounds)
{
	for (long i = 0; i < rounds; i++) {
		need_ok(shadowk_enter(shadow));
		need_ok(shadowk_leave(shadow));
	}
	return 0;
}

static long job_exec(long unused)
{
	char *argv[] = { TINY, NULL };

	execv(TINY, argv);
	return -errno;
}

static void come_and_go(pid_t pid)
{
	for (int i = 0; i < ROUNDS; i++) {
		attach(shadow, pid);
		detach(pid);
	}
}

int main(void)
{
	struct actor actor[ACTORS], executes;
	long was, ended;

	shadow = shadow_new(NULL);
	tiny_write(TINY);
	kprobe_add("insert", "mmu_interval_notifier_insert");
	kprobe_add("remove", "mmu_interval_notifier_remove");
	for (int i = 0; i < ACTORS; i++)
		(i < 2 ? actor_start_holding : actor_start)(&actor[i], -1);
	actor_start(&executes, -1);

	was = made();
	ended = gone();
	come_and_go(actor[0].pid);
	expect_eq(made() - was, 1, "subscriptions of one that was attached %d times", ROUNDS);
	need_ok(actor_do(&actor[1], job_enter, ROUNDS));
	expect_eq(made() - was, 2, "with those of one that entered %d times", ROUNDS);
	need_ok(actor_do(&actor[0], job_enter, ROUNDS));
	come_and_go(actor[1].pid);
	expect_eq(made() - was, 2, "the same, the other way round");
	expect_eq(gone() - ended, 0, "subscriptions that have ended");

	actor_end(&actor[0]);
	expect(eventually(gone() - ended == 1), "it ends with its process");
	come_and_go(executes.pid);
	actor_ask(&executes, job_exec, 0);
	expect_eq(wait_for(executes.pid), 0, "exit status of the program");
	expect(eventually(gone() - ended == 2), "one ends in exec");
	expect_eq(made() - was, 3, "subscriptions so far");

	/* One that ends while it is inside, having been parked before. */
	attach(shadow, actor[1].pid);
	actor_end(&actor[1]);
	expect(eventually(gone() - ended == 3), "one ends inside");

	for (int i = 2; i < ACTORS; i++)
		come_and_go(actor[i].pid);
	need(!kill(actor[2].pid, SIGKILL));
	waitpid(actor[2].pid, NULL, 0);
	shadows_done();
	need_ok(module_unload("shadowk"));
	expect_eq(gone() - ended, 3 + ACTORS - 2, "subscriptions that have ended with the module");
	for (int i = 3; i < ACTORS; i++)
		actor_end(&actor[i]);
	expect_eq(made() - gone(), was - ended, "subscriptions in the end");
	kprobe_remove("insert");
	kprobe_remove("remove");
	unlink(TINY);
	return finish();
}
