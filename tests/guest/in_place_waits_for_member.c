// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=300 */
/*
 * A cgroup cannot be attached or detached while a member sleeps in a body that would change. The
 * call waits, then fails with EBUSY and names the member, and all members are where they were. A
 * sleeping member that is moved to another cgroup changes text after it has woken.
 */
#include "actor.h"
#include "cgroups.h"
#include "patches.h"
#include "sleeper.h"

static struct actor first, last;

static void expect_all(long uid, const char *when)
{
	expect_eq(actor_do(&first, job_syscall, SYS_getuid), uid,
		  "getuid() of the first member, %s", when);
	expect_eq(actor_do(&last, job_syscall, SYS_getuid), uid, "getuid() of the last member, %s",
		  when);
}

static void start(struct actor *actor, const struct cgroup *cgroup)
{
	actor_start(actor, -1);
	sleeper_ready(actor);
	cgroup_move(cgroup, actor->pid);
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct cgroup cgroup;

	need_pause_in_place();
	inplace_load();
	cgroup_make(&cgroup, NULL, "members");
	need_ok(patch_in_place(shadow, "p", "shk_inplace"));
	start(&first, &cgroup);
	start(&sleeper, &cgroup);
	start(&last, &cgroup);

	sleep_in_it();
	busy(shadowk_cgroup_attach(shadow, cgroup.path), "attach of the cgroup");
	expect_all(0, "after attach was refused");
	expect_eq(shadow_info(shadow).nr_grafts, 0, "processes inside after attach was refused");
	wake(-EINTR, "pause() of the sleeper, in the base's body");
	waits(shadowk_cgroup_attach(shadow, cgroup.path), -EINTR, "attach of the cgroup");
	expect_all(4242, "after attach");

	sleep_in_it();
	busy(shadowk_cgroup_detach(device(), cgroup.path), "detach of the cgroup");
	expect_all(4242, "after detach was refused");
	expect_eq(shadow_info(shadow).nr_grafts, 3, "processes inside after detach was refused");
	cgroup_move_to_root(sleeper.pid);
	expect_eq(shadow_of(sleeper.pid), shadow_info(shadow).id,
		  "shadow of the sleeper after it was moved");
	wake(-EPERM, "pause() of the sleeper, in the body in place");
	expect(eventually(!shadow_of(sleeper.pid)),
	       "the sleeper does not change text after it has woken");

	cgroup_move(&cgroup, sleeper.pid);
	waits(shadowk_cgroup_detach(device(), cgroup.path), -EPERM, "detach of the cgroup");
	expect_all(0, "after detach");

	actor_end(&first);
	actor_end(&sleeper);
	actor_end(&last);
	cgroup_remove(&cgroup);
	shadow_close(shadow);
	expect(eventually(!module_unload("shk_inplace")), "shk_inplace cannot be unloaded");
	return finish();
}
