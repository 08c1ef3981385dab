// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Of several patches of one function the last has effect. Removing any of them leaves the others.
 */
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"

static struct actor inside;

static void check(long expected, const char *what)
{
	expect_eq(actor_do(&inside, job_syscall, SYS_getppid), expected, "%s", what);
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);

	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	patch_return(shadow, "a", GETPPID, 1001);
	patch_return(shadow, "b", GETPPID, 1002);
	patch_return(shadow, "c", GETPPID, 1003);
	check(1003, "the last of three");
	patch_remove(shadow, "b");
	check(1003, "the middle one was removed");
	patch_remove(shadow, "c");
	check(1001, "the last was removed");
	patch_return(shadow, "b", GETPPID, 1002);
	check(1002, "another was added");
	count(shadow, GETPPID);
	patch_remove(shadow, "b");
	check(1001, "it was removed, with a probe at the entry");
	patch_remove(shadow, "a");
	check(getpid(), "all were removed");
	expect_eq(hits(shadow, GETPPID), 2, "hits of the probe");
	actor_end(&inside);
	return finish();
}
