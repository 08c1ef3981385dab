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
	/* The shadow that the mm goes to. Locked by the caller. */
	struct shk_shadow *to;
	/* On whose behalf. attach_origin() says when the graft keeps its old origin instead. */
	struct shk_origin origin;
	/*
	 * SHK_BY_CGROUP: true while the cgroup's own attach may still fail. Then the graft
	 * remembers where the mm was (shk_graft_restore()). Read under shk_graft_lock. Otherwise
	 * NULL.
	 */
	const bool *trial;
	/* The stretch that this attach begins; the graft gets the reference. NULL: none. */
	struct shk_stretch *stretch;
	/*
	 * SHK_THREAD stretch: an entry for current, which is set to NULL if it was used. Itself
	 * NULL: the stretch or attach is for all threads of the process.
	 */
	struct shk_thread **thread;
};

/*
 * Attaches @change->mm to @shadow. From the return on every task that runs in the mm executes the
 * text of @shadow, and fork and exec pass that on. An mm in another shadow moves. All stretches of
 * the mm end. A pending attach of its process (struct shk_pending_attach) is cancelled.
 *
 * @delegated: the caller has no CAP_SYS_ADMIN and acts by SHK_RIGHT_ATTACH of its handle.
 *
 * @shadow is locked. shk_graft_prealloc() has filled @change->deferred. Afterwards, also after an
 * error, the caller unlocks and calls shk_deferred_put_run().
 *
 * Errors; the mm executes the text that it executed before:
 *   -EAGAIN            The thread @change->busy is in a body that one of the two shadows has in
 *                      place. If @change->busy is 0, the mm has changed its shadow meanwhile. The
 *                      caller releases all locks and tries again after shk_busy_task_wait().
 *   -ENOMEM            no memory for tables or hooks of @shadow
 *   FTRACE_DISABLED    @shadow has no tables yet, and ftrace is switched off
 *   FTRACE_DEAD        @shadow has no tables yet, and ftrace has stopped after a fault
 *   NOT_DELEGATED      @delegated, and the mm is in another shadow but not by delegation, or its
 *                      process has a pending attach
 *   SHADOW_DESTROYED   @shadow or its target was destroyed
 *   XEN                Xen refused a change of page tables
 *   any                the error that @change->check() returned
 */
int shk_graft_attach(struct shk_shadow *shadow, bool delegated, struct shk_change *change);

/*
 * Attaches @change->mm to @shadow on behalf of the cgroup binding with the id @binding. From the
 * return on every task that runs in the mm executes the text of @shadow. fork and exec pass on
 * both the shadow and the binding. An mm in another shadow moves. All stretches of the mm end. A
 * pending attach of its process (struct shk_pending_attach) is cancelled.
 *
 * While *@trial is true the cgroup's own attach may still fail. Then the graft remembers for
 * shk_graft_restore() in which shadow and stretches the mm was, except SHK_THREAD stretches.
 * Grafts that fork and exec create from it remember that, too. *@trial is read under
 * shk_graft_lock.
 *
 * @shadow is locked. shk_graft_prealloc() has filled @change->deferred. Afterwards, also after an
 * error, the caller unlocks and calls shk_deferred_put_run().
 *
 * Errors; the mm executes the text that it executed before:
 *   -EAGAIN            The thread @change->busy is in a body that one of the two shadows has in
 *                      place. If @change->busy is 0, the mm has changed its shadow meanwhile.
 *   -ENOMEM            no memory for tables or hooks of @shadow
 *   FTRACE_DISABLED    @shadow has no tables yet, and ftrace is switched off
 *   FTRACE_DEAD        @shadow has no tables yet, and ftrace has stopped after a fault
 *   SHADOW_DESTROYED   @shadow or its target was destroyed
 *   XEN                Xen refused a change of page tables
 *   any                the error that @change->check() returned
 */
int shk_graft_place(struct shk_shadow *shadow, u64 binding, const bool *trial,
		    struct shk_change *change);

/*
 * Returns @change->mm to the shadow and the stretches in which it was before a cgroup's attach on
 * trial placed it. Called when that attach has failed. An mm that fork or exec created meanwhile
 * returns to where its parent was. If that shadow was destroyed, the mm is detached instead.
 *
 * @binding is the id of the cgroup binding that applies to the process now; 0: none. The mm
 * returns only if that binding had placed it there, or no binding if @binding is 0.
 *
 * Tries the lock of that shadow: the caller holds no shadow's lock. Afterwards, also after an
 * error, the caller calls shk_deferred_put_run().
 *
 * Errors; the mm executes the text that it executed before:
 *   -EAGAIN            The thread @change->busy is in a body that one of the two shadows has in
 *                      place. If @change->busy is 0, the lock is taken, or the mm has changed its
 *                      shadow meanwhile. Or a fork or exec in it is in its first steps. Or the mm
 *                      was detached, since its previous shadow was destroyed.
 *   -ENOENT            the mm remembers no shadow, or another binding had placed it there
 *   XEN                Xen refused a change of page tables
 *   any                the error that @change->check() returned
 */
int shk_graft_restore(u64 binding, struct shk_change *change);

/*
 * Ends the trial of the cgroup binding with the id @binding, after its attach has succeeded. Sets
 * *@trial to false under shk_graft_lock. All grafts that the binding has placed forget where they
 * were before. Drops the references to those shadows and stretches, so the caller holds no
 * shadow's lock. May sleep. Needs no cred_guard_mutex.
 */
void shk_graft_end_trial(u64 binding, bool *trial);

/*
 * Detaches @change->mm. From the return on every task that runs in the mm executes the base. All
 * its stretches end. mms that execs in it have created and not yet taken into use are detached
 * with it. If the mm is in no shadow but its process has a pending attach (struct
 * shk_pending_attach), that is cancelled instead.
 *
 * @from: the shadow in which the mm must be; NULL: any. @delegated: the caller has no
 * CAP_SYS_ADMIN and acts by SHK_RIGHT_ATTACH of its handle.
 *
 * Needs no shadow's lock. @change->deferred gets the graft, which shk_deferred_put_run() parks:
 * the caller calls that afterwards, also after an error.
 *
 * Errors; the mm executes the text that it executed before:
 *   -EAGAIN            The thread @change->busy is in a body that the shadow has in place. If
 *                      @change->busy is 0, the mm has changed its shadow meanwhile, or a fork or
 *                      exec in it is in its first steps. Then fork and exec create mms outside for
 *                      two SHK_BUSY_TASK_PAUSE. The caller releases all locks and tries again
 *                      after shk_busy_task_wait().
 *   NOT_DELEGATED      @delegated, and the mm is inside but not by delegation
 *   NOT_INSIDE         the mm is not in @from, or in no shadow
 *   any                the error that @change->check() returned
 */
int shk_graft_detach(const struct shk_shadow *from, bool delegated, struct shk_change *change);

/* ---- For enter.c ---- */

/*
 * Makes the tables and hooks of @args->to, if they do not exist yet, and attaches
 * @args->change->mm to it, in the stretch @args->stretch or in none. After an error tables and
 * hooks that were made are removed, and @args->stretch is still the caller's. Locks: those of
 * shk_graft_attach().
 *
 * Errors: those of shk_graft_attach(), and, if @args->stretch is not NULL,
 *   STRETCHES_FULL     the mm is in SHK_ENTER_DEPTH stretches already
 *   THREAD_STRETCH     the mm is in a SHK_THREAD stretch, and either that is in another shadow or
 *                      @args->thread is NULL
 */
int shk_graft_do_attach(struct shk_attach_args *args);

/*
 * Returns @graft, which is attached, to the shadow @back: it is then in the stretch @stretch
 * (NULL: none) and inside on behalf of @origin. Takes references to @back and @stretch. @deferred
 * gets the references to the shadow and the stretch that @graft leaves.
 *
 * shk_graft_lock, the lock of @back and text_mutex are held. Does not sleep. Returns 1 if the
 * entry was written, so that the caller flushes the mm; 0 if @graft is in @back already. Error:
 * XEN; nothing has changed.
 */
int shk_graft_attach_returning(struct shk_graft *graft, struct shk_shadow *back,
			       struct shk_stretch *stretch, struct shk_origin origin,
			       struct shk_deferred_put *deferred);

#endif /* SHK_ATTACH_H */
