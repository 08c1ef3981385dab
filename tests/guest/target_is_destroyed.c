// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * The target of a shadow for system calls can be destroyed while no process is attached to that
 * shadow. A process that was, and is in a stretch elsewhere, returns to the base then. While a
 * cgroup is attached to the shadow, its target cannot be destroyed.
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
	expect_eq(hits(target, GETPPID), CALLS, "hits while the process is attached");
	need_ok(actor_do(&actor, job_enter, 0));
	expect_ret(shadowk_shadow_destroy(target), 0, "destroying the target during the stretch");
	expect_ret(actor_do(&actor, job_leave, 0), 0, "leave");
	expect_eq(shadow_of(actor.pid), 0, "shadow after leave");
	actor_do(&actor, job_getppid, CALLS);
	expect_ret(shadowk_process_attach(caller, actor.pid), -ESTALE,
		   "attach after the target was destroyed");
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
		   "destroying the target while a cgroup is attached");
	cgroup_detach(&group);
	expect_ret(shadowk_shadow_destroy(target), 0,
		   "destroying the target after the cgroup was detached");
	cgroup_remove(&group);
	shadowk_shadow_close(caller);
}

int main(void)
{
	expect_comes_back();
	expect_held();
	return finish();
}
