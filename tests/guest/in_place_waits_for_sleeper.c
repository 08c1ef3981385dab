// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=240 */
/*
 * While a thread sleeps in a body that would change under it, a patch does not come
 * or go in place, and its process does not come, go or move: that is waited for,
 * then refused with the thread's name, and nothing has changed. Others are served meanwhile.
 */
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"
#include "sleeper.h"

static struct shadowk_shadow *shadow, *other;

/* Who is in the way of that; -errno if nobody is. */
static long job_add(long unused)
{
	int err = patch_in_place(shadow, "p", "shk_inplace");

	return err == -EBUSY ? shadowk_busy() : err;
}

/* Whoever waits for the sleeper does so alone. */
static void add_below_sleeper(void)
{
	struct actor adder;

	actor_start_holding(&adder, -1);
	actor_ask(&adder, job_add, 0);
	need(eventually(sleeps_in(adder.pid, SYS_ioctl)));
	shadow_info(shadow);
	expect(eventually(sleeps_in(adder.pid, SYS_ioctl)), "others are served meanwhile");
	expect_ret(shadowk_patch_remove(shadow, "p"), -EBUSY, "removing what is being added");
	expect_eq(actor_answer(&adder), sleeper.pid, "who is in the way of adding");
	actor_end(&adder);
}

int main(void)
{
	shadow = shadow_new(NULL);
	other = shadow_new(NULL);
	inplace_load();
	actor_start(&sleeper, -1);
	sleeper_ready(&sleeper);

	attach(shadow, sleeper.pid);
	sleep_in_it();
	add_below_sleeper();
	wake(-EINTR, "the base's body, to its end");
	expect_eq(actor_do(&sleeper, job_syscall, SYS_getuid), 0, "the patch's other function");
	waits(patch_in_place(shadow, "p", "shk_inplace"), -EINTR, "adding");

	sleep_in_it();
	busy(shadowk_patch_remove(shadow, "p"), "removing, below a sleeper");
	busy(shadowk_process_detach(device(), sleeper.pid), "detaching a sleeper");
	busy(shadowk_process_attach(other, sleeper.pid), "moving a sleeper");
	expect_eq(shadow_of(sleeper.pid), shadow_info(shadow).id, "where it is");
	wake(-EPERM, "the body in place, to its end");
	expect_eq(actor_do(&sleeper, job_syscall, SYS_getuid), 4242, "the patch's other function");
	waits(shadowk_process_detach(device(), sleeper.pid), -EPERM, "detaching");

	sleep_in_it();
	busy(shadowk_process_attach(shadow, sleeper.pid), "attaching a sleeper");
	expect_eq(shadow_of(sleeper.pid), 0, "where it is");
	wake(-EINTR, "outside");
	waits(shadowk_process_attach(shadow, sleeper.pid), -EINTR, "attaching");
	waits(shadowk_patch_remove(shadow, "p"), -EPERM, "removing");

	actor_end(&sleeper);
	shadow_close(shadow);
	shadow_close(other);
	expect(eventually(!module_unload("shk_inplace")), "its module can be unloaded");
	return finish();
}
