// SPDX-License-Identifier: GPL-2.0-only
/* test: once timeout=240 */
/*
 * All tracepoints of the kernel are on in one shadow at the same time, while a process inside runs.
 * Those that cannot be are refused, each with one of the expected reasons.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "actor.h"
#include "shadows.h"

#define EVENTS	   "/sys/kernel/tracing/available_events"
#define EVENTS_MAX 4096

static struct shadowk_probe_spec specs[EVENTS_MAX];

/* Fills specs with all events but those of system calls. Returns how many. */
static size_t read_events(void)
{
	FILE *file = fopen(EVENTS, "re");
	char line[256], place[300];
	size_t nr = 0;

	need(file);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "syscalls:", 9))
			continue;
		need(nr < EVENTS_MAX);
		specs[nr] = (struct shadowk_probe_spec){ .size = sizeof(specs[0]),
							 .kind = SHADOWK_PROBE_COUNT };
		snprintf(place, sizeof(place), "tracepoint:%s", line);
		need_ok(shadowk_probe_parse(place, &specs[nr++]));
	}
	fclose(file);
	return nr;
}

static bool is_expected(uint32_t reason)
{
	return reason == SHADOWK_REASON_TRACEPOINT_UNKNOWN || /* made by kprobe or ftrace */
	       reason == SHADOWK_REASON_TRACEPOINT_MODULE ||
	       reason == SHADOWK_REASON_TRACEPOINT_REGFUNC ||
	       reason == SHADOWK_REASON_TRACEPOINT_UNUSED || reason == SHADOWK_REASON_FORBIDDEN ||
	       reason == SHADOWK_REASON_PAGE_EDGE;
}

/* Starts processes, writes, sleeps and sends signals. */
static long job_work(long rounds)
{
	for (long i = 0; i < rounds; i++) {
		pid_t child = fork();

		if (!child) {
			execl("/bin/sh", "sh", "-c", "cat /proc/meminfo >/tmp/work; sync", NULL);
			_exit(1);
		}
		need(child > 0 && waitpid(child, NULL, 0) == child);
		usleep(1000);
	}
	return rounds;
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new("all");
	size_t nr = read_events(), nr_done, refused = 0;
	struct actor inside;

	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	need_ok(shadowk_probe_add_many(shadow, specs, sizeof(specs[0]), nr, SHADOWK_PROBES_SKIP,
				       &nr_done));
	for (size_t i = 0; i < nr; i++) {
		refused += specs[i].reason != 0;
		expect(!specs[i].reason || is_expected(specs[i].reason), "%s: reason %u",
		       specs[i].symbol, specs[i].reason);
	}
	expect_eq(nr_done, nr - refused, "tracepoints that are on");
	expect(refused < nr / 5, "%zu of %zu tracepoints are refused", refused, nr);
	expect_eq(actor_do(&inside, job_work, 10), 10, "rounds of work");
	expect(hits(shadow, "sched:sched_switch") > 0, "switches");
	expect(hits(shadow, "sched:sched_process_fork") >= 10, "forks");
	expect_eq(strays(shadow), 0, "bytes that are no edit's");
	need_ok(shadowk_probe_remove_many(shadow, NULL, 0));
	expect_eq(actor_do(&inside, job_work, 1), 1, "work without tracepoints");
	actor_end(&inside);
	expect_ret(shadowk_shadow_destroy(shadow), 0, "destroy");
	shadows_done();
	return finish();
}
