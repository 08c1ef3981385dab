// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=300 */
/*
 * A cgroup neither comes into a shadow nor leaves it while a member of it sleeps in
 * a body that would change under it: that is waited for, then refused with the
 * member's name, and all members are where they were. Who is moved between cgroups
 * asleep follows when it wakes.
 */
#include "actor.h"
#include "cgroups.h"
#include "patches.h"
#include "sleeper.h"

static struct actor first, last;

static void expect_all(long uid, const char *when)
{
	expect_eq(actor_do(&first, job_syscall, SYS_getuid), uid, "first member's, %s", when);
	expect_eq(actor_do(&last, job_syscall, SYS_getuid), uid, "last member's, %s", when);
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

	inplace_load();
	cgroup_make(&cgroup, NULL, "members");
	need_ok(patch_in_place(shadow, "p", "shk_inplace"));
	start(&first, &cgroup);
	start(&sleeper, &cgroup);
	start(&last, &cgroup);

	sleep_in_it();
	busy(shadowk_cgroup_attach(shadow, cgroup.path), "attaching");
	expect_all(0, "when attaching was refused");
	expect_eq(shadow_info(shadow).nr_grafts, 0, "who is inside then");
	wake(-EINTR, "the base's body, to its end");
	waits(shadowk_cgroup_attach(shadow, cgroup.path), -EINTR, "attaching");
	expect_all(4242, "attached");

	sleep_in_it();
	busy(shadowk_cgroup_detach(device(), cgroup.path), "detaching");
	expect_all(4242, "when detaching was refused");
	expect_eq(shadow_info(shadow).nr_grafts, 3, "who is inside then");
	cgroup_move_to_root(sleeper.pid);
	expect_eq(shadow_of(sleeper.pid), shadow_info(shadow).id, "where it is, moved asleep");
	wake(-EPERM, "the body in place, to its end");
	expect(eventually(!shadow_of(sleeper.pid)), "it follows when it has woken");

	cgroup_move(&cgroup, sleeper.pid);
	waits(shadowk_cgroup_detach(device(), cgroup.path), -EPERM, "detaching");
	expect_all(0, "detached");

	actor_end(&first);
	actor_end(&sleeper);
	actor_end(&last);
	cgroup_remove(&cgroup);
	shadow_close(shadow);
	expect(eventually(!module_unload("shk_inplace")), "its module can be unloaded");
	return finish();
}
