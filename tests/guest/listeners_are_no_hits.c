// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Functions that a listener of an event calls are not the process's: a count probe of them is not
 * hit by the report, whether the listener is a trace or a perf event, and whether the event is of an
 * entry, of a return or of a call.
 */
#include <linux/perf_event.h>
#include <sys/syscall.h>

#include "actor.h"
#include "shadows.h"
#include "tracefs.h"

#define CALLS  50
#define EVENTS "events/shadowk/"

/* Functions that write an event into a trace, or call perf's listeners. */
static const char *const listeners[] = { "trace_event_buffer_reserve", "trace_event_buffer_commit",
					 "perf_tp_event" };

static struct shadowk_shadow *shadow;
static struct actor inside;

static uint64_t all_hits(void)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(listeners); i++) {
		struct shadowk_probe_info info = probe_info(shadow, listeners[i]);

		sum += info.hits + info.async_hits + info.missed;
	}
	return sum;
}

/* Opens a perf event that counts @event on @cpu. Returns its descriptor. */
static int perf_open(const char *event, int cpu)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT,
					.size = sizeof(attr),
					.sample_period = 1 };
	char path[128], id[16];

	snprintf(path, sizeof(path), "/sys/kernel/tracing/" EVENTS "%s/id", event);
	need(read_file(path, id, sizeof(id)));
	attr.config = strtoull(id, NULL, 0);
	return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, 0);
}

static void check(const char *event, enum shadowk_probe_kind kind, uint32_t flags)
{
	char enable[64];
	uint64_t seen = 0;
	int perf = perf_open(event, 0);

	need(perf >= 0);
	snprintf(enable, sizeof(enable), EVENTS "%s/enable", event);
	probe_add(shadow, "reported", GETPPID, kind, flags);
	tracefs_write(enable, "1");
	actor_do(&inside, job_getppid, CALLS);
	tracefs_write(enable, "0");
	need(read(perf, &seen, sizeof(seen)) == sizeof(seen));
	close(perf);
	expect_eq((int64_t)seen, CALLS, "events %s that perf saw", event);
	expect_eq((int64_t)hits(shadow, "reported"), CALLS, "hits of the reported probe");
	expect_eq((int64_t)all_hits(), 0, "hits of functions that only %s's listeners call", event);
	probe_remove(shadow, "reported");
}

int main(void)
{
	shadow = shadow_new(NULL);
	actor_start(&inside, 0);
	attach(shadow, inside.pid);
	for (unsigned int i = 0; i < ARRAY_SIZE(listeners); i++)
		probe_add(shadow, listeners[i], listeners[i], SHADOWK_PROBE_COUNT, 0);
	check("shadowk_probe", SHADOWK_PROBE_EVENT, 0);
	check("shadowk_probe", SHADOWK_PROBE_EVENT, SHADOWK_PROBE_RETURN);
	check("shadowk_call", SHADOWK_PROBE_CALL, 0);
	actor_end(&inside);
	return finish();
}
