// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=180 */
/*
 * A livepatch module that knows nothing of shadows patches one shadow, with all of its functions
 * and shadow variables. Then it is promoted to the whole machine, and disabled there.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"
#include "victims.h"

#define SYSFS "/sys/kernel/livepatch/shk_livepatch/"

static long job_is_patched(long unused)
{
	char text[4096];

	need(read_file("/proc/cmdline", text, sizeof(text)));
	return !strncmp(text, "livepatched", strlen("livepatched"));
}

static void add(struct shadowk_shadow *shadow)
{
	need_ok(livepatch_try(shadow, "shk_livepatch", 0));
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor inside, outside;
	int fd = open(victim_path("shk_livepatch"), O_RDONLY | O_CLOEXEC);

	need(fd >= 0);
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);
	need_ok(shadowk_livepatch_load(device(), fd));
	expect(access(SYSFS "enabled", F_OK), "the kernel has enabled the livepatch");
	expect_eq(actor_do(&inside, job_is_patched, 0), 0,
		  "patched inside when the module is only loaded");

	add(shadow);
	expect_eq(actor_do(&inside, job_is_patched, 0), 1, "patched inside");
	expect_eq(actor_do(&outside, job_is_patched, 0), 0, "patched outside");
	expect_eq(actor_do(&inside, job_syscall, SYS_munlockall), 501,
		  "its second function, first call");
	expect_eq(actor_do(&inside, job_syscall, SYS_munlockall), 502,
		  "its second function, second call");
	expect_eq(actor_do(&outside, job_syscall, SYS_munlockall), 0,
		  "its second function, outside");
	patch_remove(shadow, "p");
	expect_eq(actor_do(&inside, job_is_patched, 0), 0, "patched inside, removed");
	add(shadow);
	expect_eq(actor_do(&inside, job_is_patched, 0), 1, "patched inside, added again");

	need_ok(shadowk_patch_promote(shadow, "p"));
	expect(eventually(read_number(SYSFS "transition") == 0), "the transition does not end");
	patch_remove(shadow, "p");
	expect_eq(actor_do(&inside, job_is_patched, 0), 1, "patched inside, promoted");
	expect_eq(actor_do(&outside, job_is_patched, 0), 1, "patched outside, promoted");
	need(write_file(SYSFS "enabled", "0"));
	expect(eventually(access(SYSFS "enabled", F_OK)), "the transition back does not end");
	expect_eq(actor_do(&inside, job_is_patched, 0), 0, "patched inside, disabled");
	expect_eq(actor_do(&outside, job_is_patched, 0), 0, "patched outside, disabled");

	add(shadow);
	expect_refused(shadowk_patch_promote(shadow, "p"), -EEXIST, SHADOWK_REASON_PROMOTED,
		       "promoting a promoted patch");
	patch_remove(shadow, "p");
	expect(eventually(!module_unload("shk_livepatch")),
	       "the livepatch module cannot be unloaded");
	close(fd);
	actor_end(&inside);
	actor_end(&outside);
	return finish();
}
