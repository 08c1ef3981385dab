// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=240 */
/*
 * No stretch begins or ends while another thread of the process sleeps in a body that would change.
 * The call waits, then fails with EBUSY, names the thread and changes nothing.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"

static struct {
	pid_t tid;
	pthread_t thread;
	sem_t go, done;
	long result;
} sleeper;

static void on_signal(int signal)
{
}

static void *sleep_when_told(void *unused)
{
	sleeper.tid = gettid();
	sem_post(&sleeper.done);
	for (;;) {
		sem_wait(&sleeper.go);
		sleeper.result = job_syscall(SYS_pause);
		sem_post(&sleeper.done);
	}
	return NULL;
}

static void sleep_in_it(void)
{
	sem_post(&sleeper.go);
	expect(eventually(sleeps_in(sleeper.tid, SYS_pause)),
	       "the sleeper did not sleep in pause()");
}

static void wake(long result, const char *what)
{
	pthread_kill(sleeper.thread, SIGUSR1);
	sem_wait(&sleeper.done);
	expect_ret(sleeper.result, result, "%s", what);
}

static void *wake_soon(void *arg)
{
	usleep(500000);
	pthread_kill(sleeper.thread, SIGUSR1);
	return NULL;
}

static void busy(int err, const char *what)
{
	expect_in_the_way(sleeper.tid, err, what);
}

#define waits(change, result_, what)                                                           \
	do {                                                                                   \
		pthread_t thread;                                                              \
		sleep_in_it();                                                                 \
		need(!pthread_create(&thread, NULL, wake_soon, NULL));                         \
		expect_ret(change, 0, what);                                                   \
		sem_wait(&sleeper.done);                                                       \
		expect_ret(sleeper.result, result_, what ", result of the sleeper's pause()"); \
		pthread_join(thread, NULL);                                                    \
	} while (0)

static long getuid_here(void)
{
	return job_syscall(SYS_getuid);
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL), *other = shadow_new(NULL);

	need_pause_in_place();
	inplace_load();
	need(signal(SIGUSR1, on_signal) != SIG_ERR);
	need(!sem_init(&sleeper.go, 0, 0) && !sem_init(&sleeper.done, 0, 0));
	need(!pthread_create(&sleeper.thread, NULL, sleep_when_told, NULL));
	sem_wait(&sleeper.done);
	need_ok(patch_in_place(shadow, "p", "shk_inplace"));

	sleep_in_it();
	busy(shadowk_enter(shadow), "enter, with a sleeper in the base's body");
	expect_eq(getuid_here(), 0, "getuid(), the patch's other function, outside");
	wake(-EINTR, "pause() of the sleeper, in the base's body");
	waits(shadowk_enter(shadow), -EINTR, "enter");
	expect_eq(getuid_here(), 4242, "getuid(), inside");

	sleep_in_it();
	expect_ret(shadowk_enter(shadow), 0, "enter the same shadow");
	expect_ret(shadowk_leave(shadow), 0, "leave for the same shadow");
	busy(shadowk_leave(shadow), "leave for the base, with a sleeper in the body in place");
	expect_eq(getuid_here(), 4242, "getuid(), still inside");
	wake(-EPERM, "pause() of the sleeper, in the body in place");
	waits(shadowk_leave(shadow), -EPERM, "leave for the base");
	expect_eq(getuid_here(), 0, "getuid(), outside again");

	need_ok(shadowk_enter(other));
	need_ok(shadowk_enter(shadow));
	sleep_in_it();
	busy(shadowk_leave(shadow), "leave for another shadow");
	expect_eq(shadow_of(0), shadow_info(shadow).id, "shadow after a refused leave");
	wake(-EPERM, "pause() of the sleeper, in the body in place");
	waits(shadowk_leave(shadow), -EPERM, "leave for another shadow");
	expect_eq(shadow_of(0), shadow_info(other).id, "shadow after leave");
	need_ok(shadowk_leave(other));

	shadow_close(shadow);
	shadow_close(other);
	expect(eventually(!module_unload("shk_inplace")), "shk_inplace cannot be unloaded");
	return finish();
}
