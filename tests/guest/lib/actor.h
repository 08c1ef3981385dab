/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An actor is a process that calls the functions that the test sends it. The test stays outside and
 * puts actors into shadows. Actors are killed when the test ends.
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

/* Starts an actor on CPU @cpu, or on any CPU if @cpu is -1. It holds no handles of the test. */
void actor_start(struct actor *actor, int cpu);
/* Starts an actor that inherits the test's handles. */
void actor_start_holding(struct actor *actor, int cpu);
/* Calls @job(@arg) in the actor, waits for it and returns its result. */
long actor_do(struct actor *actor, job_fn job, long arg);
/* actor_ask() starts @job(@arg) in the actor, and actor_answer() waits for its result. */
void actor_ask(struct actor *actor, job_fn job, long arg);
long actor_answer(struct actor *actor);
/* Lets the actor exit and waits for it. The actor must be idle. */
void actor_end(struct actor *actor);

/* Forks a child that is killed when its parent ends. Returns 0 in the child. */
pid_t fork_tied(void);
/* Waits for a child and returns its exit status, or -signal if a signal has killed it. */
int wait_for(pid_t pid);
/*
 * Waits for a child for @ms at most and returns false if it is still running then. Otherwise
 * *@status is the status of waitpid(), unless @status is NULL.
 */
bool ends_within(pid_t pid, unsigned long ms, int *status);

/* True if @thread sleeps in the system call @nr. */
bool sleeps_in(pid_t thread, long nr);

/* True if the thread's state is one of @states, letters of /proc/PID/stat: R, S, D, T, Z. */
bool has_state(pid_t thread, const char *states);

/* Returns when another task has incremented @count. */
void wait_past(atomic_ulong *count);

void pin(int cpu);
unsigned int nr_cpus(void);

/* Jobs that make @n system calls, which change nothing. */
#define GETPPID "__x64_sys_getppid"
#define GETPID	"__x64_sys_getpid"
#define GETUID	"__x64_sys_getuid"
long job_getppid(long n);
long job_getpid(long n);
long job_getuid(long n);
/* A job that sends @n SIGURG to the process itself, which are ignored. */
long job_signals(long n);
/* A job that reads @n bytes of /dev/zero, one by each read(). */
long job_read_zero(long n);

#endif /* SHADOWK_TEST_ACTOR_H */
