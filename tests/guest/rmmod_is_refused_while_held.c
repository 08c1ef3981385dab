// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=30 */
/*
 * While a handle or the device is open in any process, rmmod is refused. A shadow that only has a
 * name does not keep the module.
 */
#include "actor.h"
#include "shadows.h"

static int fd;

static long job_hold(long keep)
{
	if (!keep)
		close(fd);
	return 0;
}

static void refused(const char *when)
{
	expect_ret(module_unload("shadowk"), -EAGAIN, "rmmod %s", when);
}

int main(void)
{
	struct shadowk_shadow *shadow;
	struct actor holder;

	device();
	refused("with the device open");
	shadow = shadow_new("named");
	count(shadow, GETPPID);
	fd = dup(shadowk_shadow_fd(shadow));
	need(fd >= 0);
	actor_start(&holder, -1); /* inherits it */
	shadows_done();
	refused("with a duplicate of a handle");
	close(fd);
	refused("with a handle in another process");
	actor_do(&holder, job_hold, false);
	expect(eventually(!module_references()),
	       "the module is held after all handles were closed");
	expect_ret(module_unload("shadowk"), 0, "rmmod with a named shadow without handles");
	expect_ret(module_load(shadowk_path(), ""), 0, "insmod");
	actor_end(&holder);

	shadow = shadow_new("named"); /* the name went with the module */
	shadows_done();
	return finish();
}
