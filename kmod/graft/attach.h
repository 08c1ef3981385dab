/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attaches an mm to a shadow, moves it to another one, or detaches it. A cgroup places its
 * processes by the same steps, and returns them if its own attach fails.
 *
 * The functions for users below may sleep. Their caller holds cred_guard_mutex of the process, so
 * that no exec changes the process's mm meanwhile.
 */
#ifndef SHK_ATTACH_H
#define SHK_ATTACH_H

#include "graft/graft.h"

/* The arguments of one attach. Read-only, except what .change and .thread point at. */
struct shk_attach_args {
	struct shk_change *change;
	/* The shadow that the mm goes to. The caller has locked it. */
	struct shk_shadow *to;
	/*
	 * On whose behalf the mm comes in: a user, a delegate or a cgroup. It becomes the origin of
	 * the graft, unless attach_origin() keeps the old one.
	 */
	struct shk_origin origin;
	/*
	 * NULL if .origin is not SHK_BY_CGROUP. *trial is true while the call that binds the cgroup
	 * can still fail. Then the graft records where the mm was (shk_graft.previous), so that
	 * shk_graft_restore() can return it. Read under shk_graft_lock.
	 */
	const bool *trial;
	/*
	 * The stretch, from SHK_ENTER to SHK_LEAVE, that this attach begins. The graft takes over
	 * the caller's reference if the attach succeeds. NULL: the attach begins none, and ends all
	 * stretches of the mm.
	 */
	struct shk_stretch *stretch;
	/*
	 * NULL: all threads of the process take part. For a SHK_THREAD stretch, *thread is an entry
	 * for current. The attach sets *thread to NULL if it uses the entry.
	 */
	struct shk_thread **thread;
};

/*
 * Attaches @change->mm to @shadow. From the return on every task that runs in the mm executes the
 * text of @shadow, and mms that fork and exec create are in @shadow, too. An mm in another shadow
 * moves. All stretches of the mm, from SHK_ENTER to SHK_LEAVE, end. A pending attach of its process
 * (struct shk_pending_attach) is cancelled.
 *
 * @delegated: the caller has no CAP_SYS_ADMIN and acts by SHK_RIGHT_ATTACH of its handle.
 *
 * The caller has locked @shadow, and called shk_graft_prealloc() for @change->deferred. Sleeps.
 * Afterwards, also after an error, the caller unlocks @shadow and calls shk_deferred_put_run().
 *
 * Returns 0, or an error after which the text of the mm is unchanged:
 *   -EAGAIN            The thread @change->busy is, or may be, in a function whose code one of the
 *                      two shadows has overwritten. If @change->busy is 0, the mm has changed its
 *                      shadow meanwhile. The caller releases all locks and tries again after
 *                      shk_busy_task_wait().
 *   -ENOMEM            no memory for tables or hooks of @shadow
 *   FTRACE_DISABLED    @shadow has no tables yet, and ftrace is switched off
 *   FTRACE_DEAD        @shadow has no tables yet, and ftrace has stopped after a fault
 *   NOT_DELEGATED      @delegated, and the mm is in another shadow but not by delegation, or its
 *                      process has a pending attach
 *   SHADOW_DESTROYED   @shadow was destroyed, or the target of @shadow (graft.h)
 *   XEN                Xen refused a change of page tables
 *   any                the error that @change->check() returned
 */
int shk_graft_attach(struct shk_shadow *shadow, bool delegated, struct shk_change *change);

/*
 * Attaches @change->mm to @shadow on behalf of the cgroup binding with the id @binding. From the
 * return on every task that runs in the mm executes the text of @shadow. fork and exec pass on both
 * the shadow and the binding. An mm in another shadow moves. All stretches of the mm, from
 * SHK_ENTER to SHK_LEAVE, end. A pending attach of its process (struct shk_pending_attach) is
 * cancelled.
 *
 * *@trial is true while the call that binds the cgroup can still fail. Then this function records
 * in shk_graft.previous where the mm was, for shk_graft_restore(): its shadow and its stretches,
 * except SHK_THREAD stretches. fork and exec pass this record on. *@trial is read under
 * shk_graft_lock.
 *
 * The caller has locked @shadow, and called shk_graft_prealloc() for @change->deferred. Sleeps.
 * Afterwards, also after an error, the caller unlocks @shadow and calls shk_deferred_put_run().
 *
 * Returns 0, or an error after which the text of the mm is unchanged:
 *   -EAGAIN            The thread @change->busy is, or may be, in a function whose code one of the
 *                      two shadows has overwritten. If @change->busy is 0, the mm has changed its
 *                      shadow meanwhile. The caller releases all locks and tries again later.
 *   -ENOMEM            no memory for tables or hooks of @shadow
 *   FTRACE_DISABLED    @shadow has no tables yet, and ftrace is switched off
 *   FTRACE_DEAD        @shadow has no tables yet, and ftrace has stopped after a fault
 *   SHADOW_DESTROYED   @shadow was destroyed, or the target of @shadow (graft.h)
 *   XEN                Xen refused a change of page tables
 *   any                the error that @change->check() returned
 */
int shk_graft_place(struct shk_shadow *shadow, u64 binding, const bool *trial,
		    struct shk_change *change);

/*
 * Returns @change->mm to its previous place, shk_graft.previous: the shadow and the stretches
 * (SHK_ENTER) in which it was before a cgroup's binding placed it. Called when the call that binds
 * the cgroup has failed, or the process has left the cgroup. An mm that fork or exec created
 * meanwhile has inherited the place from its parent.
 *
 * @binding is the id of the binding that decides where the process is; 0: none decides. The mm
 * returns only if @binding had placed it in its previous place; with 0, only if no binding had.
 *
 * If the previous shadow was destroyed, this function detaches the mm instead, and returns -EAGAIN
 * also if that succeeds. The mm then executes the base, and the next try of the caller places it.
 *
 * Only tries the lock of the previous shadow. The caller holds no shadow's lock. Sleeps.
 * Afterwards, also after an error, the caller calls shk_deferred_put_run().
 *
 * Returns 0, or an error. Except in the case above, the text of the mm is then unchanged:
 *   -EAGAIN            The thread @change->busy is, or may be, in a function whose code one of the
 *                      two shadows has overwritten. If @change->busy is 0, there are these reasons:
 *                      another task has the lock of the previous shadow, the mm has changed its
 *                      shadow, or the previous shadow was destroyed. The caller tries again later.
 *   -ENOENT            the mm has no previous place, or another binding had placed it there
 *   XEN                Xen refused a change of page tables
 *   any                the error that @change->check() returned
 */
int shk_graft_restore(u64 binding, struct shk_change *change);

/*
 * Ends the trial of the cgroup binding with the id @binding: the call that binds the cgroup has
 * succeeded, so no process returns to its former place. Sets *@trial to false under shk_graft_lock.
 * Clears shk_graft.previous, where the mm was before, of all grafts that the binding has placed.
 * Drops the references to those shadows and stretches, so the caller holds no shadow's lock. May
 * sleep. Needs no cred_guard_mutex. Cannot fail.
 */
void shk_graft_end_trial(u64 binding, bool *trial);

/*
 * Detaches @change->mm. From the return on every task that runs in the mm executes the base. All
 * stretches of the mm, from SHK_ENTER to SHK_LEAVE, end. If an exec in the mm has created a new mm
 * and does not use it yet, the new mm is detached, too. If the mm is in no shadow but its process
 * has a pending attach (struct shk_pending_attach), this function cancels the pending attach
 * instead.
 *
 * @from: the shadow in which the mm must be; NULL: any. @delegated: the caller has no CAP_SYS_ADMIN
 * and acts by SHK_RIGHT_ATTACH of its handle.
 *
 * Needs no shadow's lock. Sleeps. @change->deferred gets the detached graft. Afterwards, also after
 * an error, the caller calls shk_deferred_put_run(), which parks the graft.
 *
 * Returns 0, or an error after which the text of the mm is unchanged:
 *   -EAGAIN            The thread @change->busy is, or may be, in a function whose code the shadow
 *                      has overwritten. If @change->busy is 0, the mm has changed its shadow
 *                      meanwhile, or a fork or exec has created an mm that has no mapping yet. In
 *                      the latter case new mms are in the base for two SHK_BUSY_TASK_PAUSE, so that
 *                      the next try can succeed. The caller releases all locks and tries again
 *                      after shk_busy_task_wait().
 *   NOT_DELEGATED      @delegated, and the mm is inside but not by delegation, or its process has a
 *                      pending attach
 *   NOT_INSIDE         the mm is not in @from, or in no shadow
 *   any                the error that @change->check() returned
 */
int shk_graft_detach(const struct shk_shadow *from, bool delegated, struct shk_change *change);

/* ---- For enter.c ---- */

/*
 * Makes the tables and hooks of @args->to, if they do not exist yet, and attaches @args->change->mm
 * to that shadow. The attach begins the stretch @args->stretch. If that is NULL, all stretches of
 * the mm end. The caller has locked @args->to, and called shk_graft_prealloc() for .deferred of the
 * change. Sleeps.
 *
 * After an error, the tables and hooks that this function made are removed. The caller still owns
 * @args->stretch.
 *
 * Errors: those of shk_graft_attach(), and, if @args->stretch is not NULL,
 *   STRETCHES_FULL     the mm is in SHK_ENTER_DEPTH stretches already
 *   THREAD_STRETCH     the mm is in a SHK_THREAD stretch, and either @args->thread is NULL or the
 *                      mm is in another shadow than @args->to
 */
int shk_graft_do_attach(struct shk_attach_args *args);

/*
 * Moves @graft back to the shadow @back. Called when a stretch (SHK_ENTER to SHK_LEAVE) ends, or
 * when the call that binds a cgroup has failed. The innermost stretch of @graft becomes @stretch
 * (NULL: none). @graft->origin becomes @origin. @graft must be attached. The function takes
 * references to @back and @stretch for @graft. @deferred gets the references of @graft to the
 * shadow and the stretch that it leaves.
 *
 * shk_graft_lock, the lock of @back and text_mutex are held. Does not sleep. Returns 1 if the mm's
 * page-table entry for text was written, so that the mm must be flushed. Returns 0 if @graft is in
 * @back already; or XEN: nothing has changed.
 */
int shk_graft_attach_returning(struct shk_graft *graft, struct shk_shadow *back,
			       struct shk_stretch *stretch, struct shk_origin origin,
			       struct shk_deferred_put *deferred);

#endif /* SHK_ATTACH_H */
