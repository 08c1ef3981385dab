// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * A livepatch comes and goes while no thread inside sleeps in one of its bodies: that is
 * waited for, with nobody else kept waiting, then refused with the thread's name, and
 * nothing has changed. With UNSAFE_NOW it is not waited for.
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

/* What is asked of the shadow meanwhile is answered. */
static void refused_meanwhile(void)
{
	struct shadowk_patch_info info;

	sleep_in_it();
	need(!pthread_create(&adding.thread, NULL, add_in_thread, NULL));
	usleep(500000);
	expect_ret(list_first(shadowk_patch_list, shadow, &info), 0,
		   "patches that are seen meanwhile");
	expect_ret(shadowk_patch_remove(shadow, "p"), -EBUSY, "removing it meanwhile");
	expect(!adding.over, "the patch is being added when others were answered");
	pthread_join(adding.thread, NULL);
	expect_ret(adding.err, -EBUSY, "adding, below a sleeper");
	expect_eq(adding.busy, sleeper.pid, "who is in the way");
	expect(sleeps_in(sleeper.pid, SYS_pause), "it sleeps on");
	expect_ret(list_first(shadowk_patch_list, shadow, &info), 0, "patches when it is refused");
	wake(-EINTR, "the old body, to its end");
	expect_eq(getuid_of_sleeper(), 0, "the other function, refused");
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
	waits(add_to(shadow, 0), -EINTR, "adding");
	expect_eq(getuid_of_sleeper(), 4242, "the other function");

	sleep_in_it();
	busy(shadowk_patch_remove(shadow, "p"), "removing, below a sleeper");
	wake(-EPERM, "the new body, to its end");
	expect_eq(getuid_of_sleeper(), 4242, "the other function, not removed");
	waits(shadowk_process_detach(device(), sleeper.pid), -EPERM, "detaching");
	expect_eq(getuid_of_sleeper(), 0, "the other function, detached");
	waits(shadowk_process_attach(shadow, sleeper.pid), -EINTR, "attaching");
	waits(shadowk_patch_remove(shadow, "p"), -EPERM, "removing");
	expect_eq(getuid_of_sleeper(), 0, "the other function, removed");

	sleep_in_it();
	need_ok(add_to(shadow, SHADOWK_PATCH_UNSAFE_NOW));
	expect(sleeps_in(sleeper.pid, SYS_pause), "it sleeps on");
	wake(-EINTR, "the old body, to its end, at once");
	sleep_in_it();
	need_ok(shadowk_patch_remove(shadow, "p"));
	wake(-EPERM, "the new body, to its end, at once");
	need_ok(add_to(shadow, 0));
	sleep_in_it();
	need_ok(shadowk_patch_remove_flags(shadow, "p", SHADOWK_PATCH_UNSAFE_NOW));
	wake(-EPERM, "the new body, to its end, removed at once");

	shadow_derive(shared, SHADOWK_RIGHT_READ, NULL);
	need_ok(add_to(shared, 0));
	patch_remove(shared, "p");
	shadow_derive(shared, SHADOWK_RIGHT_ATTACH, NULL);
	expect_refused(add_to(shared, 0), -EOPNOTSUPP, SHADOWK_REASON_SHARED,
		       "where threads cannot be waited for");
	need_ok(add_to(shared, SHADOWK_PATCH_UNSAFE_NOW));
	patch_remove(shared, "p");
	actor_end(&sleeper);
	close(fd);
	expect(eventually(!module_unload("shk_livepatch_pause")), "its module can be unloaded");
	return finish();
}
