// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * A tracepoint that is on in one shadow counts each pass of a process inside, and none outside. The
 * base's tracepoint does not change: its key, its users, its text, and tracefs.
 */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actor.h"
#include "shadows.h"
#include "tracefs.h"
#include "victims.h"

#define SIGNALS	  300
#define SLEEPS	  100
#define NAME	  "signal:signal_generate"
#define PLACE	  "tracepoint:" NAME
#define ENABLE	  "/sys/kernel/tracing/events/signal/signal_generate/enable"
#define PART	  2048 /* bytes of a function that are compared */
#define STRUCTURE 72   /* bytes of struct tracepoint that are compared */

static struct actor inside, outside;
static struct shadowk_shadow *shadow;

/* Sends itself @n signals, which have no effect. */
static long job_sleep(long n)
{
	for (long i = 0; i < n; i++)
		need(!usleep(1000));
	return n;
}

/* What the base has, as a process outside sees it. */
static struct base {
	char structure[STRUCTURE], text[PART], enable[8];
} was, is;

static long job_base(long to)
{
	struct base *base = (struct base *)to;

	observe_text(kernel_symbol("__tracepoint_signal_generate"), base->structure, STRUCTURE);
	observe_text(kernel_symbol("__send_signal_locked"), base->text, PART);
	need(read_file(ENABLE, base->enable, sizeof(base->enable)));
	return 0;
}

static void expect_base(const char *when)
{
	job_base((long)&is);
	expect(!memcmp(is.structure, was.structure, STRUCTURE), "struct tracepoint %s", when);
	expect(!memcmp(is.text, was.text, PART), "the base's text %s", when);
	expect(is.enable[0] == '0', "tracefs says that it is off %s", when);
}

static void check(uint32_t flags)
{
	struct shadowk_probe_info info;

	probe_add(shadow, "signals", PLACE, SHADOWK_PROBE_COUNT, flags);
	actor_do(&outside, job_signals, SIGNALS);
	expect_eq(hits(shadow, "signals"), 0, "passes outside");
	expect_eq(actor_do(&inside, job_signals, SIGNALS), SIGNALS, "signals");
	expect_eq(hits(shadow, "signals"), SIGNALS, "passes inside");
	actor_do(&outside, job_signals, SIGNALS);
	expect_base("with the probe");
	info = probe_info(shadow, "signals");
	expect_eq(info.hits, SIGNALS, "passes inside, after some outside");
	expect_eq(info.async_hits, 0, "passes in interrupts");
	expect(info.flags & SHADOWK_PROBE_TRACEPOINT, "the list says that it is a tracepoint");
	expect(!strcmp(info.symbol, NAME), "the list has its name");

	/* A second probe shares the keys with the first. */
	probe_add(shadow, "again", "tracepoint:signal_generate", SHADOWK_PROBE_COUNT, flags);
	probe_remove(shadow, "signals");
	actor_do(&inside, job_signals, SIGNALS);
	expect_eq(hits(shadow, "again"), SIGNALS, "passes inside, by its short name");
	expect_eq(strays(shadow), 0, "bytes that are no edit's");
	probe_remove(shadow, "again");
	expect_base("behind the probe");
	actor_do(&inside, job_signals, 1);
}

/* The number of switches away from the process, which sleeps. */
static uint64_t switches(pid_t pid)
{
	unsigned long voluntary = 0, other = 0;
	char path[64], line[128];
	FILE *file;

	eventually(sleeps_in(pid, SYS_read));
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	need(file);
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "voluntary_ctxt_switches: %lu", &voluntary);
		sscanf(line, "nonvoluntary_ctxt_switches: %lu", &other);
	}
	fclose(file);
	return voluntary + other;
}

/* The tracepoint of the scheduler, in the function that changes the page tables. */
static void check_switches(void)
{
	uint64_t before, since;

	probe_add(shadow, "switches", "tracepoint:sched:sched_switch", SHADOWK_PROBE_COUNT, 0);
	before = switches(inside.pid);
	since = hits(shadow, "switches");
	actor_do(&inside, job_sleep, SLEEPS);
	actor_do(&outside, job_sleep, SLEEPS);
	expect_eq(switches(inside.pid) - before, hits(shadow, "switches") - since,
		  "switches of the process inside");
	/* A slow machine may find a time over before the process sleeps. */
	expect(hits(shadow, "switches") > since, "it slept");
	probe_remove(shadow, "switches");
}

/* The union executes asynchronous work, and has the tracepoint on. */
static void check_union(void)
{
	struct shadowk_shadow *all = shadow_new_if_possible("union", SHADOWK_ASYNC_UNION);

	if (!all)
		return;
	probe_add(all, "timers", "tracepoint:timer:hrtimer_expire_entry", SHADOWK_PROBE_COUNT, 0);
	eventually(probe_info(all, "timers").async_hits > 0);
	expect_eq(hits(all, "timers"), 0, "passes of processes, of which none is inside");
	probe_remove(all, "timers");
	expect_ret(shadowk_shadow_destroy(all), 0, "destroy the union shadow");
}

static void refuse(const char *place, enum shadowk_probe_kind kind, long err, uint32_t reason)
{
	expect_refused(probe_try(shadow, "refused", place, kind, 0), err, reason, "%s", place);
}

static void check_refusals(void)
{
	refuse("tracepoint:signal:nothing", SHADOWK_PROBE_COUNT, -ENOENT,
	       SHADOWK_REASON_TRACEPOINT_UNKNOWN);
	refuse("tracepoint:sched:signal_generate", SHADOWK_PROBE_COUNT, -ENOENT,
	       SHADOWK_REASON_TRACEPOINT_UNKNOWN);
	refuse("tracepoint:syscalls:sys_enter_getpid", SHADOWK_PROBE_COUNT, -ENOENT,
	       SHADOWK_REASON_TRACEPOINT_UNKNOWN);
	refuse("tracepoint:shadowk:shadowk_probe", SHADOWK_PROBE_COUNT, -EOPNOTSUPP,
	       SHADOWK_REASON_TRACEPOINT_MODULE);
	refuse("tracepoint:raw_syscalls:sys_enter", SHADOWK_PROBE_COUNT, -EOPNOTSUPP,
	       SHADOWK_REASON_TRACEPOINT_REGFUNC);
	refuse("tracepoint:pelt_irq_tp", SHADOWK_PROBE_COUNT, -EOPNOTSUPP,
	       SHADOWK_REASON_TRACEPOINT_UNUSED);
	refuse("tracepoint:tlb:tlb_flush", SHADOWK_PROBE_COUNT, -EOPNOTSUPP,
	       SHADOWK_REASON_FORBIDDEN);
	refuse(PLACE, SHADOWK_PROBE_EVENT, -EINVAL, 0);
	refuse(PLACE, SHADOWK_PROBE_LATENCY, -EINVAL, 0);
}

int main(void)
{
	observer_load();
	shadow = shadow_new("traced");
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	job_base((long)&was);
	attach(shadow, inside.pid);
	check(0);
	check(SHADOWK_PROBE_FORCE_INT3);
	check_switches();
	check_refusals();
	expect_eq(shadow_info(shadow).nr_probes, 0, "probes that are left");
	actor_end(&inside);
	actor_end(&outside);
	expect_ret(shadowk_shadow_destroy(shadow), 0, "destroy");
	check_union();
	shadows_done();
	victims_done();
	return finish();
}
