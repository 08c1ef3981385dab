/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sleeper is a process that sleeps in pause(). shk_inplace.ko replaces the body of pause() in
 * place, so the sleeper is in the way of changes of that body.
 */
#ifndef SHADOWK_TEST_SLEEPER_H
#define SHADOWK_TEST_SLEEPER_H

#include <pthread.h>
#include <sys/syscall.h>

#include "actor.h"

/* The test starts it with actor_start() and then calls sleeper_ready(). */
extern struct actor sleeper;

/* Makes the actor handle SIGUSR1, so that the signal wakes it and does not kill it. */
void sleeper_ready(struct actor *actor);
void sleep_in_it(void);
/* Wakes the sleeper. pause() must return @result, which tells which body it executed. */
void wake(long result, const char *what);
/* Wakes the sleeper after half a second. For pthread_create(). */
void *wake_soon(void *unused);
/* @err must say that the sleeper is in the way. It must still sleep. */
void busy(int err, const char *what);

/*
 * @change must wait for the sleeper and succeed after it has woken. Its pause() must return
 * @result.
 */
#define waits(change, result, what)                                    \
	do {                                                           \
		pthread_t thread;                                      \
		sleep_in_it();                                         \
		need(!pthread_create(&thread, NULL, wake_soon, NULL)); \
		expect_ret(change, 0, what);                           \
		expect_ret(actor_answer(&sleeper), result,             \
			   what ", result of the sleeper's pause()");  \
		pthread_join(thread, NULL);                            \
	} while (0)

#endif /* SHADOWK_TEST_SLEEPER_H */
