// SPDX-License-Identifier: GPL-2.0-only
/* test: lockdown timeout=60 */
/*
 * When ftrace finds a fault in itself, whoever's it is, it leaves the calls that it has
 * put into the kernel's text where they are. Those of ours are executed whenever text is
 * patched: the module stays, and who is inside comes out of it all the same.
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

	/* By what it hears of patches, and of flushes. */
	expect(eventually(module_references() == 2), "the module is held %ld times, expected 2",
	       module_references());
	finish_held(2);
	expect_ret(module_unload("shadowk"), -EWOULDBLOCK, "rmmod");
	patch_text(10);
	/* What needs ftrace is refused. */
	shadow = shadow_new(NULL);
	ret = shadowk_process_attach(shadow, actor.pid);
	expect_ret(ret, -ENODEV, "attach without ftrace");
	shadowk_explain(line, sizeof(line), SHADOWK_OP_PROCESS_ATTACH, ret, NULL);
	expect(strstr(line, "ftrace has stopped"), "that is told as '%s'", line);
	expect_eq(shadow_of(actor.pid), 0, "shadow of who was refused");
	actor_end(&actor);
	shadows_done();
	/* For tests/vm/guest/many: this guest is done. */
	need(write_file("/proc/sys/kernel/modules_disabled", "1\n"));
	return finish();
}
