// SPDX-License-Identifier: GPL-2.0-only
/* test: debug timeout=900 */
/*
 * Calls about scopes change nothing if one of their allocations fails: owning, causal shadows,
 * cgroups that are attached or split, shadows for system calls, and entering with one thread.
 */
#include <sys/syscall.h>

#include "cgroups.h"
#include "failures.h"

#define LINE 4 /* of the serial port */

static struct shadowk_shadow *made, *owner;

static long run_causal(unsigned int n)
{
	return DISTURBED(n,
			 shadowk_shadow_create_flags(device(), NULL, SHADOWK_ASYNC_CAUSAL, &made));
}

static void undo_made(void)
{
	shadow_close(made);
}

/* The first owned line or thread makes tables that stay until the shadow is closed. */
static void renew_owner(void)
{
	shadow_close(owner);
	owner = shadow_new_owner(NULL);
}

static long run_own_irq(unsigned int n)
{
	return DISTURBED(n, shadowk_own_irq(owner, LINE));
}

static long run_own_kthreads(unsigned int n)
{
	return DISTURBED(n, shadowk_own_kthreads(owner, "kworker/*"));
}

static long run_syscalls(unsigned int n)
{
	static const unsigned int numbers[] = { SYS_getppid, SYS_getuid };

	return DISTURBED(n,
			 shadowk_syscalls_create(fresh, numbers, ARRAY_SIZE(numbers), &made, NULL));
}

static void undo_syscalls(void)
{
	shadow_close(made);
	need_ok(shadowk_shadow_destroy(fresh));
	renew_fresh();
}

static long run_enter_thread(unsigned int n)
{
	return DISTURBED(n, shadowk_enter_flags(shadow, SHADOWK_THREAD));
}

static void undo_enter_thread(void)
{
	need_ok(shadowk_leave(shadow));
}

static struct cgroup members;
static struct actor member, elsewhere;

static long run_cgroup(unsigned int n)
{
	long ret = DISTURBED(n, shadowk_cgroup_attach(shadow, members.path));

	expect_eq(shadow_of(elsewhere.pid), shadow_info(ret ? other : shadow).id,
		  "shadow of the member that came from the other shadow, after the result %s",
		  strerrorname_np(-ret));
	expect_eq(!!shadow_of(member.pid), !ret, "the member is inside, after the result %s",
		  strerrorname_np(-ret));
	return ret;
}

static void undo_cgroup(void)
{
	cgroup_detach(&members);
	attach(other, elsewhere.pid);
}

static long run_split(unsigned int n)
{
	long ret = DISTURBED(n, shadowk_cgroup_split(shadow, other, members.path, 50));

	expect_eq(!!shadow_of(member.pid), !ret, "the member is inside, after the result %s",
		  strerrorname_np(-ret));
	return ret;
}

static void undo_split(void)
{
	cgroup_detach(&members);
}

static void walk_cgroups(void)
{
	static const struct operation cgroup = { "attach of a cgroup", run_cgroup, undo_cgroup };
	static const struct operation split = { "split of a cgroup", run_split, undo_split };

	cgroup_make(&members, NULL, "members");
	actor_start(&elsewhere, -1);
	cgroup_move(&members, elsewhere.pid);
	attach(other, elsewhere.pid);
	actor_start(&member, -1);
	cgroup_move(&members, member.pid);
	walk(&cgroup);
	actor_end(&elsewhere);
	walk(&split);
	actor_end(&member);
	cgroup_remove(&members);
}

int main(void)
{
	static const struct operation operations[] = {
		{ "create a causal shadow", run_causal, undo_made },
		{ "own a line of interrupts", run_own_irq, renew_owner },
		{ "own kernel threads", run_own_kthreads, renew_owner },
		{ "create a shadow for system calls", run_syscalls, undo_syscalls },
		{ "enter with one thread", run_enter_thread, undo_enter_thread },
	};

	failures_setup();
	owner = shadow_new_owner(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		walk(&operations[i]);
	walk_cgroups();
	shadow_close(owner);
	failures_done();
	return finish();
}
