// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * Calls that begin after detach has returned are no hits, on whatever CPU the threads run. A child
 * is a process of its own, so a detach of its parent does not detach it.
 */
#include "actor.h"
#include "runners.h"
#include "shadows.h"

#define ROUNDS 30

static void detach_while_they_run(struct shadowk_shadow *shadow, struct runners *runners)
{
	struct tally from, since, until, to;
	uint64_t before, lowest, highest;

	before = hits(shadow, GETPPID);
	from = runners_tally(runners);
	attach(shadow, runners->pid);
	since = runners_tally(runners);
	runners_progress(runners, 5);
	until = runners_tally(runners);
	detach(runners->pid);
	to = runners_tally(runners);
	expect_eq(shadow_of(runners->pid), 0, "shadow of a process that was detached");
	runners_progress(runners, 20);
	tally_bounds(&from, &since, &until, &to, &lowest, &highest);
	expect_range(hits(shadow, GETPPID) - before, lowest, highest, "hits");
}

static int go[2], gone[2];

/* Forks a child that makes its calls when the test tells it to. */
static long job_make_child(long calls)
{
	pid_t pid = fork();
	char token;

	need(pid >= 0);
	if (!pid) {
		need(read(go[0], &token, 1) == 1);
		job_getppid(calls);
		need(write(gone[1], &token, 1) == 1);
		_exit(0);
	}
	return pid;
}

static long job_wait(long pid)
{
	return wait_for(pid);
}

static void child_stays(struct shadowk_shadow *shadow, bool parent_leaves)
{
	struct actor parent;
	uint64_t before;
	char token = 0;
	pid_t child;

	actor_start(&parent, -1);
	attach(shadow, parent.pid);
	child = actor_do(&parent, job_make_child, 100);
	detach(parent_leaves ? parent.pid : child);
	before = hits(shadow, GETPPID);
	need(write(go[1], &token, 1) == 1 && read(gone[0], &token, 1) == 1);
	expect_eq(hits(shadow, GETPPID) - before, parent_leaves ? 100 : 0,
		  "hits of the child when %s",
		  parent_leaves ? "its parent is detached" : "it is detached");
	before = hits(shadow, GETPPID);
	actor_do(&parent, job_getppid, 100);
	expect_eq(hits(shadow, GETPPID) - before, parent_leaves ? 0 : 100,
		  "hits of the parent when %s",
		  parent_leaves ? "it is detached" : "its child is detached");
	actor_do(&parent, job_wait, child);
	actor_end(&parent);
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct runners runners;
	struct actor actor;

	need(!pipe(go) && !pipe(gone));
	count(shadow, GETPPID);
	runners_start(&runners, nr_cpus() + 1);
	for (int i = 0; i < ROUNDS; i++)
		detach_while_they_run(shadow, &runners);
	runners_end(&runners);
	child_stays(shadow, true);
	child_stays(shadow, false);

	actor_start(&actor, -1);
	expect_ret(shadowk_process_detach(device(), actor.pid), -ENOENT,
		   "detach of a process outside");
	actor_end(&actor);
	return finish();
}
