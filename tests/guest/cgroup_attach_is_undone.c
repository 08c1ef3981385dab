// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=300 */
/*
 * A cgroup's attach that fails in the midst puts its members back where they were:
 * whom somebody had attached by pid, who is in a stretch, who was born or moved out
 * meanwhile. What makes it fail is a member that sleeps in a body that would change.
 */
#include <signal.h>

#include "actor.h"
#include "cgroups.h"
#include "patches.h"
#include "sleeper.h"

static struct shadowk_shadow *target, *other;
static struct cgroup outer, members;
static uint64_t target_id, other_id;

/* The target's by pid, the other's by pid, in a stretch, with one thread, moved out, outside. */
static struct actor inside, attached, entered, alone, moved, outside;

static long job_enter(long flags)
{
	return shadowk_enter_flags(other, flags);
}

static long job_leave(long unused)
{
	return shadowk_leave(other);
}

static pid_t born;

static long job_fork(long unused)
{
	pid_t pid = fork_tied();

	if (pid)
		return pid;
	/* Not in pause(), whose body keeps it where it is. */
	for (;;)
		sleep(1);
}

/* What goes on while the attach waits for the sleeper. */
static void *meanwhile(void *unused)
{
	expect(eventually(shadow_of(attached.pid) == target_id), "it is under way");
	born = actor_do(&attached, job_fork, 0);
	expect_eq(shadow_of(born), target_id, "who is born meanwhile");
	cgroup_move_to_root(moved.pid);
	expect_eq(shadow_of(moved.pid), other_id, "who is moved out meanwhile");
	return NULL;
}

static void attach_fails(void)
{
	pthread_t thread;

	sleep_in_it();
	need(!pthread_create(&thread, NULL, meanwhile, NULL));
	busy(shadowk_cgroup_attach(target, members.path), "attaching");
	pthread_join(thread, NULL);
	wake(-EINTR, "the base's body, to its end");
}

static void all_are_back(void)
{
	uint64_t before = hits(other, GETPPID);

	expect_eq(shadow_of(inside.pid), target_id, "the target's by its pid");
	expect_eq(shadow_of(attached.pid), other_id, "the other's by its pid");
	expect_eq(shadow_of(born), other_id, "its child");
	expect_eq(shadow_of(moved.pid), other_id, "who was moved out");
	expect_eq(shadow_of(entered.pid), other_id, "who has entered");
	expect_eq(shadow_of(alone.pid), 0, "who has entered with one thread");
	expect_eq(shadow_of(outside.pid), 0, "who was outside");
	expect_eq(shadow_of(sleeper.pid), 0, "who was in the way");
	expect_eq(shadow_info(target).nr_grafts, 1, "who is in the target");
	expect_eq(shadow_info(other).nr_grafts, 4, "who is in the other");

	actor_do(&attached, job_getppid, 10);
	actor_do(&outside, job_getppid, 10);
	actor_do(&alone, job_getppid, 10);
	expect_eq(hits(other, GETPPID), before + 10, "hits");
	expect_eq(actor_do(&inside, job_syscall, SYS_getuid), 4242, "what is patched inside");
}

static void nobody_is_inside_by_cgroup(void)
{
	detach(attached.pid);
	detach(born);
	detach(moved.pid);
	attach(other, inside.pid);
	detach(inside.pid);
	expect_ret(actor_do(&entered, job_leave, 0), 0, "leave");
	expect_eq(shadow_of(entered.pid), 0, "who has left");
	expect_ret(actor_do(&alone, job_leave, 0), -ENOENT, "leave, with one thread");
}

/* Inside by the cgroup above, and in a stretch from there. */
static void above_decides_again(void)
{
	cgroup_attach(other, &outer);
	expect_ret(actor_do(&entered, job_enter, 0), 0, "enter");
	sleep_in_it();
	busy(shadowk_cgroup_attach(target, members.path), "attaching below another");
	wake(-EINTR, "the base's body, below another");
	expect_eq(shadow_of(attached.pid), other_id, "a member");
	expect_eq(shadow_of(entered.pid), other_id, "one that has entered");
	expect_ret(actor_do(&entered, job_leave, 0), 0, "leave");
	expect_eq(shadow_of(entered.pid), other_id, "one that has left");
	expect_ret(shadowk_process_detach(device(), attached.pid), -EBUSY, "detach by its pid");
	cgroup_detach(&outer);
	expect_eq(shadow_info(other).nr_grafts, 0, "who is in the other");
}

/* Where they came from is forgotten: who is freed runs the base, and nothing is held. */
static void success_is_final(void)
{
	attach(other, attached.pid);
	cgroup_attach(target, &members);
	expect_eq(shadow_of(attached.pid), target_id, "a member");
	cgroup_detach(&members);
	expect_eq(shadow_of(attached.pid), 0, "a member that was freed");
	expect_ret(shadowk_shadow_destroy(other), 0, "destroy what nobody is in");
	expect_eq(shadow_info(target).nr_grafts, 0, "who is in the target");
}

static void start(struct actor *actor)
{
	actor_start_holding(actor, -1);
	sleeper_ready(actor);
	cgroup_move(&members, actor->pid);
}

int main(void)
{
	struct actor *all[] = { &inside, &attached, &entered, &alone, &moved, &outside, &sleeper };

	target = shadow_new(NULL);
	other = shadow_new(NULL);
	target_id = shadow_info(target).id;
	other_id = shadow_info(other).id;
	inplace_load();
	cgroup_make(&outer, NULL, "outer");
	cgroup_make(&members, &outer, "members");
	need_ok(patch_in_place(target, "p", "shk_inplace"));
	count(other, GETPPID);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		start(all[i]);
	attach(target, inside.pid);
	attach(other, attached.pid);
	attach(other, moved.pid);
	expect_ret(actor_do(&entered, job_enter, 0), 0, "enter");
	expect_ret(actor_do(&alone, job_enter, SHADOWK_THREAD), 0, "enter with one thread");

	attach_fails();
	all_are_back();
	nobody_is_inside_by_cgroup();
	kill(born, SIGKILL);
	above_decides_again();
	success_is_final();

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		actor_end(all[i]);
	cgroup_remove(&members);
	cgroup_remove(&outer);
	shadow_close(target);
	shadow_close(other);
	expect(eventually(!module_unload("shk_inplace")), "its module can be unloaded");
	return finish();
}
