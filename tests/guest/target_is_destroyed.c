// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A shadow that is made for some system calls only has a target, which is destroyed while nobody
 * is inside: who was inside before, and is elsewhere for a stretch, comes back to the base. While a
 * cgroup is bound to the first shadow the second cannot be destroyed.
 */
#include <sys/syscall.h>

#include "actor.h"
#include "cgroups.h"
#include "shadows.h"

#define CALLS 10

static struct shadowk_shadow *target, *caller, *elsewhere;

static long job_enter(long unused)
{
	return shadowk_enter(elsewhere);
}

static long job_leave(long unused)
{
	return shadowk_leave(elsewhere);
}

static void make(void)
{
	static const unsigned int number = SYS_getppid;

	target = shadow_new(NULL);
	count(target, GETPPID);
	need_ok(shadowk_syscalls_create(target, &number, 1, &caller, NULL));
}

static void expect_comes_back(void)
{
	struct actor actor;

	make();
	elsewhere = shadow_new(NULL);
	actor_start_holding(&actor, -1);
	attach(caller, actor.pid);
	actor_do(&actor, job_getppid, CALLS);
	expect_eq(hits(target, GETPPID), CALLS, "hits while it is inside");
	need_ok(actor_do(&actor, job_enter, 0));
	expect_ret(shadowk_shadow_destroy(target), 0, "destroying the target meanwhile");
	expect_ret(actor_do(&actor, job_leave, 0), 0, "leaving");
	expect_eq(shadow_of(actor.pid), 0, "the shadow that it comes back to");
	actor_do(&actor, job_getppid, CALLS);
	expect_ret(shadowk_process_attach(caller, actor.pid), -ESTALE,
		   "attaching, the target destroyed");
	actor_end(&actor);
	shadowk_shadow_close(caller);
}

static void expect_held(void)
{
	struct cgroup group;

	make();
	cgroup_make(&group, NULL, "caller");
	cgroup_attach(caller, &group);
	expect_ret(shadowk_shadow_destroy(target), -EBUSY,
		   "destroying the target of a cgroup's shadow");
	cgroup_detach(&group);
	expect_ret(shadowk_shadow_destroy(target), 0, "destroying it, the cgroup detached");
	cgroup_remove(&group);
	shadowk_shadow_close(caller);
}

int main(void)
{
	expect_comes_back();
	expect_held();
	return finish();
}
