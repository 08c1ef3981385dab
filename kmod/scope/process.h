/* SPDX-License-Identifier: GPL-2.0-only */
/* The process as a scope: pids of the caller's namespace on one side, mms on the other. */
#ifndef SHK_PROCESS_H
#define SHK_PROCESS_H

#include "shadow/shadow.h"

/*
 * Errors as in struct shk_process. @from is NULL for any shadow. Who may do it
 * is decided here, as it depends on the process. With -EBUSY, @busy is the thread
 * that is in the way, or 0.
 */
int shk_process_attach(struct shk_shadow *shadow, pid_t pid, pid_t *busy);
int shk_process_detach(struct shk_shadow *from, pid_t pid, pid_t *busy);
/* Does every stub of the shadow ask whether the thread is to act? edit/'s; the shadow is locked. */
typedef void (*shk_ask_threads)(struct shk_shadow *shadow, bool ask);
/* Errors as in struct shk_enter. @ask: for current alone; NULL: for its process. */
int shk_process_enter(struct shk_shadow *shadow, shk_ask_threads ask, pid_t *busy);
int shk_process_leave(struct shk_shadow *from, pid_t *busy);
/*
 * Some thread of @task's process that has an mm, or NULL: who has exited is still the one
 * by which the process is known, and in its cgroup. RCU.
 */
struct task_struct *shk_process_living(struct task_struct *task);
int shk_process_info(struct shk_process_info *info);
int shk_process_next(struct shk_shadow *shadow, struct shk_process_next *next);

#endif /* SHK_PROCESS_H */
