// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * All processes in an attached cgroup, or in a cgroup below it, are inside while they are there. It
 * does not matter whether they were there before, or are forked or moved there. Each of their calls
 * is a hit, and no call of other processes is.
 */
#include "actor.h"
#include "cgroups.h"

#define CALLS 10

static struct shadowk_shadow *shadow;
static uint64_t counted;

static void expect_where(struct actor *actor, bool inside, const char *who)
{
	actor_do(actor, job_getppid, CALLS);
	if (inside)
		counted += CALLS;
	expect_eq(hits(shadow, GETPPID), counted, "hits, %s", who);
}

/* A child, and the program that it executes, make one call each. */
static long job_fork_and_exec(long unused)
{
	pid_t pid = fork();

	if (!pid) {
		job_getppid(1);
		execl("/proc/self/exe", "program", NULL);
		_exit(111);
	}
	return wait_for(pid);
}

static void expect_family(struct actor *actor, bool inside, const char *whose)
{
	expect_eq(actor_do(actor, job_fork_and_exec, 0), 0, "status of a child");
	if (inside)
		counted += 2;
	expect_eq(hits(shadow, GETPPID), counted, "hits with child and program, %s", whose);
}

static void moves(struct actor *actor, const struct cgroup *in, const struct cgroup *below,
		  const struct cgroup *beside)
{
	const struct cgroup *places[] = { beside, in, below, beside, below, in, NULL };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (places[i])
			cgroup_move(places[i], actor->pid);
		else
			cgroup_move_to_root(actor->pid);
		expect_where(actor, places[i] == in || places[i] == below,
			     places[i] ? places[i]->path : "moved to the root");
	}
}

int main(int argc, char **argv)
{
	struct actor member, nested, neighbour, guest;
	struct cgroup above, in, below, beside, later;

	if (!strcmp(argv[0], "program"))
		return job_getppid(1) != 1;
	shadow = shadow_new("cgroup");
	count(shadow, GETPPID);
	cgroup_make(&above, NULL, "above");
	cgroup_make(&in, &above, "in");
	cgroup_make(&beside, &above, "beside");
	cgroup_make(&below, &in, "below");
	actor_start(&member, -1);
	actor_start(&nested, -1);
	actor_start(&neighbour, -1);
	actor_start(&guest, -1);
	cgroup_move(&in, member.pid);
	cgroup_move(&below, nested.pid);
	cgroup_move(&beside, neighbour.pid);
	expect_where(&member, false, "member, before");

	cgroup_attach(shadow, &in);
	expect_where(&member, true, "member");
	expect_where(&nested, true, "member of the cgroup below");
	expect_where(&neighbour, false, "neighbour");
	expect_where(&guest, false, "in no cgroup");
	expect_family(&member, true, "of the member");
	expect_family(&nested, true, "of the member below");
	expect_family(&neighbour, false, "of the neighbour");
	expect_eq(shadow_info(shadow).nr_grafts, 2, "processes inside");

	moves(&guest, &in, &below, &beside);
	cgroup_make(&later, &below, "later");
	cgroup_move(&later, guest.pid);
	expect_where(&guest, true, "in a cgroup that was made later");
	expect_family(&guest, true, "in a cgroup that was made later");

	cgroup_detach(&in);
	expect_where(&member, false, "member, detached");
	expect_where(&nested, false, "member below, detached");
	expect_where(&guest, false, "member of the later cgroup, detached");
	expect_family(&member, false, "of the member, detached");
	expect_eq(shadow_info(shadow).nr_grafts, 0, "processes inside, detached");
	cgroup_move(&beside, member.pid);
	cgroup_move(&in, member.pid);
	expect_where(&member, false, "moved in after it was detached");

	actor_end(&member);
	actor_end(&nested);
	actor_end(&neighbour);
	actor_end(&guest);
	cgroup_remove(&later);
	cgroup_remove(&below);
	cgroup_remove(&beside);
	cgroup_remove(&in);
	cgroup_remove(&above);
	need_ok(shadowk_shadow_destroy(shadow));
	return finish();
}
