// SPDX-License-Identifier: GPL-2.0-only
/* test: lockdown timeout=60 */
/*
 * After a fault of its own, ftrace leaves its calls in the kernel's text. The module's ftrace hooks
 * would then be called after rmmod, whenever text is patched. So the module stays loaded, and
 * processes inside can still leave.
 */
#include "actor.h"
#include "shadows.h"

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor actor;
	char line[256];
	int ret;

	count(shadow, GETPPID);
	actor_start(&actor, -1);
	attach(shadow, actor.pid);
	need(!module_load(victim_path("shk_ftrace_dead"), ""));
	patch_text(10);
	actor_do(&actor, job_getppid, 10);
	expect_eq(hits(shadow, GETPPID), 10, "hits");
	detach(actor.pid);
	expect_ret(shadowk_shadow_destroy(shadow), 0, "destroy");
	shadows_done();

	/* By its two ftrace hooks, on functions that patch text and on functions that flush. */
	expect(eventually(module_references() == 2), "the module is held %ld times, expected 2",
	       module_references());
	finish_held(2);
	expect_ret(module_unload("shadowk"), -EWOULDBLOCK, "rmmod");
	patch_text(10);
	/* Calls that need ftrace are refused. */
	shadow = shadow_new(NULL);
	ret = shadowk_process_attach(shadow, actor.pid);
	expect_ret(ret, -ENODEV, "attach without ftrace");
	shadowk_explain(line, sizeof(line), SHADOWK_OP_PROCESS_ATTACH, ret, NULL);
	expect(strstr(line, "ftrace has stopped"),
	       "the error text does not say that ftrace has stopped: %s", line);
	expect_eq(shadow_of(actor.pid), 0, "shadow of the process that was refused");
	actor_end(&actor);
	shadows_done();
	/* tests/vm/guest/many then unloads no module, and runs no other test in this guest. */
	need(write_file("/proc/sys/kernel/modules_disabled", "1\n"));
	return finish();
}
