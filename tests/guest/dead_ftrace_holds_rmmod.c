// SPDX-License-Identifier: GPL-2.0-only
/* test: lockdown timeout=60 */
/*
 * rmmod takes a shadow with a name along. If ftrace is dead by then and leaves its calls
 * of the module in the kernel's text, rmmod does not come to its end, and the machine
 * goes on.
 */
#include <sys/wait.h>

#include "actor.h"
#include "shadows.h"

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new("named");
	struct actor actor;
	pid_t rmmod;

	count(shadow, GETPPID);
	actor_start(&actor, -1);
	attach(shadow, actor.pid);
	detach(actor.pid);
	shadows_done();
	need(!module_load(victim_path("shk_ftrace_dead"), ""));
	rmmod = fork();
	need(rmmod >= 0);
	if (!rmmod)
		_exit(!module_unload("shadowk"));
	/* It has taken the device away, and got no further. */
	expect(eventually(access("/dev/shadowk", F_OK)), "rmmod does not begin");
	for (int i = 0; i < 25; i++) {
		patch_text(1);
		usleep(40000);
		expect_eq(waitpid(rmmod, NULL, WNOHANG), 0, "rmmod has come to its end");
	}
	actor_do(&actor, job_getppid, 10);
	actor_end(&actor);
	finish_held(2); /* by what hears of patches, and of flushes */
	/* For tests/vm/guest/many: this guest is done. */
	need(write_file("/proc/sys/kernel/modules_disabled", "1\n"));
	return finish();
}
