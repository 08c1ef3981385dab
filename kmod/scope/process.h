/* SPDX-License-Identifier: GPL-2.0-only */
/* The process as a scope: pids of the caller's namespace on one side, mms on the other. */
#ifndef SHK_PROCESS_H
#define SHK_PROCESS_H

#include "shadow/shadow.h"

/*
 * SHK_PROCESS_ATTACH and SHK_PROCESS_DETACH; @from is NULL for any shadow. Both check the caller's
 * permission, since it depends on the process. @granted: the handle was derived with
 * SHK_RIGHT_ATTACH.
 */
int shk_process_attach(struct shk_shadow *shadow, bool granted, struct shk_process *arg);
int shk_process_detach(struct shk_shadow *from, bool granted, struct shk_process *arg);
/* Does every stub of the shadow ask whether the thread is to act? edit/'s; the shadow is locked. */
typedef void (*shk_ask_threads)(struct shk_shadow *shadow, bool ask);
/* Errors as in struct shk_enter. @ask: for current alone; NULL: for its process. */
int shk_process_enter(struct shk_shadow *shadow, bool granted, shk_ask_threads ask, pid_t *busy);
int shk_process_leave(struct shk_shadow *from, pid_t *busy);
/*
 * Some thread of @task's process that has an mm, or NULL: who has exited is still the one
 * by which the process is known, and in its cgroup. RCU.
 */
struct task_struct *shk_process_living(struct task_struct *task);
int shk_process_info(struct shk_process_info *info);
/* The process behind *@cursor, which moves there. -ENOENT: there is none. @next is zero on entry. */
int shk_process_next(struct shk_shadow *shadow, u64 *cursor, struct shk_process_entry *next);

#endif /* SHK_PROCESS_H */
