// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A livepatch module is loaded by the calling thread, without a child process: it patches nothing,
 * the process returns to where it was, and the error is that of finit_module(). It is refused
 * while threads of the process have entered another shadow for themselves.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "patches.h"
#include "shadows.h"

#define MODULE "shk_livepatch"

static volatile sig_atomic_t children;

static void on_child(int signal)
{
	children++;
}

static bool is_loaded(void)
{
	return !access("/sys/module/" MODULE, F_OK);
}

static void expect_kept(int fd, const char *when)
{
	expect_ret(shadowk_livepatch_load(device(), fd), 0, "load, %s", when);
	expect(is_loaded(), "the module is loaded, %s", when);
	expect(access("/sys/kernel/livepatch/" MODULE, F_OK), "it is enabled, %s", when);
	expect(eventually(!module_unload(MODULE)), "it can be unloaded, %s", when);
}

int main(void)
{
	int fd = open(victim_path(MODULE), O_RDONLY | O_CLOEXEC);
	int bad = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct shadowk_shadow *shadow = shadow_new(NULL);
	uint64_t id = shadow_info(shadow).id;

	need(fd >= 0 && bad >= 0);
	signal(SIGCHLD, on_child);
	expect_kept(fd, "in the base");
	expect_eq(shadow_of(getpid()), 0, "shadow it is in, in the base");

	need_ok(shadowk_process_attach(shadow, 0));
	expect_kept(fd, "attached");
	expect_eq(shadow_of(getpid()), id, "shadow it is in, attached");
	need_ok(shadowk_process_detach(device(), 0));

	need_ok(shadowk_enter(shadow));
	expect_kept(fd, "in a stretch");
	expect_eq(shadow_of(getpid()), id, "shadow it is in, in a stretch");
	expect_ret(shadowk_leave(shadow), 0, "leave");
	expect_eq(shadow_of(getpid()), 0, "shadow it is in, after the stretch");

	need_ok(shadowk_enter_flags(shadow, SHADOWK_THREAD));
	expect_refused(shadowk_livepatch_load(device(), fd), -EBUSY, SHADOWK_REASON_THREAD_STRETCH,
		       "load in a stretch of the thread");
	expect(!is_loaded(), "the module is not loaded then");
	expect_ret(shadowk_leave(shadow), 0, "leave as a thread");

	need_ok(shadowk_livepatch_load(device(), fd));
	expect_refused(shadowk_livepatch_load(device(), fd), -EEXIST, 0, "load it twice");
	expect_refused(shadowk_livepatch_load(device(), bad), -ENOEXEC, 0, "load a program");
	expect_refused(shadowk_livepatch_load(device(), -1), -EBADF, 0, "load nothing");
	expect(eventually(!module_unload(MODULE)), "it can be unloaded in the end");
	expect_eq(shadow_of(getpid()), 0, "shadow it is in, in the end");
	expect_eq(module_info().nr_shadows, 1, "shadows in the end");
	expect_eq(children, 0, "child processes");
	return finish();
}
