/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An actor is a process that does as it is told, function by function. The test
 * itself stays outside and puts actors into shadows. Actors die with the test.
 */
#ifndef SHADOWK_TEST_ACTOR_H
#define SHADOWK_TEST_ACTOR_H

#include <stdatomic.h>

#include "check.h"

struct actor {
	pid_t pid;
	int to, from;
};

typedef long (*job_fn)(long arg);

/* On that CPU, or anywhere if -1. It does not hold the test's shadows. */
void actor_start(struct actor *actor, int cpu);
/* The same, with handles of them. */
void actor_start_holding(struct actor *actor, int cpu);
/* @job(@arg) in the actor; returns what that returns. */
long actor_do(struct actor *actor, job_fn job, long arg);
/* The two halves of it. */
void actor_ask(struct actor *actor, job_fn job, long arg);
long actor_answer(struct actor *actor);
/* It exits, and has been waited for. */
void actor_end(struct actor *actor);

/* A child that is killed when its parent ends; 0 in the child. */
pid_t fork_tied(void);
/* Wait for a child; its exit status, or -signal. */
int wait_for(pid_t pid);
/* The same, for @ms at most; false: it goes on. *@status is waitpid()'s, unless NULL. */
bool ends_within(pid_t pid, unsigned long ms, int *status);

/* Is that thread asleep in the system call @nr? */
bool sleeps_in(pid_t thread, long nr);

/* Is it in one of these, R, S, D, T, Z as in /proc/PID/stat? */
bool has_state(pid_t thread, const char *states);

/* Until somebody else has counted on. */
void wait_past(atomic_ulong *count);

void pin(int cpu);
unsigned int nr_cpus(void);

/* Jobs: that many calls of a system call that does next to nothing. */
#define GETPPID "__x64_sys_getppid"
#define GETPID	"__x64_sys_getpid"
#define GETUID	"__x64_sys_getuid"
long job_getppid(long n);
long job_getpid(long n);
long job_getuid(long n);
/* That many bytes, each by a read() of /dev/zero. */
long job_read_zero(long n);

#endif /* SHADOWK_TEST_ACTOR_H */
