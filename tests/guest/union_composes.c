// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * Whatever else a shadow with --async union has, its probes count asynchronous work,
 * exactly, and its processes are inside as in any: while one thread alone has entered,
 * while processes are in it during some system calls, with a patched function or one in place, which
 * asynchronous work does not see.
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

/* They land on @actor's process. */
static void check_on(struct actor *on, const char *when)
{
	uint64_t was = probe_info(shadow, VICTIM_SYMBOL).async_hits;

	actor_do(on, job_victim_rounds, VICTIM_ROUNDS(VICTIM_HARDIRQ, ROUNDS, CALLS));
	expect_eq(probe_info(shadow, VICTIM_SYMBOL).async_hits - was, ALL,
		  "async hits that land on it, %s", when);
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
	check(VICTIM_WORK, "a thread alone is in");
	check_on(&actor, "a thread alone is in");
	actor_do(&actor, job_getppid, 10);
	expect_eq(hits(shadow, GETPPID), 10, "hits of a thread alone");
	need_ok(actor_do(&actor, job_leave, 0));
}

static void some_system_calls(void)
{
	static const unsigned int calls[] = { SYS_getppid };
	struct shadowk_shadow *during;
	uint64_t was = hits(shadow, GETPPID);

	need_ok(shadowk_syscalls_create(shadow, calls, 1, &during, NULL));
	need_ok(shadowk_process_attach(during, actor.pid));
	check(VICTIM_WORK, "a process is in during some system calls");
	check_on(&actor, "a process is in during some system calls");
	actor_do(&actor, job_getppid, 10);
	expect_eq(hits(shadow, GETPPID) - was, 10, "hits of the chosen system call");
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
	check(VICTIM_WORK, "a function is in place");
	check_on(&actor, "a function is in place");
	expect_eq(actor_do(&actor, job_syscall, SYS_getuid), 7, "getuid() inside");
	expect_eq(actor_do(&outside, job_syscall, SYS_getuid), 0, "getuid() outside");
	probe_remove(shadow, VICTIM_SYMBOL);
	count(shadow, VICTIM_SYMBOL);
	check(VICTIM_WORK, "a function was in place before");
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
