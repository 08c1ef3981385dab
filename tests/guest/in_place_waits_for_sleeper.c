// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=240 */
/*
 * While a thread sleeps in a body that would change under it, a patch does not come
 * or go in place, and its process does not come, go or move: that is waited for,
 * then refused with the thread's name, and nothing has changed.
 */
#include "actor.h"
#include "patches.h"
#include "sleeper.h"

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL), *other = shadow_new(NULL);

	inplace_load();
	actor_start(&sleeper, -1);
	sleeper_ready(&sleeper);

	attach(shadow, sleeper.pid);
	sleep_in_it();
	busy(patch_in_place(shadow, "p", "shk_inplace"), "adding, below a sleeper");
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
