// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=300 */
/*
 * If the attach of a cgroup fails halfway, all its members return to where they were. That holds
 * for processes that were attached by pid or are in a stretch, and for those that are forked or
 * moved out meanwhile. The attach fails because a member sleeps in a body that would change.
 */
#include <signal.h>

#include "actor.h"
#include "cgroups.h"
#include "patches.h"
#include "sleeper.h"

static struct shadowk_shadow *target, *other;
static struct cgroup outer, members;
static uint64_t target_id, other_id;

/*
 * @inside is in the target by pid, @attached in the other shadow by pid, @entered in a stretch,
 * @alone in a stretch of one thread. @moved is in the other shadow and is moved out of the cgroup.
 * @outside executes the base.
 */
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
	/* The child must not sleep in pause(), whose body would keep it from moving. */
	for (;;)
		sleep(1);
}

/* Forks and moves processes while the attach waits for the sleeper. */
static void *meanwhile(void *unused)
{
	expect(eventually(shadow_of(attached.pid) == target_id), "the attach has moved no member");
	born = actor_do(&attached, job_fork, 0);
	expect_eq(shadow_of(born), target_id, "shadow of a child that was forked meanwhile");
	cgroup_move_to_root(moved.pid);
	expect_eq(shadow_of(moved.pid), other_id,
		  "shadow of the process that was moved out meanwhile");
	return NULL;
}

static void attach_fails(void)
{
	pthread_t thread;

	sleep_in_it();
	need(!pthread_create(&thread, NULL, meanwhile, NULL));
	busy(shadowk_cgroup_attach(target, members.path), "attach of the cgroup");
	pthread_join(thread, NULL);
	wake(-EINTR, "pause() of the sleeper, which is in the base's body");
}

static void all_are_back(void)
{
	uint64_t before = hits(other, GETPPID);

	expect_eq(shadow_of(inside.pid), target_id,
		  "shadow of the process that was in the target by pid");
	expect_eq(shadow_of(attached.pid), other_id,
		  "shadow of the process that was in the other by pid");
	expect_eq(shadow_of(born), other_id, "shadow of its child");
	expect_eq(shadow_of(moved.pid), other_id, "shadow of the process that was moved out");
	expect_eq(shadow_of(entered.pid), other_id, "shadow of the process that has entered");
	expect_eq(shadow_of(alone.pid), 0,
		  "shadow of the process that has entered with one thread");
	expect_eq(shadow_of(outside.pid), 0, "shadow of the process outside");
	expect_eq(shadow_of(sleeper.pid), 0, "shadow of the sleeper");
	expect_eq(shadow_info(target).nr_grafts, 1, "processes in the target");
	expect_eq(shadow_info(other).nr_grafts, 4, "processes in the other");

	actor_do(&attached, job_getppid, 10);
	actor_do(&outside, job_getppid, 10);
	actor_do(&alone, job_getppid, 10);
	expect_eq(hits(other, GETPPID), before + 10, "hits in the other shadow");
	expect_eq(actor_do(&inside, job_syscall, SYS_getuid), 4242,
		  "getuid() of the process in the target, which is patched");
}

static void nobody_is_inside_by_cgroup(void)
{
	detach(attached.pid);
	detach(born);
	detach(moved.pid);
	attach(other, inside.pid);
	detach(inside.pid);
	expect_ret(actor_do(&entered, job_leave, 0), 0, "leave");
	expect_eq(shadow_of(entered.pid), 0, "shadow of the process that has left");
	expect_ret(actor_do(&alone, job_leave, 0), -ENOENT, "leave, with one thread");
}

/*
 * Members that are inside by the cgroup above, one of them in a stretch that began there, return
 * there, too.
 */
static void above_decides_again(void)
{
	cgroup_attach(other, &outer);
	expect_ret(actor_do(&entered, job_enter, 0), 0, "enter");
	sleep_in_it();
	busy(shadowk_cgroup_attach(target, members.path), "attach of the cgroup below another");
	wake(-EINTR, "pause() of the sleeper, below another");
	expect_eq(shadow_of(attached.pid), other_id, "shadow of a member");
	expect_eq(shadow_of(entered.pid), other_id, "shadow of a member that has entered");
	expect_ret(actor_do(&entered, job_leave, 0), 0, "leave");
	expect_eq(shadow_of(entered.pid), other_id, "shadow of a member that has left");
	expect_ret(shadowk_process_detach(device(), attached.pid), -EBUSY, "detach by its pid");
	cgroup_detach(&outer);
	expect_eq(shadow_info(other).nr_grafts, 0, "processes in the other");
}

/*
 * After an attach that succeeds, members return to the base when the cgroup is detached, and the
 * shadow from which they came can be destroyed.
 */
static void success_is_final(void)
{
	attach(other, attached.pid);
	cgroup_attach(target, &members);
	expect_eq(shadow_of(attached.pid), target_id, "shadow of a member");
	cgroup_detach(&members);
	expect_eq(shadow_of(attached.pid), 0, "shadow of a member after the detach");
	expect_ret(shadowk_shadow_destroy(other), 0, "destroy of a shadow without processes");
	expect_eq(shadow_info(target).nr_grafts, 0, "processes in the target");
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
	need_pause_in_place();
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
	expect(eventually(!module_unload("shk_inplace")), "shk_inplace cannot be unloaded");
	return finish();
}
