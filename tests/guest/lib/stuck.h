/* SPDX-License-Identifier: GPL-2.0-only */
/* Actors that do not come when they are waited for, and what holds them. */
#ifndef SHADOWK_TEST_STUCK_H
#define SHADOWK_TEST_STUCK_H

#include "actor.h"

/* Before the first actor starts. */
void stuck_init(void);

/* Has a thread of that process a state that begins so, as in /proc/PID/status? */
bool some_thread_has_state(pid_t pid, const char *state);

/*
 * The file system of /root is frozen: who writes to a mapping of a file there sleeps in its fault.
 * It thaws after @seconds, or when the test ends, if root_thaw() does not come before. False: it
 * cannot be frozen.
 */
bool root_freeze(unsigned int seconds);
void root_thaw(void);
/* Jobs: map a page of the file @path, which the root has, at @where (NULL: anywhere) ... */
#define FROZEN_FILE "/root/frozen"
long job_map_frozen(long where);
/* ... and let a thread write to it, and wait for that, or not. */
long job_write_frozen(long wait);

/* A page whose faults are for who reads that userfaultfd to serve; NULL: there is none. */
char *map_unserved(int *fd);
/* A thread writes to @page; and that is waited for, or not. 0 or -errno. */
long write_in_thread(volatile char *page, bool wait);

/*
 * The actor executes @program, and exec waits, with cred_guard_mutex held, for its other thread,
 * which has a tracer, the test, that does not let it exit. Until exec_release().
 */
void exec_hold(struct actor *actor, const char *program);
void exec_release(void);

#endif /* SHADOWK_TEST_STUCK_H */
