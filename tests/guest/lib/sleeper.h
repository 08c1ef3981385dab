/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that sleeps in pause(), whose body shk_inplace.ko replaces in place, and so
 * is in the way of what would change that under it.
 */
#ifndef SHADOWK_TEST_SLEEPER_H
#define SHADOWK_TEST_SLEEPER_H

#include <pthread.h>
#include <sys/syscall.h>

#include "actor.h"

/* Made by actor_start(); then sleeper_ready(). */
extern struct actor sleeper;

/* An actor that a signal wakes, and does not end. */
void sleeper_ready(struct actor *actor);
void sleep_in_it(void);
/* It wakes, and pause() returns @result, which says whose body it was in. */
void wake(long result, const char *what);
/* For pthread_create(). */
void *wake_soon(void *unused);
/* @err says that it is in the way; it sleeps on. */
void busy(int err, const char *what);

/* @change() is done when the sleeper has woken. */
#define waits(change, result, what)                                                  \
	do {                                                                         \
		pthread_t thread;                                                    \
		sleep_in_it();                                                       \
		need(!pthread_create(&thread, NULL, wake_soon, NULL));               \
		expect_ret(change, 0, what);                                         \
		expect_ret(actor_answer(&sleeper), result, what ", to the sleeper"); \
		pthread_join(thread, NULL);                                          \
	} while (0)

#endif /* SHADOWK_TEST_SLEEPER_H */
