// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * The probes of a shadow with --async union count asynchronous work exactly, whatever else the
 * shadow has: one thread that has entered, processes during some system calls, patches. Its
 * processes are inside as in any shadow. Asynchronous work does not execute its patches.
 */
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"
#include "shadows.h"
#include "victims.h"

#define ROUNDS 20
#define CALLS  5
#define ALL    (ROUNDS * CALLS)

static struct shadowk_shadow *shadow;
static struct actor actor, outside;

static void check(unsigned int cmd, const char *when)
{
	uint64_t was = probe_info(shadow, VICTIM_SYMBOL).async_hits;

	actor_do(&outside, job_victim_rounds, VICTIM_ROUNDS(cmd, ROUNDS, CALLS));
	expect_eq(probe_info(shadow, VICTIM_SYMBOL).async_hits - was, ALL, "async hits, %s", when);
}

/* Interrupts that land on the actor are counted. */
static void check_on(struct actor *on, const char *when)
{
	uint64_t was = probe_info(shadow, VICTIM_SYMBOL).async_hits;

	actor_do(on, job_victim_rounds, VICTIM_ROUNDS(VICTIM_HARDIRQ, ROUNDS, CALLS));
	expect_eq(probe_info(shadow, VICTIM_SYMBOL).async_hits - was, ALL,
		  "async hits of interrupts that land on the process, %s", when);
}

static long job_enter(long unused)
{
	return shadowk_enter_flags(shadow, SHADOWK_THREAD);
}

static long job_leave(long unused)
{
	return shadowk_leave(shadow);
}

static void a_thread_alone(void)
{
	need_ok(actor_do(&actor, job_enter, 0));
	check(VICTIM_WORK, "one thread has entered");
	check_on(&actor, "one thread has entered");
	actor_do(&actor, job_getppid, 10);
	expect_eq(hits(shadow, GETPPID), 10, "hits of the thread that has entered");
	need_ok(actor_do(&actor, job_leave, 0));
}

static void some_system_calls(void)
{
	static const unsigned int calls[] = { SYS_getppid };
	struct shadowk_shadow *during;
	uint64_t was = hits(shadow, GETPPID);

	need_ok(shadowk_syscalls_create(shadow, calls, 1, &during, NULL));
	need_ok(shadowk_process_attach(during, actor.pid));
	check(VICTIM_WORK, "a process is inside during some system calls");
	check_on(&actor, "a process is inside during some system calls");
	actor_do(&actor, job_getppid, 10);
	expect_eq(hits(shadow, GETPPID) - was, 10, "hits of the selected system call");
	detach(actor.pid);
	shadowk_shadow_close(during);
}

static void bodies(void)
{
	struct shadowk_patch_spec spec = {
		.size = sizeof(spec),
		.kind = SHADOWK_PATCH_RETURN,
		.value = 7,
		.name = "p",
		.symbol = VICTIM_SYMBOL,
	};

	attach(shadow, actor.pid);
	need_ok(shadowk_patch_add(shadow, &spec));
	check(VICTIM_WORK, "the function is patched");
	check_on(&actor, "the function is patched");
	patch_remove(shadow, "p");
	detach(actor.pid);
}

static void bodies_in_place(void)
{
	struct shadowk_patch_spec spec = {
		.size = sizeof(spec),
		.kind = SHADOWK_PATCH_RETURN,
		.flags = SHADOWK_PATCH_IN_PLACE,
		.value = 7,
		.name = "p",
		.symbol = GETUID,
	};
	attach(shadow, actor.pid);
	need_ok(shadowk_patch_add(shadow, &spec));
	check(VICTIM_WORK, "a body is in place");
	check_on(&actor, "a body is in place");
	expect_eq(actor_do(&actor, job_syscall, SYS_getuid), 7, "getuid() inside");
	expect_eq(actor_do(&outside, job_syscall, SYS_getuid), 0, "getuid() outside");
	probe_remove(shadow, VICTIM_SYMBOL);
	count(shadow, VICTIM_SYMBOL);
	check(VICTIM_WORK, "the probe was added again, with a body in place");
	patch_remove(shadow, "p");
	detach(actor.pid);
}

int main(void)
{
	int cpu = (int)nr_cpus() - 1;

	victim_load();
	shadow = shadow_new_union(NULL);
	count(shadow, VICTIM_SYMBOL);
	count(shadow, GETPPID);
	actor_start_holding(&actor, cpu);
	actor_start(&outside, cpu);
	a_thread_alone();
	if (module_info().features & SHADOWK_FEATURE_SYSCALLS)
		some_system_calls();
	bodies();
	if (has_frames())
		bodies_in_place();
	actor_end(&outside);
	actor_end(&actor);
	victims_done();
	return finish();
}
