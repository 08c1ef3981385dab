// SPDX-License-Identifier: GPL-2.0-only
/* test: lockdown timeout=60 */
/*
 * rmmod destroys a shadow that has a name. If ftrace is dead by then and leaves its calls of the
 * module in the kernel's text, rmmod does not end, and the machine keeps working.
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
	/* rmmod has removed the device, and waits then. */
	expect(eventually(access("/dev/shadowk", F_OK)), "rmmod has not removed the device");
	for (int i = 0; i < 25; i++) {
		patch_text(1);
		usleep(40000);
		expect_eq(waitpid(rmmod, NULL, WNOHANG), 0, "rmmod has ended: result of waitpid()");
	}
	actor_do(&actor, job_getppid, 10);
	actor_end(&actor);
	finish_held(2); /* by the two ftrace hooks */
	/* tests/vm/guest/many then unloads no module, and runs no other test in this guest. */
	need(write_file("/proc/sys/kernel/modules_disabled", "1\n"));
	return finish();
}
