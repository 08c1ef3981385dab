// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Each hit of an event probe is a line of the trace, by shadowk:shadowk_probe. It has the names of
 * the shadow and of the probe, the place, and the arguments or the result. Probes at one place have
 * a line each.
 */
#include "actor.h"
#include "shadows.h"
#include "tracefs.h"
#include "victims.h"

#define CALLS  20
#define FIRST  123456789 /* the argument of the last call; the calls before have greater ones */
#define FILTER "events/shadowk/shadowk_probe/filter"

static struct shadowk_shadow *shadow;
static struct actor inside, outside;

static uint64_t field(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	return at ? strtoull(at + strlen(name), NULL, 0) : ~0ULL;
}

static uint64_t root_of(uint64_t square)
{
	uint64_t root = 0;

	while ((root + 1) * (root + 1) <= square)
		root++;
	return root;
}

static void check_line(const char *line, const char *probe, bool is_return, unsigned int call)
{
	uint64_t argument = FIRST + CALLS - 1 - call;
	char expected[128];
	char comm_pid[32];

	snprintf(expected, sizeof(expected), "shadow=traced probe=%s ip=" VICTIM_SYMBOL, probe);
	expect(strstr(line, expected), "'%s' is not in: %s", expected, line);
	expect(strstr(line, "shadowk_probe:"), "not the tracepoint: %s", line);
	snprintf(comm_pid, sizeof(comm_pid), "-%d ", inside.pid);
	expect(strstr(line, comm_pid), "not process %d: %s", inside.pid, line);
	expect_eq(field(line, "is_return="), is_return, "is_return of %s", probe);
	if (is_return)
		expect_eq(field(line, "ret="), root_of(argument), "result of call %u, %s", call,
			  probe);
	else
		expect_eq(field(line, "args="), argument, "first argument of call %u, %s", call,
			  probe);
}

static void check(const char *probe, const char *place, uint32_t flags)
{
	FILE *file;
	char line[1024];
	unsigned int n = 0;

	probe_add(shadow, probe, place, SHADOWK_PROBE_EVENT, flags);
	tracefs_clear();
	actor_do(&outside, job_victim, VICTIM_ORDER(VICTIM_SELF, CALLS));
	actor_do(&inside, job_victim, VICTIM_ORDER(VICTIM_SELF, CALLS));
	file = fopen("/sys/kernel/tracing/trace", "re");
	need(file);
	while (fgets(line, sizeof(line), file))
		if (line[0] != '#')
			check_line(line, probe, flags & SHADOWK_PROBE_RETURN, n++);
	fclose(file);
	expect_eq(n, CALLS, "lines of the trace for %s", probe);
	expect_eq(hits(shadow, probe), CALLS, "hits of %s", probe);
	probe_remove(shadow, probe);
}

/* Two probes share a place, until one is removed. */
static void check_together(void)
{
	probe_add(shadow, "first", VICTIM_SYMBOL, SHADOWK_PROBE_EVENT, 0);
	probe_add(shadow, "second", VICTIM_SYMBOL, SHADOWK_PROBE_EVENT, 0);
	tracefs_clear();
	actor_do(&inside, job_victim, VICTIM_ORDER(VICTIM_SELF, CALLS));
	probe_remove(shadow, "first");
	actor_do(&inside, job_victim, VICTIM_ORDER(VICTIM_SELF, CALLS));
	expect_eq(tracefs_count("probe=first "), CALLS, "lines of the trace for the first probe");
	expect_eq(tracefs_count("probe=second "), 2 * CALLS, "lines of the trace for the second");
	expect_eq(hits(shadow, "second"), 2 * CALLS, "hits of the second probe");
	probe_remove(shadow, "second");
}

/* ftrace's filters find the end of the names. */
static void check_filter(void)
{
	probe_add(shadow, "first", VICTIM_SYMBOL, SHADOWK_PROBE_EVENT, 0);
	probe_add(shadow, "second", VICTIM_SYMBOL, SHADOWK_PROBE_EVENT, 0);
	tracefs_write(FILTER, "probe ~ \"*ond\" && shadow ~ \"*aced\"");
	tracefs_clear();
	actor_do(&inside, job_victim, VICTIM_ORDER(VICTIM_SELF, CALLS));
	tracefs_write(FILTER, "0");
	expect_eq(tracefs_count("probe=first "), 0, "lines of the trace that are filtered out");
	expect_eq(tracefs_count("probe=second "), CALLS,
		  "lines of the trace that the filter wants");
	probe_remove(shadow, "first");
	probe_remove(shadow, "second");
}

int main(void)
{
	victim_load();
	shadow = shadow_new("traced");
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);
	tracefs_write("events/shadowk/shadowk_probe/enable", "1");
	check("entry", VICTIM_SYMBOL, 0);
	check("entry-breakpoint", VICTIM_SYMBOL, SHADOWK_PROBE_FORCE_INT3);
	check("return", VICTIM_SYMBOL, SHADOWK_PROBE_RETURN);
	check("return-breakpoint", VICTIM_SYMBOL, SHADOWK_PROBE_RETURN | SHADOWK_PROBE_FORCE_INT3);
	check_together();
	check_filter();

	/* Without a listener, hits are counted and not traced. */
	tracefs_write("events/shadowk/shadowk_probe/enable", "0");
	tracefs_clear();
	probe_add(shadow, "quiet", VICTIM_SYMBOL, SHADOWK_PROBE_EVENT, 0);
	actor_do(&inside, job_victim, VICTIM_ORDER(VICTIM_SELF, CALLS));
	expect_eq(hits(shadow, "quiet"), CALLS, "hits without a listener");
	expect_eq(tracefs_count("shadowk_probe"), 0, "lines of the trace without a listener");

	actor_end(&inside);
	actor_end(&outside);
	expect_ret(shadowk_shadow_destroy(shadow), 0, "destroy");
	victims_done();
	return finish();
}
