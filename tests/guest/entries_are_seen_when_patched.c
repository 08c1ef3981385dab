// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A probe of a function's entry that is armed by a breakpoint lies behind the __fentry__ site. It is
 * hit once by each call also if a patch's body is executed instead of the old one, whichever of the
 * two came first, and if the new body calls the old one. A probe of an instruction there is hit
 * only if the old body is executed.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"
#include "victims.h"

#define SHOW  "cmdline_proc_show" /* patch_cmdline's body calls the old one */
#define CALLS 10

static struct shadowk_shadow *shadow;
static struct actor inside;

static long job_cmdline(long n)
{
	char text[4096];

	while (n--)
		need(read_file("/proc/cmdline", text, sizeof(text)));
	return 0;
}

static void probes_add(const char *function)
{
	char place[64];

	probe_add(shadow, "count", function, SHADOWK_PROBE_COUNT, SHADOWK_PROBE_FORCE_INT3);
	probe_add(shadow, "latency", function, SHADOWK_PROBE_LATENCY, SHADOWK_PROBE_FORCE_INT3);
	snprintf(place, sizeof(place), "%s+%d", function,
		 (int)(probe_info(shadow, "count").addr - kernel_symbol(function)));
	probe_add(shadow, "old", place, SHADOWK_PROBE_COUNT, 0);
	need(probe_info(shadow, "count").arm == SHADOWK_ARM_INT3);
}

static void probes_remove(void)
{
	probe_remove(shadow, "count");
	probe_remove(shadow, "latency");
	probe_remove(shadow, "old");
}

/* Makes CALLS calls by @job, each of which executes the old body @old times. */
static void check(long (*job)(long), long old, const char *when)
{
	uint64_t count = hits(shadow, "count"), latency = hits(shadow, "latency");
	uint64_t body = hits(shadow, "old");

	actor_do(&inside, job, CALLS);
	expect_eq((int64_t)(hits(shadow, "count") - count), CALLS, "counted %s", when);
	expect_eq((int64_t)(hits(shadow, "latency") - latency), CALLS, "measured %s", when);
	expect_eq((int64_t)(hits(shadow, "old") - body), old * CALLS, "old bodies %s", when);
}

int main(void)
{
	shadow = shadow_new(NULL);
	actor_start(&inside, 0);
	attach(shadow, inside.pid);

	probes_add(GETPPID);
	check(job_getppid, 1, "without a patch");
	patch_return(shadow, "p", GETPPID, 77);
	check(job_getppid, 0, "with a patch after the probe");
	probes_remove();
	/* Without probes the patch's stub is fast. */
	expect_eq(actor_do(&inside, job_syscall, SYS_getppid), 77, "result with a patch");
	probes_add(GETPPID);
	check(job_getppid, 0, "with a patch before the probe");
	patch_remove(shadow, "p");
	check(job_getppid, 1, "after the patch");
	probes_remove();

	need_ok(module_load(victim_path("patch_cmdline"), ""));
	patch_module(shadow, "p", "patch_cmdline");
	probes_add(SHOW);
	check(job_cmdline, 1, "with a patch that calls the old body");
	patch_remove(shadow, "p");
	check(job_cmdline, 1, "after a patch that calls the old body");
	probes_remove();
	expect(eventually(!module_unload("patch_cmdline")), "the module cannot be unloaded");
	actor_end(&inside);
	shadow_close(shadow);
	return finish();
}
