/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stretches of system calls, SHK_ENTER and SHK_LEAVE. A process, or some of its threads, is in a
 * shadow from shk_graft_enter() to shk_graft_return(), and then returns to where it was before.
 * stretch.h describes what a stretch remembers.
 *
 * In all of these @change->mm is current's mm. The caller holds cred_guard_mutex of its process.
 */
#ifndef SHK_ENTER_H
#define SHK_ENTER_H

#include "graft/attach.h"

/*
 * Begins a stretch in @shadow (SHK_ENTER): attaches @change->mm to @shadow. For shk_graft_return()
 * the stretch remembers the shadow in which the mm was before, or the base. After a return of 0,
 * all threads of the process execute the text of @shadow. Stretches nest, also across shadows and
 * in @shadow itself. A pending attach of the process is cancelled.
 *
 * A child that fork creates is in the same stretches and leaves them by itself. A program that
 * exec runs stays in @shadow, in no stretch. Every attach or detach of the process ends all
 * stretches.
 *
 * @delegated: the caller has no CAP_SYS_ADMIN and acts by SHK_RIGHT_ATTACH of its handle.
 *
 * The caller has locked @shadow, and called shk_graft_prealloc() for @change->deferred. Afterwards,
 * also after an error, the caller unlocks and calls shk_deferred_put_run(). Sleeps.
 *
 * Returns 0, or an error after which the text of the mm is unchanged:
 *   -EAGAIN            The thread @change->busy is in a function whose code one of the two shadows
 *                      has overwritten. If @change->busy is 0, the mm has changed its shadow
 *                      meanwhile. The caller releases all locks and tries again after
 *                      shk_busy_task_wait().
 *   -ENOMEM            no memory for the stretch, or for tables or hooks of @shadow
 *   FTRACE_DISABLED    @shadow has no tables yet, and ftrace is switched off
 *   FTRACE_DEAD        @shadow has no tables yet, and ftrace has stopped after a fault
 *   NOT_DELEGATED      @delegated, and the mm is in another shadow but not by delegation, or its
 *                      process has a pending attach
 *   SHADOW_DESTROYED   @shadow or its target was destroyed
 *   STRETCHES_FULL     the mm is in SHK_ENTER_DEPTH stretches already
 *   THREAD_STRETCH     the mm is in a SHK_THREAD stretch
 *   XEN                Xen refused a change of page tables
 *   any                the error that @change->check() returned
 */
int shk_graft_enter(struct shk_shadow *shadow, bool delegated, struct shk_change *change);

/*
 * Begins a SHK_THREAD stretch in @shadow, one of current alone. The whole process executes the text
 * of @shadow, but edits act only on current, and on other threads that have begun such a stretch
 * and not ended it. A thread may begin several; edits act on it until it has ended as many.
 *
 * If the process is in @shadow already and edits act on all its threads, the stretch is an ordinary
 * one, without SHK_THREAD: edits act on all threads. A pending attach of the process is cancelled.
 *
 * If current forks, the child is in the same stretches, and edits act on all its threads. For fork
 * and exec by threads on which edits do not act see inherit_mm() in inherit.c.
 *
 * @delegated: the caller has no CAP_SYS_ADMIN and acts by SHK_RIGHT_ATTACH of its handle.
 *
 * The caller has locked @shadow, and called shk_graft_prealloc() for @change->deferred. Afterwards,
 * also after an error, the caller unlocks and calls shk_deferred_put_run(). Sleeps.
 *
 * Returns 0, or an error after which the text of the mm is unchanged:
 *   -EAGAIN            The thread @change->busy is in a function whose code one of the two shadows
 *                      has overwritten. If @change->busy is 0, the mm has changed its shadow
 *                      meanwhile. The caller releases all locks and tries again after
 *                      shk_busy_task_wait().
 *   -ENOMEM            no memory for the stretch, the thread, or tables or hooks of @shadow
 *   EDITS_FOR_ALL      @shadow has edits that cannot test the thread
 *   FTRACE_DISABLED    @shadow has no tables yet, and ftrace is switched off
 *   FTRACE_DEAD        @shadow has no tables yet, and ftrace has stopped after a fault
 *   NOT_DELEGATED      @delegated, and the mm is in another shadow but not by delegation, or its
 *                      process has a pending attach
 *   POLICY             interrupts or kernel threads execute @shadow, too (OWNER, CAUSAL)
 *   SHADOW_DESTROYED   @shadow was destroyed
 *   STRETCHES_FULL     the mm is in SHK_ENTER_DEPTH stretches already
 *   SYSCALLS_ONLY      @shadow has a target
 *   THREAD_STRETCH     the mm is in a SHK_THREAD stretch in another shadow
 *   XEN                Xen refused a change of page tables
 *   any                the error that @change->check() returned
 */
int shk_graft_enter_thread(struct shk_shadow *shadow, bool delegated, struct shk_change *change);

/*
 * Ends the innermost stretch of @change->mm (SHK_LEAVE). The mm returns to where that stretch
 * began: to the base, or to a shadow and the stretch there. If that shadow was destroyed meanwhile,
 * the next outer stretch says where the mm returns, and so on; the base if none is left. The
 * stretches that are passed over end, too.
 *
 * In a SHK_THREAD stretch edits act on current until it has ended as many stretches as it has
 * begun. When the outermost SHK_THREAD stretch has ended, edits act on all threads of the process
 * again: those of the shadow that the mm has returned to.
 *
 * @from: the shadow in which the mm must be, else NO_STRETCH is returned. @change->check: the
 * caller leaves it NULL; this function sets it, and sets it to NULL again before it returns.
 *
 * The caller holds no shadow's lock; this function locks the shadow that the mm returns to. Sleeps.
 * Afterwards, also after an error, the caller calls shk_deferred_put_run().
 *
 * Returns 0, or an error after which the text of the mm is unchanged:
 *   -EAGAIN            The thread @change->busy is in a function whose code one of the two shadows
 *                      has overwritten. If @change->busy is 0, the place to return to has changed
 *                      meanwhile, or a fork or exec in the mm is in its first steps.
 *   -ERESTARTSYS       the caller was killed while it waited for the lock of a shadow
 *   NO_STRETCH         the mm is in no stretch, or not in @from; or edits act on some threads of
 *                      the process only, and current is none of them
 *   XEN                Xen refused a change of page tables
 */
int shk_graft_return(const struct shk_shadow *from, struct shk_change *change);

#endif /* SHK_ENTER_H */
