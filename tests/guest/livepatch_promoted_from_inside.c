// SPDX-License-Identifier: GPL-2.0-only
/* test: once timeout=60 */
/*
 * A process in a shadow that captures livepatches promotes one. The call reaches the kernel's
 * klp_enable_patch(), not the body that captures, and returns.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "actor.h"
#include "patches.h"

#define SYSFS "/sys/kernel/livepatch/shk_livepatch/"

static struct shadowk_shadow *capturing, *shadow;

/*
 * The library loads the module in a stretch of its own, and this process stays inside @capturing.
 */
static void promote(int fd)
{
	need_ok(shadowk_process_attach(capturing, 0));
	need(!syscall(SYS_finit_module, fd, "", 0));
	need_ok(livepatch_try(shadow, "shk_livepatch", 0));
	need_ok(shadowk_patch_promote(shadow, "p"));
	expect_refused(shadowk_patch_promote(shadow, "p"), -EEXIST, SHADOWK_REASON_PROMOTED,
		       "promoting a promoted patch, inside");
}

int main(void)
{
	struct shadowk_patch_spec capture = {
		.size = sizeof(capture),
		.kind = SHADOWK_PATCH_CAPTURE,
	};
	int fd = open(victim_path("shk_livepatch"), O_RDONLY | O_CLOEXEC), status;
	pid_t pid;

	need(fd >= 0);
	capturing = shadow_new(NULL);
	shadow = shadow_new(NULL);
	need_ok(shadowk_patch_add(capturing, &capture));
	pid = fork_tied();
	if (!pid) {
		promote(fd);
		_exit(0);
	}
	if (!eventually(waitpid(pid, &status, WNOHANG) == pid)) {
		expect(false, "promoting does not return");
		/* The process that promotes holds a lock for which closing a shadow would wait. */
		_exit(1);
	}
	expect_eq(status, 0, "wait status of the process that promotes");
	expect(eventually(read_number(SYSFS "transition") == 0), "the transition does not end");
	patch_remove(shadow, "p");
	need(write_file(SYSFS "enabled", "0"));
	expect(eventually(access(SYSFS "enabled", F_OK)), "the transition back does not end");
	expect(eventually(!module_unload("shk_livepatch")),
	       "the livepatch module cannot be unloaded");
	close(fd);
	return finish();
}
