// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A detached process keeps its graft for the next attach or enter. So its mm gets one notifier,
 * however often it comes and goes, until the process ends, executes a program, or the module is
 * unloaded. Then no notifier remains.
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
	expect_eq(made() - was, 1, "notifiers of a process that was attached %d times", ROUNDS);
	need_ok(actor_do(&actor[1], job_enter, ROUNDS));
	expect_eq(made() - was, 2, "notifiers, with that of a process that entered %d times",
		  ROUNDS);
	need_ok(actor_do(&actor[0], job_enter, ROUNDS));
	come_and_go(actor[1].pid);
	expect_eq(made() - was, 2, "notifiers after each process came in the other way, too");
	expect_eq(gone() - ended, 0, "notifiers removed before a process ends");

	actor_end(&actor[0]);
	expect(eventually(gone() - ended == 1), "no notifier was removed when its process ended");
	come_and_go(executes.pid);
	actor_ask(&executes, job_exec, 0);
	expect_eq(wait_for(executes.pid), 0, "exit status of the program");
	expect(eventually(gone() - ended == 2), "no notifier was removed in exec");
	expect_eq(made() - was, 3, "notifiers with that of the process that executed a program");

	/* A process that was parked before ends while it is inside. */
	attach(shadow, actor[1].pid);
	actor_end(&actor[1]);
	expect(eventually(gone() - ended == 3),
	       "no notifier was removed when a process ended inside");

	for (int i = 2; i < ACTORS; i++)
		come_and_go(actor[i].pid);
	need(!kill(actor[2].pid, SIGKILL));
	waitpid(actor[2].pid, NULL, 0);
	shadows_done();
	need_ok(module_unload("shadowk"));
	expect_eq(gone() - ended, 3 + ACTORS - 2,
		  "notifiers removed after the module was unloaded");
	for (int i = 3; i < ACTORS; i++)
		actor_end(&actor[i]);
	expect_eq(made() - gone(), was - ended, "notifiers that remain in the end");
	kprobe_remove("insert");
	kprobe_remove("remove");
	unlink(TINY);
	return finish();
}
