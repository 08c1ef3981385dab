// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * A probe with SHADOWK_PROBE_BELOW is hit only while its task is in a call that a CALL probe of the
 * shadow has hooked, and the events of calls say how deep they are.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "actor.h"
#include "shadows.h"
#include "tracefs.h"

/* ksys_read() calls vfs_read(), which calls rw_verify_area(). pread64() has ksys_pread64(). */
#define ROOT   "ksys_read"
#define BELOW  "vfs_read"
#define DEEP   "rw_verify_area"
#define ENABLE "events/shadowk/shadowk_call/enable"
#define CALLS  20

static int file;
static struct shadowk_shadow *shadow;

static long job_read(long n)
{
	char byte;

	while (n--)
		need(syscall(SYS_read, file, &byte, 1) == 1);
	return 0;
}

static long job_pread(long n)
{
	char byte;

	while (n--)
		need(syscall(SYS_pread64, file, &byte, 1, 0) == 1);
	return 0;
}

/* Returns the number of calls of @probe in the trace with the depth @depth. */
static int lines(const char *probe, int depth)
{
	FILE *trace = fopen("/sys/kernel/tracing/trace", "re");
	char line[1024], named[64], deep[32];
	int nr = 0;

	need(trace);
	snprintf(named, sizeof(named), " probe=%s ", probe);
	snprintf(deep, sizeof(deep), " depth=%d ", depth);
	while (fgets(line, sizeof(line), trace))
		nr += strstr(line, named) && (depth < 0 || strstr(line, deep));
	fclose(trace);
	return nr;
}

/* All probes hook returns, with and without a limit, so they use several pools of hooks. */
static void add(const char *name, enum shadowk_probe_kind kind, uint32_t flags, uint32_t calls)
{
	struct shadowk_probe_spec spec = {
		.size = sizeof(spec), .kind = kind, .flags = flags, .calls = calls
	};

	strcpy(spec.symbol, name);
	snprintf(spec.name, sizeof(spec.name), "%s%s", name,
		 kind == SHADOWK_PROBE_CALL ? "" : "-other");
	need_ok(shadowk_probe_add(shadow, &spec));
}

int main(void)
{
	struct actor inside;

	file = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	need(file >= 0);
	shadow = shadow_new(NULL);
	actor_start(&inside, 0);
	attach(shadow, inside.pid);
	add(ROOT, SHADOWK_PROBE_CALL, 0, 0);
	add(BELOW, SHADOWK_PROBE_CALL, SHADOWK_PROBE_BELOW, 10);
	add(DEEP, SHADOWK_PROBE_CALL, SHADOWK_PROBE_BELOW, 0);
	/* Calls that other kinds have hooked are not around a call. */
	add(BELOW, SHADOWK_PROBE_LATENCY, 0, 0);
	add(DEEP, SHADOWK_PROBE_COUNT, SHADOWK_PROBE_BELOW, 0);
	/* A call is not around itself. */
	add(ROOT, SHADOWK_PROBE_COUNT, SHADOWK_PROBE_BELOW, 0);
	tracefs_write(ENABLE, "1");
	tracefs_clear();
	actor_do(&inside, job_read, CALLS);
	actor_do(&inside, job_pread, CALLS);
	tracefs_write(ENABLE, "0");
	expect_range(lines(ROOT, 0), CALLS, CALLS + 10, "calls of the root");
	expect_eq(lines(ROOT, -1), lines(ROOT, 0), "calls of the root at any depth");
	expect_eq(lines(BELOW, 1), lines(ROOT, 0), "calls below it");
	expect_eq(lines(BELOW, -1), lines(BELOW, 1), "calls below it at any depth");
	/* The reader of the actor's commands is in a call of the root that has not returned. */
	expect_range(lines(DEEP, 2), lines(ROOT, 0), lines(ROOT, 0) + 1, "calls below those");
	expect_eq(lines(DEEP, -1), lines(DEEP, 2), "calls below those at any depth");
	expect_eq((int64_t)hits(shadow, BELOW), (int64_t)hits(shadow, ROOT), "hits below");
	expect_eq((int64_t)hits(shadow, DEEP "-other"), (int64_t)hits(shadow, DEEP),
		  "hits of a count below");
	expect_range((int64_t)hits(shadow, BELOW "-other"), 2 * CALLS, 2 * CALLS + 20,
		     "calls of vfs_read() from anywhere");
	expect_eq((int64_t)hits(shadow, ROOT "-other"), 0, "hits of the root below itself");
	/* Removed in the middle of a call, the root leaves the others without hits. */
	probe_remove(shadow, ROOT);
	actor_do(&inside, job_read, CALLS);
	expect_range((int64_t)hits(shadow, BELOW), CALLS, CALLS + 10, "hits without a root");
	actor_end(&inside);
	shadow_close(shadow);
	return finish();
}
