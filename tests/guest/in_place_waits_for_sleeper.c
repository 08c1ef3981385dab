// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=240 */
/*
 * While a thread sleeps in a body that would change, no patch comes or goes in place, and the
 * thread's process does not enter, leave or move. Such a call waits, then fails with EBUSY, names
 * the thread and changes nothing. Other calls are served while it waits.
 */
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"
#include "sleeper.h"

static struct shadowk_shadow *shadow, *other;

/* Adds the patch. Returns the task in the way, or the result if there is none. */
static long job_add(long unused)
{
	int err = patch_in_place(shadow, "p", "shk_inplace");

	return err == -EBUSY ? shadowk_busy() : err;
}

/* A call that waits for the sleeper does not make other calls wait. */
static void add_below_sleeper(void)
{
	struct actor adder;

	actor_start_holding(&adder, -1);
	actor_ask(&adder, job_add, 0);
	need(eventually(sleeps_in(adder.pid, SYS_ioctl)));
	shadow_info(shadow);
	expect(eventually(sleeps_in(adder.pid, SYS_ioctl)),
	       "another call was served only after the patch had ended");
	expect_ret(shadowk_patch_remove(shadow, "p"), -EBUSY,
		   "removing the patch that is being added");
	expect_eq(actor_answer(&adder), sleeper.pid, "task in the way of adding");
	actor_end(&adder);
}

int main(void)
{
	shadow = shadow_new(NULL);
	other = shadow_new(NULL);
	need_pause_in_place();
	inplace_load();
	actor_start(&sleeper, -1);
	sleeper_ready(&sleeper);

	attach(shadow, sleeper.pid);
	sleep_in_it();
	add_below_sleeper();
	wake(-EINTR, "pause() of the sleeper, in the base's body");
	expect_eq(actor_do(&sleeper, job_syscall, SYS_getuid), 0,
		  "getuid(), the patch's other function, after refusal");
	waits(patch_in_place(shadow, "p", "shk_inplace"), -EINTR, "adding the patch");

	sleep_in_it();
	busy(shadowk_patch_remove(shadow, "p"), "removing the patch, with a sleeper");
	busy(shadowk_process_detach(device(), sleeper.pid), "detaching a sleeper");
	busy(shadowk_process_attach(other, sleeper.pid), "moving a sleeper");
	expect_eq(shadow_of(sleeper.pid), shadow_info(shadow).id, "shadow after refused calls");
	wake(-EPERM, "pause() of the sleeper, in the body in place");
	expect_eq(actor_do(&sleeper, job_syscall, SYS_getuid), 4242,
		  "getuid(), the patch's other function");
	waits(shadowk_process_detach(device(), sleeper.pid), -EPERM, "detaching the process");

	sleep_in_it();
	busy(shadowk_process_attach(shadow, sleeper.pid), "attaching a sleeper");
	expect_eq(shadow_of(sleeper.pid), 0, "shadow after a refused attach");
	wake(-EINTR, "pause() of the sleeper, outside");
	waits(shadowk_process_attach(shadow, sleeper.pid), -EINTR, "attaching the process");
	waits(shadowk_patch_remove(shadow, "p"), -EPERM, "removing the patch");

	actor_end(&sleeper);
	shadow_close(shadow);
	shadow_close(other);
	expect(eventually(!module_unload("shk_inplace")), "shk_inplace cannot be unloaded");
	return finish();
}
