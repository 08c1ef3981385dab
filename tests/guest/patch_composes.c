// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * One function's entry can have a patch, probes of the same shadow, and tracers of the base. In
 * whatever order they come and go, probes and tracers see each call, and the patch has its effect.
 */
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"
#include "tracefs.h"

#define GETPGID "__x64_sys_getpgid"
#define VALUE	77
#define CALLS	20

static struct shadowk_shadow *shadow;
static struct actor inside, outside;
static pid_t group;

static long job_getpgids(long n)
{
	long ret = 0;

	while (n--)
		ret = syscall(SYS_getpgid, 0);
	return ret;
}

enum { PATCH = 1, PROBE = 2, LATENCY = 4, TRACER = 8, KPROBE = 16, GRAPH = 32 };

static const struct {
	const char *name;
	enum shadowk_probe_kind kind;
} probes[] = { { "count", SHADOWK_PROBE_COUNT }, { "latency", SHADOWK_PROBE_LATENCY } };

static void probe_set(int which, bool on)
{
	if (on)
		probe_add(shadow, probes[which].name, GETPGID, probes[which].kind, 0);
	else
		probe_remove(shadow, probes[which].name);
}

static void tracer_set(const char *tracer, bool on)
{
	char text[128];

	snprintf(text, sizeof(text), "%s" GETPGID "\n", on ? "" : "!");
	if (on)
		tracefs_write("set_ftrace_filter", text);
	tracefs_write("current_tracer", on ? tracer : "nop\n");
	if (!on)
		tracefs_write("set_ftrace_filter", text);
}

static void set(int what, bool on)
{
	switch (what) {
	case PATCH:
		if (on)
			patch_return(shadow, "p", GETPGID, VALUE);
		else
			patch_remove(shadow, "p");
		break;
	case PROBE:
		probe_set(0, on);
		break;
	case LATENCY:
		probe_set(1, on);
		break;
	case TRACER:
		tracer_set("function\n", on);
		break;
	case GRAPH:
		tracer_set("function_graph\n", on);
		break;
	case KPROBE:
		if (on)
			kprobe_add("k", GETPGID);
		else
			kprobe_remove("k");
		break;
	}
}

static void check(int present)
{
	uint64_t before[2] = { 0, 0 }, kprobe = present & KPROBE ? kprobe_hits("k") : 0;

	for (int i = 0; i < 2; i++)
		if (present & PROBE << i)
			before[i] = hits(shadow, probes[i].name);
	tracefs_clear();
	expect_eq(actor_do(&inside, job_getpgids, CALLS), present & PATCH ? VALUE : group,
		  "getpgid() inside, with %#x", present);
	expect_eq(actor_do(&outside, job_getpgids, 1), group, "getpgid() outside, with %#x",
		  present);
	for (int i = 0; i < 2; i++)
		if (present & PROBE << i)
			expect_eq(hits(shadow, probes[i].name) - before[i], CALLS,
				  "hits of '%s', with %#x", probes[i].name, present);
	if (present & KPROBE)
		expect_eq(kprobe_hits("k") - kprobe, CALLS + 1, "hits of the kprobe, with %#x",
			  present);
	if (present & TRACER)
		expect_eq(tracefs_count(" " GETPGID " "), CALLS + 1, "calls in the trace, with %#x",
			  present);
	if (present & GRAPH)
		expect_range(tracefs_count(GETPGID), CALLS + 1, 2 * CALLS + 2,
			     "lines of the graph tracer, with %#x", present);
}

/* Adds all elements of @set_of in each cyclic order, and removes them in each. */
static void in_orders(const int *set_of, int n)
{
	for (int first = 0; first < n; first++) {
		for (int leaves = 0; leaves < n; leaves++) {
			int present = 0;

			for (int i = 0; i < n; i++) {
				set(set_of[(first + i) % n], true);
				present |= set_of[(first + i) % n];
				check(present);
			}
			for (int i = 0; i < n; i++) {
				set(set_of[(leaves + i) % n], false);
				present &= ~set_of[(leaves + i) % n];
				check(present);
			}
		}
	}
}

int main(void)
{
	/* This call must come before anything counts calls. */
	group = getpgid(0);
	shadow = shadow_new(NULL);
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);
	in_orders((int[]){ PATCH, PROBE }, 2);
	in_orders((int[]){ PATCH, LATENCY }, 2);
	in_orders((int[]){ PATCH, TRACER, PROBE }, 3);
	in_orders((int[]){ PATCH, KPROBE }, 2);
	in_orders((int[]){ PATCH, GRAPH, LATENCY }, 3);
	actor_end(&inside);
	actor_end(&outside);
	return finish();
}
