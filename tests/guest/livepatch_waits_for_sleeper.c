// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * A livepatch comes and goes while no thread inside sleeps in a body of it. If one does, the call
 * waits without holding up others, then fails with EBUSY, names the thread and changes nothing.
 * With UNSAFE_NOW the call does not wait.
 */
#include <fcntl.h>
#include <stdatomic.h>

#include "lists.h"
#include "actor.h"
#include "patches.h"
#include "sleeper.h"

static struct shadowk_shadow *shadow;

static int add_to(struct shadowk_shadow *to, uint32_t flags)
{
	return livepatch_try(to, "shk_livepatch_pause", flags);
}

static long getuid_of_sleeper(void)
{
	return actor_do(&sleeper, job_syscall, SYS_getuid);
}

static struct {
	pthread_t thread;
	atomic_int over;
	int err;
	pid_t busy;
} adding;

static void *add_in_thread(void *unused)
{
	adding.err = add_to(shadow, 0);
	adding.busy = shadowk_busy();
	adding.over = 1;
	return NULL;
}

/* Other calls about the shadow are answered while the patch waits. */
static void refused_meanwhile(void)
{
	struct shadowk_patch_info info;

	sleep_in_it();
	need(!pthread_create(&adding.thread, NULL, add_in_thread, NULL));
	usleep(500000);
	expect_ret(list_first(shadowk_patch_list, shadow, &info), 0,
		   "patches in the list while one waits");
	expect_ret(shadowk_patch_remove(shadow, "p"), -EBUSY, "removing the patch that waits");
	expect(!adding.over, "other calls were answered only after the patch had ended");
	pthread_join(adding.thread, NULL);
	expect_ret(adding.err, -EBUSY, "adding, with a sleeper");
	expect_eq(adding.busy, sleeper.pid, "task in the way");
	expect(sleeps_in(sleeper.pid, SYS_pause), "the sleeper no longer sleeps in pause()");
	expect_ret(list_first(shadowk_patch_list, shadow, &info), 0,
		   "patches in the list after refusal");
	wake(-EINTR, "pause() of the sleeper, in the old body");
	expect_eq(getuid_of_sleeper(), 0, "getuid(), the other function, after refusal");
}

int main(void)
{
	int fd = open(victim_path("shk_livepatch_pause"), O_RDONLY | O_CLOEXEC);
	struct shadowk_shadow *shared = shadow_new(NULL);

	need(fd >= 0);
	shadow = shadow_new(NULL);
	actor_start(&sleeper, -1);
	sleeper_ready(&sleeper);
	attach(shadow, sleeper.pid);
	need_ok(shadowk_livepatch_load(device(), fd));
	refused_meanwhile();
	waits(add_to(shadow, 0), -EINTR, "adding the patch");
	expect_eq(getuid_of_sleeper(), 4242, "getuid(), the other function");

	sleep_in_it();
	busy(shadowk_patch_remove(shadow, "p"), "removing, with a sleeper");
	wake(-EPERM, "pause() of the sleeper, in the new body");
	expect_eq(getuid_of_sleeper(), 4242, "getuid() after a refused removal");
	waits(shadowk_process_detach(device(), sleeper.pid), -EPERM, "detaching the process");
	expect_eq(getuid_of_sleeper(), 0, "getuid() after detach");
	waits(shadowk_process_attach(shadow, sleeper.pid), -EINTR, "attaching the process");
	waits(shadowk_patch_remove(shadow, "p"), -EPERM, "removing the patch");
	expect_eq(getuid_of_sleeper(), 0, "getuid() after removal");

	sleep_in_it();
	need_ok(add_to(shadow, SHADOWK_PATCH_UNSAFE_NOW));
	expect(sleeps_in(sleeper.pid, SYS_pause), "the sleeper no longer sleeps in pause()");
	wake(-EINTR, "pause() of the sleeper, with the patch added at once");
	sleep_in_it();
	need_ok(shadowk_patch_remove(shadow, "p"));
	wake(-EPERM, "pause() of the sleeper, with the patch removed after UNSAFE_NOW");
	need_ok(add_to(shadow, 0));
	sleep_in_it();
	need_ok(shadowk_patch_remove_flags(shadow, "p", SHADOWK_PATCH_UNSAFE_NOW));
	wake(-EPERM, "pause() of the sleeper, with the patch removed at once");

	shadow_derive(shared, SHADOWK_RIGHT_READ, NULL);
	need_ok(add_to(shared, 0));
	patch_remove(shared, "p");
	shadow_derive(shared, SHADOWK_RIGHT_ATTACH, NULL);
	expect_refused(add_to(shared, 0), -EOPNOTSUPP, SHADOWK_REASON_SHARED,
		       "adding in a shadow where threads cannot be waited for");
	need_ok(add_to(shared, SHADOWK_PATCH_UNSAFE_NOW));
	patch_remove(shared, "p");
	actor_end(&sleeper);
	close(fd);
	expect(eventually(!module_unload("shk_livepatch_pause")),
	       "the livepatch module cannot be unloaded");
	return finish();
}
