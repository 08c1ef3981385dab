// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=180 */
/*
 * A livepatch module like those of kpatch-build, with several functions, callbacks and shadow
 * variables, patches one shadow with all of them. It can be promoted and unloaded, and leaves
 * nothing behind.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"

#define MODULE "shk_livepatch_kpatch"
#define SYSFS  "/sys/kernel/livepatch/" MODULE "/"
#define CALLED "/sys/module/" MODULE "/parameters/called"

static struct shadowk_shadow *shadow;

static int add(uint32_t flags)
{
	return livepatch_try(shadow, MODULE, flags);
}

static long job_is_patched(long unused)
{
	char text[4096];

	need(read_file("/proc/cmdline", text, sizeof(text)));
	return !strncmp(text, "livepatched as kpatch", strlen("livepatched as kpatch"));
}

/* @first is the next value of the shadow variables, or 0 if there is no patch. */
static void functions(struct actor *actor, long first, const char *who)
{
	expect_eq(actor_do(actor, job_is_patched, 0), !!first, "/proc/cmdline %s", who);
	expect_eq(actor_do(actor, job_syscall, SYS_getuid), first, "getuid() %s", who);
	expect_eq(actor_do(actor, job_syscall, SYS_getgid), first ? first + 1001 : 0, "getgid() %s",
		  who);
}

int main(void)
{
	struct actor inside, outside;
	int fd = open(victim_path(MODULE), O_RDONLY | O_CLOEXEC);

	need(fd >= 0);
	shadow = shadow_new(NULL);
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);
	need_ok(shadowk_livepatch_load(device(), fd));
	expect_refused(add(0), -EOPNOTSUPP, SHADOWK_REASON_CALLBACKS,
		       "adding a livepatch with callbacks, without the flag for them");
	functions(&inside, 0, "inside, refused");

	need_ok(add(SHADOWK_PATCH_CALLBACKS));
	expect_eq(read_number(CALLED), 12, "callbacks called after add");
	functions(&inside, 701, "inside");
	functions(&inside, 703, "inside, second calls");
	functions(&outside, 0, "outside");
	patch_remove(shadow, "p");
	functions(&inside, 0, "inside, removed");
	expect(eventually(read_number(CALLED) == 1234), "not all callbacks were called");

	need_ok(add(SHADOWK_PATCH_CALLBACKS));
	functions(&inside, 701, "inside, added again");
	patch_remove(shadow, "p");
	expect(eventually(read_number(CALLED) == 12341234),
	       "not all callbacks were called the second time");
	need_ok(add(SHADOWK_PATCH_CALLBACKS));
	need_ok(shadowk_patch_promote(shadow, "p"));
	expect(eventually(read_number(SYSFS "transition") == 0), "the transition does not end");
	patch_remove(shadow, "p");
	functions(&inside, 701, "inside, promoted");
	functions(&outside, 701, "outside, promoted");
	expect_eq(read_number(CALLED), 1234123412, "callbacks called, promoted and removed");
	need(write_file(SYSFS "enabled", "0"));
	expect(eventually(access(SYSFS "enabled", F_OK)), "the transition back does not end");
	functions(&inside, 0, "inside, disabled");
	functions(&outside, 0, "outside, disabled");
	expect_eq(read_number(CALLED), 123412341234, "callbacks called at the end");
	expect(eventually(!module_unload(MODULE)), "the livepatch module cannot be unloaded");
	close(fd);
	actor_end(&inside);
	actor_end(&outside);
	return finish();
}
