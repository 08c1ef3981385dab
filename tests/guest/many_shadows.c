// SPDX-License-Identifier: GPL-2.0-only
/* test: once timeout=600 */
/*
 * With a thousand shadows and a process in each, each shadow counts exactly the calls of its own
 * process.
 */
#include <sys/resource.h>

#include "actor.h"
#include "shadows.h"

#define SHADOWS 1000

static long calls_of(unsigned int n)
{
	return 1 + n % 7;
}

int main(void)
{
	static struct shadowk_shadow *shadows[SHADOWS];
	static struct actor actors[SHADOWS];
	const struct rlimit files = { 8192, 8192 };
	unsigned int wrong = 0;

	need(!setrlimit(RLIMIT_NOFILE, &files));
	for (unsigned int i = 0; i < SHADOWS; i++) {
		actor_start(&actors[i], -1);
		shadows[i] = shadow_new(NULL);
		count(shadows[i], GETPPID);
		attach(shadows[i], actors[i].pid);
	}
	expect_eq(module_info().nr_shadows, SHADOWS, "shadows");
	expect_eq(module_info().nr_grafts, SHADOWS, "processes inside");
	for (unsigned int i = 0; i < SHADOWS; i++)
		actor_ask(&actors[i], job_getppid, calls_of(i));
	for (unsigned int i = 0; i < SHADOWS; i++)
		actor_answer(&actors[i]);
	for (unsigned int i = 0; i < SHADOWS; i++)
		wrong += (long)hits(shadows[i], GETPPID) != calls_of(i);
	expect_eq(wrong, 0, "shadows with a wrong number of hits");

	for (unsigned int i = 0; i < SHADOWS; i++)
		actor_end(&actors[i]);
	for (unsigned int i = 0; i < SHADOWS; i++)
		shadow_close(shadows[i]);
	expect_eq(module_info().nr_shadows, 0, "shadows at the end");
	expect_eq(module_info().memory, 0, "bytes of tables and pages at the end");
	return finish();
}
