// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A stack trace in the handler of a probe by a jump has the probed function and its callers up to
 * the system call. That holds at each instruction of the function, where the stack frame differs.
 */

#include "lists.h"
#include "actor.h"
#include "shadows.h"
#include "tracefs.h"

#define PROBED "vfs_read"
#define EVENT  "events/shadowk/shadowk_probe/"
#define NR_MAX 64

/* Adds a probe at each place of the function that takes a jump. Returns their number. */
static unsigned int probe_all(struct shadowk_shadow *shadow)
{
	char place[64], name[16];
	unsigned int nr = 0;
	long ret = 0;

	for (unsigned int at = 0; nr < NR_MAX && ret != -ERANGE; at++) {
		snprintf(place, sizeof(place), PROBED "+%u", at);
		snprintf(name, sizeof(name), "at-%u", at);
		ret = probe_try(shadow, name, place, SHADOWK_PROBE_EVENT, 0);
		if (ret < 0)
			continue;
		if (probe_info(shadow, name).arm == SHADOWK_ARM_JUMP)
			nr++;
		else
			probe_remove(shadow, name);
	}
	return nr;
}

static uint64_t all_hits(struct shadowk_shadow *shadow, unsigned int *executed)
{
	struct shadowk_probe_info *probes;
	long nr = need_ok(list_read(shadowk_probe_list, shadow, &probes));
	uint64_t sum = 0;

	*executed = 0;
	for (long i = 0; i < nr; i++) {
		sum += probes[i].hits;
		*executed += probes[i].hits > 0;
	}
	free(probes);
	return sum;
}

int main(void)
{
	static const char *const callers[] = { " => " PROBED, " => ksys_read",
					       " => do_syscall_64" };
	struct shadowk_shadow *shadow = shadow_new(NULL);
	unsigned int nr = probe_all(shadow), executed;
	struct actor inside;
	uint64_t sum;

	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	tracefs_clear();
	tracefs_write(EVENT "trigger", "stacktrace");
	tracefs_write(EVENT "enable", "1");
	actor_do(&inside, job_read_zero, 3);
	actor_end(&inside);
	tracefs_write(EVENT "enable", "0");
	tracefs_write(EVENT "trigger", "!stacktrace");

	sum = all_hits(shadow, &executed);
	printf("%u places, %u executed, %lu hits\n", nr, executed, sum);
	expect(executed > 1, "fewer than two probes were executed, so the test checks nothing");
	expect_eq(tracefs_count("<stack trace>"), sum, "stack traces");
	for (unsigned int i = 0; i < ARRAY_SIZE(callers); i++)
		expect_eq(tracefs_count(callers[i]), sum, "traces with%s", callers[i]);
	return finish();
}
