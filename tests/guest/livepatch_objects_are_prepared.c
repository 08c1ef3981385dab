// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Each module that a livepatch changes must be loaded and started, and stays loaded while the
 * shadow has the patch. If one object cannot be prepared, the others are undone.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"

#define NAME   "shk_livepatch_objects"
#define PARAMS "/sys/module/" NAME "/parameters/"

static struct shadowk_shadow *shadow;

static int try_add(void)
{
	return livepatch_try(shadow, NAME, SHADOWK_PATCH_CALLBACKS);
}

static void expect_prepared(int times, const char *when)
{
	expect_eq(read_number(PARAMS "kernel"), times,
		  "pre_patch without post_unpatch of the kernel, %s", when);
	expect_eq(read_number(PARAMS "module"), times,
		  "pre_patch without post_unpatch of the module, %s", when);
}

static bool is_coming(void)
{
	char state[32];

	return read_file("/sys/module/shk_slow/initstate", state, sizeof(state)) &&
	       !strncmp(state, "coming", strlen("coming"));
}

int main(void)
{
	int fd = open(victim_path(NAME), O_RDONLY | O_CLOEXEC);
	struct actor inside;
	pid_t pid;

	need(fd >= 0);
	shadow = shadow_new(NULL);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	need_ok(shadowk_livepatch_load(device(), fd));
	expect_refused(try_add(), -ENODEV, SHADOWK_REASON_OBJECT_MISSING,
		       "adding the livepatch, the module not loaded");

	pid = fork_tied();
	if (!pid)
		_exit(-module_load(victim_path("shk_slow"), "delay_ms=2000"));
	expect(eventually(is_coming()), "the module does not start");
	expect_refused(try_add(), -ENODEV, SHADOWK_REASON_OBJECT_MISSING,
		       "adding the livepatch, the module not started");
	expect(is_coming(), "the module has started before the livepatch was refused");
	expect_prepared(0, "while the module starts");
	expect_eq(wait_for(pid), 0, "result of loading the module");
	expect_prepared(0, "after the module has started");

	need(write_file(PARAMS "fail", "1"));
	expect_ret(try_add(), -EXFULL, "adding the livepatch, pre_patch of an object fails");
	expect_prepared(0, "after pre_patch has failed");
	expect_eq(actor_do(&inside, job_syscall, SYS_munlockall), 0,
		  "its function after pre_patch has failed");

	need(write_file(PARAMS "fail", "0"));
	need_ok(try_add());
	expect_prepared(1, "added");
	expect_eq(actor_do(&inside, job_syscall, SYS_munlockall), 701, "its function");
	expect_ret(module_unload("shk_slow"), -EAGAIN, "unloading the module of a livepatch");
	patch_remove(shadow, "p");
	expect(eventually(!module_unload("shk_slow")), "the module cannot be unloaded");
	expect_prepared(0, "removed");
	expect_eq(read_number(PARAMS "wrong"), 0, "callbacks out of order");

	actor_end(&inside);
	close(fd);
	expect(eventually(!module_unload(NAME)), "the livepatch module cannot be unloaded");
	return finish();
}
