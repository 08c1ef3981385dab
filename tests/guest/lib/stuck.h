/* SPDX-License-Identifier: GPL-2.0-only */
/* Actors for which the module has to wait, because something holds them up. */
#ifndef SHADOWK_TEST_STUCK_H
#define SHADOWK_TEST_STUCK_H

#include "actor.h"

/* Must be called before the first actor starts. */
void stuck_init(void);

/* True if a thread of process @pid has a state that begins with @state, as in /proc/PID/status. */
bool some_thread_has_state(pid_t pid, const char *state);

/*
 * Freezes the file system of /root: a task that writes to a mapping of a file there sleeps in its
 * fault. It is thawed by root_thaw(), after @seconds, or when the test ends. Returns false if it
 * cannot be frozen.
 */
bool root_freeze(unsigned int seconds);
void root_thaw(void);
/*
 * A job: maps a page of FROZEN_FILE at address @where, or anywhere if 0. Returns its first byte or
 * -errno.
 */
#define FROZEN_FILE "/root/frozen"
long job_map_frozen(long where);
/* A job: a thread writes to that page. Waits for the thread if @wait. Returns 0 or -errno. */
long job_write_frozen(long wait);

/* Maps a page whose faults wait for a reader of the userfaultfd *@fd. Returns NULL on error. */
char *map_unserved(int *fd);
/* A thread writes to @page. Waits for the thread if @wait. Returns 0 or -errno. */
long write_in_thread(volatile char *page, bool wait);

/*
 * Makes the actor execute @program. The exec holds cred_guard_mutex and waits for the actor's other
 * thread to exit. The test traces that thread and stops it at its exit, until exec_release().
 */
void exec_hold(struct actor *actor, const char *program);
void exec_release(void);

#endif /* SHADOWK_TEST_STUCK_H */
