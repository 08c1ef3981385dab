// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/* A shadow without a name exists while a handle is open or a process is inside. */
#include "actor.h"
#include "shadows.h"

static void expect_shadows(unsigned int expected, const char *when)
{
	eventually(module_info().nr_shadows == expected);
	expect_eq(module_info().nr_shadows, expected, "shadows %s", when);
	if (!expected)
		expect_eq(module_info().memory, 0, "bytes of tables and pages %s", when);
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor inside, holder;
	int fd;

	count(shadow, GETPPID);
	expect_shadows(1, "with one handle");
	fd = dup(shadowk_shadow_fd(shadow));
	shadow_close(shadow);
	expect_shadows(1, "with a duplicate of the handle");
	actor_start(&holder, -1); /* inherits the duplicate */
	close(fd);
	expect_shadows(1, "with a handle in another process");
	actor_end(&holder);
	expect_shadows(0, "after the last holder has exited");

	shadow = shadow_new(NULL);
	count(shadow, GETPPID);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	shadow_close(shadow);
	expect_shadows(1, "with only a process inside");
	actor_do(&inside, job_getppid, 100);
	expect(shadow_of(inside.pid), "the process is outside after the last handle was closed");
	actor_end(&inside);
	expect_shadows(0, "after the last process has exited");

	shadow = shadow_new(NULL);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	shadow_close(shadow);
	detach(inside.pid);
	expect_shadows(0, "after the last process was detached");
	actor_do(&inside, job_getppid, 100);
	actor_end(&inside);
	return finish();
}
