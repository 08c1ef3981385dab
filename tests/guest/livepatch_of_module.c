// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=180 */
/*
 * A livepatch module that changes functions of the kernel and of a loaded module does both in one
 * shadow. When it is promoted, each object is prepared once.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "pair.h"
#include "patches.h"

#define NAME  "shk_livepatch_victim"
#define SYSFS "/sys/kernel/livepatch/" NAME "/"
static struct pair pair;

static void expect_patched(struct actor *actor, bool patched, const char *where)
{
	expect_eq(actor_do(actor, job_syscall, SYS_munlockall), patched ? 601 : 0,
		  "the kernel's function %s", where);
}

static void expect_prepared(int times, const char *when)
{
	expect_eq(read_number("/sys/module/" NAME "/parameters/kernel"), times,
		  "pre_patch without post_unpatch of the kernel, %s", when);
	expect_eq(read_number("/sys/module/" NAME "/parameters/module"), times,
		  "pre_patch without post_unpatch of the module, %s", when);
}

static int try_add(void)
{
	return livepatch_try(pair.shadow, NAME, SHADOWK_PATCH_CALLBACKS);
}

int main(void)
{
	int fd = open(victim_path(NAME), O_RDONLY | O_CLOEXEC);

	need(fd >= 0);
	pair.shadow = shadow_new(NULL);
	pair.other = shadow_new(NULL);
	need_ok(shadowk_livepatch_load(device(), fd));
	expect_refused(try_add(), -ENODEV, SHADOWK_REASON_OBJECT_MISSING,
		       "adding the livepatch, the module not loaded");
	pair_start(&pair);

	need_ok(try_add());
	expect_prepared(1, "added");
	expect_patched(&pair.inside, true, "inside");
	expect_calls(&pair.inside, pair.shadow, 1, "inside");
	expect_patched(&pair.elsewhere, false, "in another shadow");
	expect_calls(&pair.elsewhere, pair.other, PAIR_CALLS, "in another shadow");
	patch_remove(pair.shadow, "p");
	expect(eventually(!read_number("/sys/module/" NAME "/parameters/module")),
	       "post_unpatch of the module is not called");
	expect_calls(&pair.inside, pair.shadow, PAIR_CALLS, "inside, removed");

	need_ok(try_add());
	need_ok(shadowk_patch_promote(pair.shadow, "p"));
	expect(eventually(read_number(SYSFS "transition") == 0), "the transition does not end");
	expect_prepared(1, "promoted");
	patch_remove(pair.shadow, "p");
	expect_patched(&pair.inside, true, "inside, promoted");
	expect_patched(&pair.elsewhere, true, "in another shadow, promoted");
	expect_prepared(1, "promoted, the shadow's patch removed");
	need(write_file(SYSFS "enabled", "0"));
	expect(eventually(access(SYSFS "enabled", F_OK)), "the transition back does not end");
	expect_prepared(0, "disabled");

	pair_end(&pair);
	victims_done();
	expect(eventually(!module_unload(NAME)), "the livepatch module cannot be unloaded");
	close(fd);
	return finish();
}
