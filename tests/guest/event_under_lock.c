// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A listener reads the clock for each event. Events in code that holds a lock of the clock do not
 * make the listener wait for that lock, which would be a deadlock.
 */
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <time.h>

#include "actor.h"
#include "shadows.h"

#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define CALLS	    200

static struct shadowk_shadow *shadow;

static long job_clock(long n)
{
	struct timespec ts;

	while (n--)
		need(!syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts));
	return 0;
}

static int listen_to(pid_t pid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = read_number("/sys/kernel/tracing/events/shadowk/shadowk_probe/id"),
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};
	int fd = syscall(SYS_perf_event_open, &attr, pid, -1, -1, 0);

	need(fd >= 0);
	return fd;
}

/* Adds an event to each instruction that may have a probe. Returns how many are armed by a jump. */
static unsigned int add_events(const char *function)
{
	struct shadowk_probe_info info;
	unsigned int jumps = 0;
	char place[64], name[32];

	for (unsigned int offset = 0; offset < 256; offset++) {
		snprintf(place, sizeof(place), "%s+%u", function, offset);
		snprintf(name, sizeof(name), "at-%u", offset);
		if (probe_try(shadow, name, place, SHADOWK_PROBE_EVENT, 0))
			continue;
		info = probe_info(shadow, name);
		jumps += info.arm == SHADOWK_ARM_JUMP;
	}
	return jumps;
}

int main(void)
{
	struct actor inside;
	uint64_t samples;
	char was[64];
	int fd;

	need(read_file(CLOCKSOURCE, was, sizeof(was)));
	if (!write_file(CLOCKSOURCE, "hpet"))
		skip("this machine has no HPET");
	shadow = shadow_new(NULL);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	expect_range(add_events("read_hpet"), 1, 256, "events that are armed by a jump");
	fd = listen_to(inside.pid);
	actor_do(&inside, job_clock, CALLS);
	need(read(fd, &samples, sizeof(samples)) == sizeof(samples));
	expect_range(samples, CALLS, INT64_MAX, "events that the listener got");
	close(fd);
	detach(inside.pid);
	shadow_close(shadow);
	actor_end(&inside);
	need(write_file(CLOCKSOURCE, was));
	return finish();
}
