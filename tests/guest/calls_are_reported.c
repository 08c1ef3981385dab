// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=180 */
/*
 * Each call of a CALL probe is a line of the trace at its return, by shadowk:shadowk_call: the names
 * of the shadow and of the probe, the place, the arguments of the entry, the result and the
 * duration. A call by a process outside is none. Calls beyond those that a probe can measure at once
 * are missed.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "actor.h"
#include "shadows.h"
#include "tracefs.h"

/* shmem_file_llseek(file, offset, whence) */
#define FUNCTION "shmem_file_llseek"
#define ENABLE	 "events/shadowk/shadowk_call/enable"
#define CALLS	 20

static int file;

static long job_seek(long first)
{
	for (int i = 0; i < CALLS; i++)
		lseek(file, first + i, SEEK_SET);
	return 0;
}

/* Waits for a signal. */
static long job_pause(long unused)
{
	pause();
	return 0;
}

static void on_signal(int number)
{
}

static struct shadowk_probe_spec spec_of(const char *name, const char *symbol, uint32_t calls)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec),
					   .kind = SHADOWK_PROBE_CALL,
					   .calls = calls };

	strcpy(spec.name, name);
	strcpy(spec.symbol, symbol);
	return spec;
}

static uint64_t field(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	return at ? strtoull(at + strlen(name), NULL, 0) : ~0ULL;
}

static void check_line(const char *line, uint64_t id, long offset)
{
	char arguments[64];

	expect(strstr(line, "shadow=traced probe=seek "), "names: %s", line);
	expect(strstr(line, " ip=" FUNCTION), "place: %s", line);
	expect_eq((int64_t)field(line, " id="), (int64_t)id, "shadow's id");
	expect_eq((int64_t)field(line, " ret="), offset, "result");
	expect_range((int64_t)field(line, " duration="), 1, 1000000000, "duration");
	/* The second argument follows the first, a pointer that differs. */
	snprintf(arguments, sizeof(arguments), ",0x%lx,0x0,", offset);
	expect(strstr(line, arguments), "'%s' is not in %s", arguments, line);
}

static void lines(struct shadowk_shadow *shadow, struct actor *inside, struct actor *outside)
{
	struct shadowk_probe_spec spec = spec_of("seek", FUNCTION, 0);
	uint64_t id = shadow_info(shadow).id;
	FILE *trace;
	char line[1024];
	int nr = 0;

	need_ok(shadowk_probe_add(shadow, &spec));
	tracefs_write(ENABLE, "1");
	tracefs_clear();
	actor_do(outside, job_seek, 5000);
	actor_do(inside, job_seek, 7000);
	tracefs_write(ENABLE, "0");
	trace = fopen("/sys/kernel/tracing/trace", "re");
	need(trace);
	while (fgets(line, sizeof(line), trace))
		if (strstr(line, "shadowk_call:"))
			check_line(line, id, 7000 + nr++);
	fclose(trace);
	expect_eq(nr, CALLS, "lines");
	expect_eq((int64_t)probe_info(shadow, "seek").hits, CALLS, "hits");
	/* Without a listener calls are counted. */
	actor_do(inside, job_seek, 0);
	expect_eq((int64_t)probe_info(shadow, "seek").hits, 2 * CALLS, "hits without a listener");
	need_ok(shadowk_probe_remove(shadow, "seek"));
}

/* Two calls are in progress at once: @calls of them can be measured. */
static void missed(struct shadowk_shadow *shadow, struct actor *one, struct actor *other,
		   uint32_t calls)
{
	struct shadowk_probe_spec spec = spec_of("pause", "__x64_sys_pause", calls);
	struct shadowk_probe_info info;

	need_ok(shadowk_probe_add(shadow, &spec));
	actor_ask(one, job_pause, 0);
	actor_ask(other, job_pause, 0);
	need(eventually(sleeps_in(one->pid, SYS_pause) && sleeps_in(other->pid, SYS_pause)));
	need(!kill(one->pid, SIGUSR1) && !kill(other->pid, SIGUSR1));
	actor_answer(one);
	actor_answer(other);
	info = probe_info(shadow, "pause");
	expect_eq((int64_t)info.hits, calls, "calls measured, of two");
	expect_eq((int64_t)info.missed, 2 - (int64_t)calls, "calls missed, of two");
	need_ok(shadowk_probe_remove(shadow, "pause"));
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new("traced");
	struct actor inside, outside;

	file = memfd_create("file", 0);
	need(file >= 0);
	signal(SIGUSR1, on_signal);
	actor_start(&inside, 0);
	actor_start(&outside, nr_cpus() - 1);
	attach(shadow, inside.pid);
	lines(shadow, &inside, &outside);
	attach(shadow, outside.pid);
	missed(shadow, &inside, &outside, 1);
	missed(shadow, &inside, &outside, 2);
	detach(inside.pid);
	detach(outside.pid);
	need_ok(shadowk_shadow_destroy(shadow));
	shadow_close(shadow);
	actor_end(&inside);
	actor_end(&outside);
	return finish();
}
