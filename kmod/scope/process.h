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
 * Attaches the process that @arg names to @shadow (SHK_PROCESS_ATTACH). On return all threads of
 * the process execute the text of @shadow. All stretches of the process, the times from SHK_ENTER
 * to SHK_LEAVE, have ended. @granted: the caller's handle was derived with SHK_RIGHT_ATTACH. The
 * caller then needs no CAP_SYS_ADMIN, but can attach only its own process. Returns 0 or
 *
 *   -EINVAL		@arg->flags, ->pidfd or ->reserved is invalid
 *   NOT_PIDFD, KERNEL_THREAD, PROCESS_EXITED
 *   CAPABILITY		CAP_SYS_ADMIN is missing, and @granted is false
 *   RIGHTS		@granted is true, and the process is not the caller's own
 *   NOT_DELEGATED	CAP_SYS_ADMIN is missing. The process is in another shadow, to which it was
 *			not attached by SHK_RIGHT_ATTACH; or it has a pending attach (graft.h)
 *   BOUND_BY_CGROUP	the binding of the process's cgroup wants the process elsewhere, or splits
 *			the cgroup between two shadows
 *   CAPTURED_TOOL	the process is in a helper, a shadow whose tools trace another shadow
 *			(edit/capture.h)
 *   SHADOW_DESTROYED	@shadow was destroyed, or the target of @shadow (graft.h)
 *   TASK_BUSY		for three seconds thread @arg->busy was in fork, exec or a body that changes
 *   FTRACE_DISABLED, FTRACE_DEAD, XEN, -ENOMEM
 *   -ERESTARTSYS	a signal came; nothing has changed
 */
int shk_process_attach(struct shk_shadow *shadow, bool granted, struct shk_process *arg);
/*
 * Detaches the process that @arg names from @from (SHK_PROCESS_DETACH). If @from is NULL, the
 * process may be in any shadow. On return all threads of the process execute the base. All
 * stretches of the process, the times from SHK_ENTER to SHK_LEAVE, have ended. Takes no shadow's
 * lock; the caller holds none. @granted: the caller's handle was derived with SHK_RIGHT_ATTACH. The
 * caller then needs no CAP_SYS_ADMIN, but can detach only its own process. Returns 0 or
 *
 *   -EINVAL		@arg->flags, ->pidfd or ->reserved is invalid
 *   NOT_PIDFD, KERNEL_THREAD, PROCESS_EXITED
 *   CAPABILITY		CAP_SYS_ADMIN is missing, and @granted is false
 *   RIGHTS		@granted is true, and the process is not the caller's own
 *   NOT_DELEGATED	CAP_SYS_ADMIN is missing. The process is in a shadow, to which it was not
 *			attached by SHK_RIGHT_ATTACH; or it has a pending attach (graft.h)
 *   BOUND_BY_CGROUP	the binding of the process's cgroup wants the process in a shadow
 *   CAPTURED_TOOL	the process is in a helper, a shadow whose tools trace another shadow
 *			(edit/capture.h)
 *   NOT_INSIDE		the process is not in @from, or in no shadow
 *   TASK_BUSY		for three seconds thread @arg->busy was in fork, exec or a body that changes
 *   -ERESTARTSYS	a signal came; nothing has changed
 */
int shk_process_detach(struct shk_shadow *from, bool granted, struct shk_process *arg);
/*
 * Callback of shk_process_enter(). If @ask, makes each patched function of @shadow test which
 * thread calls it. If not @ask, makes them cease to test. The shadow's lock is held. The callback
 * is in edit/, a layer of which scope/ includes no headers.
 */
typedef void (*shk_ask_threads)(struct shk_shadow *shadow, bool ask);
/*
 * Begins a stretch of current's process in @shadow (SHK_ENTER): the process executes the text of
 * @shadow until shk_process_leave(). If @ask is not NULL, it is a SHK_THREAD stretch: edits act on
 * current, not on threads without such a stretch. The function then calls @ask with true before the
 * stretch begins. After an error it calls @ask with the old state. The shadow's lock is held in
 * both calls. @granted: the caller's handle was derived with SHK_RIGHT_ATTACH, so it needs no
 * CAP_SYS_ADMIN. Returns 0 or
 *
 *   CAPABILITY		CAP_SYS_ADMIN is missing, and @granted is false
 *   NOT_DELEGATED	CAP_SYS_ADMIN is missing. The process is in another shadow, to which it was
 *			not attached by SHK_RIGHT_ATTACH; or it has a pending attach (graft.h)
 *   STRETCHES_FULL	the process is in SHK_ENTER_DEPTH stretches already
 *   THREAD_STRETCH	a SHK_THREAD stretch of the process excludes this stretch
 *   EDITS_FOR_ALL	with @ask: @shadow has edits that cannot test the thread
 *   POLICY		with @ask: interrupts or kernel threads execute @shadow, too
 *   SYSCALLS_ONLY	with @ask: @shadow has a target (graft.h)
 *   SHADOW_DESTROYED	@shadow was destroyed, or the target of @shadow
 *   TASK_BUSY		for three seconds thread *@busy was in fork, exec or a body that changes
 *   FTRACE_DISABLED, FTRACE_DEAD, XEN, -ENOMEM
 *   -ERESTARTSYS	a signal came; nothing has changed
 */
int shk_process_enter(struct shk_shadow *shadow, bool granted, shk_ask_threads ask, pid_t *busy);
/*
 * Ends the innermost stretch of current's process, which must be in @from (SHK_LEAVE). The process
 * returns to the shadow in which it was when that stretch began, or to the base. If that shadow was
 * destroyed meanwhile, the next outer stretch decides in the same way. Takes the lock of the shadow
 * that the process returns to. Returns 0 or
 *
 *   NO_STRETCH		the process is in no stretch (SHK_ENTER to SHK_LEAVE), or is not in @from;
 *			or it has SHK_THREAD stretches, none of which is current's
 *   TASK_BUSY		for three seconds thread *@busy was in fork, exec or a body that changes
 *   XEN		Xen refused the change of the page tables
 *   -ERESTARTSYS	a signal came; nothing has changed
 */
int shk_process_leave(struct shk_shadow *from, pid_t *busy);
/*
 * Returns a thread of @task's process that has an mm, or NULL if all have exited. @task itself may
 * have exited: pids and cgroups lead to the thread-group leader, which stays as a zombie while
 * other threads live. The caller holds the RCU read lock, under which the thread stays. Any
 * context.
 */
struct task_struct *shk_process_living(struct task_struct *task);
/*
 * Writes to @info the id and the name of the shadow in which the process is that @info->flags and
 * ->pidfd name (SHK_PROCESS_INFO). A process with a pending attach (graft.h) counts as inside
 * already. Sleeps; no shadow's lock is held. Returns 0 or
 *
 *   -EINVAL		@info->flags, ->pidfd or ->reserved
 *   NOT_PIDFD, KERNEL_THREAD, PROCESS_EXITED
 *   CAPABILITY		it is not current's process, and CAP_SYS_ADMIN is missing
 *   NOT_INSIDE		the process executes the base
 *   -ERESTARTSYS	a signal came
 */
int shk_process_info(struct shk_process_info *info);
/*
 * Writes the next process of a walk over the processes inside @shadow to @next (SHK_PROCESS_LIST).
 * Before the first call the caller sets *@cursor to 0; each call advances it. Before each call the
 * caller zeroes @next.
 *
 * The walk visits mms in the order in which they were attached, and finds one process for each. If
 * @shadow is a target, it also visits the mms inside its caller shadows (graft.h). If all tasks of
 * an mm have exited, the call returns 0 and @next stays zero.
 *
 * Takes shk_graft_lock; sleeps. Returns 0; -ENOENT: there is no further mm.
 */
int shk_process_next(struct shk_shadow *shadow, u64 *cursor, struct shk_process_entry *next);

#endif /* SHK_PROCESS_H */
