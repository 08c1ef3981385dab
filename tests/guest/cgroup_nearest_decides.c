// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * The nearest attached cgroup above a process decides its shadow, in whatever order the cgroups
 * were attached and detached. Only a stretch takes the process out of it, and the stretch returns
 * there. A cgroup that is removed is no longer attached.
 */
#include "actor.h"
#include "cgroups.h"

enum { OUTER, INNER, OTHER, NR };

#define CALLS 10

static struct shadowk_shadow *shadows[NR];
static uint64_t counted[NR];

static void expect_in(struct actor *actor, int n, const char *when)
{
	actor_do(actor, job_getppid, CALLS);
	if (n >= 0)
		counted[n] += CALLS;
	for (int i = 0; i < NR; i++)
		expect_eq(hits(shadows[i], GETPPID), counted[i], "hits in shadow %d, %s", i, when);
}

static long job_enter(long n)
{
	return shadowk_enter(shadows[n]);
}

static long job_leave(long n)
{
	return shadowk_leave(shadows[n]);
}

static void nearest_decides(struct actor *actor, const struct cgroup *above,
			    const struct cgroup *below)
{
	attach(shadows[OTHER], actor->pid);
	cgroup_attach(shadows[INNER], below);
	expect_in(actor, INNER, "its cgroup is attached");
	cgroup_attach(shadows[OUTER], above);
	expect_in(actor, INNER, "the cgroup above is attached, too");
	cgroup_move(above, actor->pid);
	expect_in(actor, OUTER, "moved up");
	cgroup_move(below, actor->pid);
	expect_in(actor, INNER, "moved down");
	cgroup_detach(below);
	expect_in(actor, OUTER, "its cgroup is detached");
	cgroup_attach(shadows[INNER], below);
	expect_in(actor, INNER, "its cgroup is attached again");
	cgroup_detach(above);
	expect_in(actor, INNER, "the cgroup above is detached");
}

static void nobody_else_decides(struct actor *actor, const struct cgroup *below)
{
	expect_ret(shadowk_process_attach(shadows[OTHER], actor->pid), -EBUSY, "attach");
	expect_ret(shadowk_process_detach(device(), actor->pid), -EBUSY, "detach");
	expect_ret(shadowk_process_attach(shadows[INNER], actor->pid), 0,
		   "attach to the same shadow");
	expect_ret(shadowk_shadow_destroy(shadows[INNER]), -EBUSY, "destroy");
	expect_ret(shadowk_cgroup_attach(shadows[OTHER], below->path), -EBUSY, "attach the cgroup");
	expect_in(actor, INNER, "after calls that must not move it");

	expect_ret(actor_do(actor, job_enter, OTHER), 0, "enter");
	expect_in(actor, OTHER, "in a stretch");
	expect_ret(actor_do(actor, job_leave, OTHER), 0, "leave");
	expect_in(actor, INNER, "after the stretch");
	expect_ret(actor_do(actor, job_enter, OTHER), 0, "enter");
	cgroup_move_to_root(actor->pid);
	expect_in(actor, -1, "moved out within a stretch");
	expect_ret(actor_do(actor, job_leave, OTHER), -ENOENT, "leave, moved out");
}

static void goes_with_its_cgroup(struct cgroup *below)
{
	long held = module_references();

	cgroup_remove(below);
	expect(eventually(module_references() < held), "the removed cgroup still holds the module");
	expect_ret(shadowk_shadow_destroy(shadows[INNER]), 0, "destroy, cgroup removed");
}

int main(void)
{
	struct cgroup above, below;
	struct actor actor;

	for (int i = 0; i < NR; i++) {
		shadows[i] = shadow_new(NULL);
		count(shadows[i], GETPPID);
	}
	cgroup_make(&above, NULL, "above");
	cgroup_make(&below, &above, "below");
	actor_start_holding(&actor, -1);
	cgroup_move(&below, actor.pid);
	nearest_decides(&actor, &above, &below);
	nobody_else_decides(&actor, &below);
	goes_with_its_cgroup(&below);
	cgroup_remove(&above);
	actor_end(&actor);
	return finish();
}
