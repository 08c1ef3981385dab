/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process as a scope: SHK_PROCESS_*, SHK_ENTER and SHK_LEAVE. Finds the process that the
 * caller means, checks permissions that depend on it, and keeps exec from changing its mm
 * meanwhile.
 *
 * shk_process_attach(), _detach(), _enter() and _leave() sleep, and are called without locks.
 * They take the process's cred_guard_mutex, the lock of the shadow that it comes into, text_mutex
 * and shk_graft_lock. A process that is in fork, exec or a body that changes is waited for, three
 * seconds at most. Then *@busy or @arg->busy is the thread that was in the way, as current's pid
 * namespace has it; -1 if it is not visible there.
 */
#ifndef SHK_PROCESS_H
#define SHK_PROCESS_H

#include "shadow/shadow.h"

/*
 * Attaches the process that @arg names to @shadow: all its threads execute the shadow's text on
 * return, and its stretches are over (SHK_PROCESS_ATTACH). @granted: the caller's handle was
 * derived with SHK_RIGHT_ATTACH, which suffices for the caller's own process. Returns 0 or
 *
 *   -EINVAL		@arg->flags, ->pidfd or ->reserved
 *   NOT_PIDFD, KERNEL_THREAD, PROCESS_EXITED
 *   CAPABILITY		no CAP_SYS_ADMIN, and not @granted or not the caller's own process
 *   NOT_DELEGATED	CAP_SYS_ADMIN is missing, and the process is in another shadow, to which it
 *			was not attached by SHK_RIGHT_ATTACH
 *   BOUND_BY_CGROUP	a cgroup's binding wants the process elsewhere, or is split
 *   SHADOW_DESTROYED	of @shadow, or of its target
 *   TASK_BUSY		@arg->busy was in the way
 *   FTRACE_DISABLED, FTRACE_DEAD, XEN, -ENOMEM
 *   -ERESTARTSYS	a signal came; nothing has changed
 */
int shk_process_attach(struct shk_shadow *shadow, bool granted, struct shk_process *arg);
/*
 * Detaches the process that @arg names from @from, or from any shadow if that is NULL: it
 * executes the base on return, and its stretches are over (SHK_PROCESS_DETACH). @granted as in
 * shk_process_attach(). Takes no shadow's lock. Returns 0 or
 *
 *   -EINVAL		@arg->flags, ->pidfd or ->reserved
 *   NOT_PIDFD, KERNEL_THREAD, PROCESS_EXITED
 *   CAPABILITY		no CAP_SYS_ADMIN, and not @granted or not the caller's own process
 *   NOT_DELEGATED	CAP_SYS_ADMIN is missing, and SHK_RIGHT_ATTACH has not attached the process
 *   BOUND_BY_CGROUP	a cgroup's binding wants the process in a shadow
 *   NOT_INSIDE		the process is not in @from, or in no shadow
 *   TASK_BUSY		@arg->busy was in the way
 *   -ERESTARTSYS	a signal came; nothing has changed
 */
int shk_process_detach(struct shk_shadow *from, bool granted, struct shk_process *arg);
/*
 * Makes each patched function of @shadow test which thread calls it, or cease to do so if @ask is
 * false. The shadow is locked. The function is in edit/, which this layer does not include.
 */
typedef void (*shk_ask_threads)(struct shk_shadow *shadow, bool ask);
/*
 * Begins a stretch of current's process in @shadow (SHK_ENTER). If @ask is not NULL, the stretch
 * is of current alone (SHK_THREAD), and @ask is called with the shadow locked. @granted as in
 * shk_process_attach(). Returns 0 or
 *
 *   CAPABILITY		CAP_SYS_ADMIN is missing, and not @granted
 *   NOT_DELEGATED	as in shk_process_attach()
 *   STRETCHES_FULL, THREAD_STRETCH
 *   EDITS_FOR_ALL, POLICY, SYSCALLS_ONLY: only with @ask
 *   SHADOW_DESTROYED	of @shadow, or of its target
 *   TASK_BUSY		*@busy was in the way
 *   FTRACE_DISABLED, FTRACE_DEAD, XEN, -ENOMEM
 *   -ERESTARTSYS	a signal came; nothing has changed
 */
int shk_process_enter(struct shk_shadow *shadow, bool granted, shk_ask_threads ask, pid_t *busy);
/*
 * Ends the innermost stretch of current's process, which is in @from: the process is where it was
 * before (SHK_LEAVE). A shadow that was destroyed meanwhile is skipped. Takes the lock of the
 * shadow that the process returns to. Returns 0 or
 *
 *   NO_STRETCH		the process is in no stretch; or only threads other than current are in one
 *			(SHK_THREAD); or the stretch is in another shadow and returns to a shadow
 *   NOT_INSIDE		the stretch is in another shadow than @from, and returns to the base
 *   TASK_BUSY		*@busy was in the way
 *   XEN			Xen refused the change of the page tables
 *   -ERESTARTSYS	a signal came; nothing has changed
 */
int shk_process_leave(struct shk_shadow *from, pid_t *busy);
/*
 * Returns a thread of @task's process that has an mm, or NULL if all have exited. @task may have
 * exited itself: the first thread of a process stays the one in pids and cgroups while others
 * live. The caller holds the RCU read lock, under which the thread stays. Any context.
 */
struct task_struct *shk_process_living(struct task_struct *task);
/*
 * Writes id and name of the shadow of the process that @info names to @info (SHK_PROCESS_INFO). A
 * process that was attached during exec counts as inside already before its new mm is. Sleeps; no
 * shadow's lock is held. Returns 0 or
 *
 *   -EINVAL		@info->flags, ->pidfd or ->reserved
 *   NOT_PIDFD, KERNEL_THREAD, PROCESS_EXITED
 *   CAPABILITY		it is not current's process, and CAP_SYS_ADMIN is missing
 *   NOT_INSIDE		the process executes the base
 *   -ERESTARTSYS	a signal came
 */
int shk_process_info(struct shk_process_info *info);
/*
 * Writes to @next, which is zero on entry, a process inside @shadow, and moves *@cursor to it
 * (SHK_PROCESS_LIST). *@cursor is 0 at first. One process for each mm is found, in the order in
 * which mms came in; for a target also those inside its callers. @next stays zero if all tasks of
 * the mm have exited. Takes shk_graft_lock; sleeps. -ENOENT: there is no further mm.
 */
int shk_process_next(struct shk_shadow *shadow, u64 *cursor, struct shk_process_entry *next);

#endif /* SHK_PROCESS_H */
