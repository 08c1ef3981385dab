/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHK_ATTACH_H
#define SHK_ATTACH_H

#include "graft/graft.h"

/* How an mm comes into a shadow. */
struct shk_attach_args {
	struct shk_change *change;
	struct shk_shadow *to;
	struct shk_origin origin;
	const bool *trial;	     /* SHK_BY_CGROUP: may the attach still fail? Else NULL */
	struct shk_stretch *stretch; /* for a stretch, which is this; or NULL */
	/* Of current alone; *@thread is used up if it is in none yet. */
	struct shk_thread **thread;
};

/*
 * @change->mm executes @shadow, which is locked, from here on; it moves if it was in another. All
 * its stretches are over. @delegated: by the right of the handle, which does not reach a graft that
 * was made without it. -ENOMEM, -ESTALE, -EPERM; -EAGAIN: a task, @change->busy, is in one of the
 * bodies that the one shadow or the other has in place, or, if that is 0, the mm has moved
 * meanwhile: shk_busy_task_wait(), without locks.
 */
int shk_graft_attach(struct shk_shadow *shadow, bool delegated, struct shk_change *change);
/*
 * The same, by @binding of its cgroup: so are what it forks and executes. While that is on
 * trial, all of these know where they come from. *@trial is read under shk_graft_lock.
 */
int shk_graft_place(struct shk_shadow *shadow, u64 binding, const bool *trial,
		    struct shk_change *change);
/*
 * The trial has failed: the mm goes back to where it, or a parent, was, and to the stretches
 * that it was in, but for those of threads alone; to the base if that shadow was destroyed. No
 * shadow is locked. -ENOENT: it is on no trial, or @binding (0: none) had not placed it then;
 * -ERESTARTSYS; else as above.
 */
int shk_graft_restore(u64 binding, struct shk_change *change);
/*
 * It has not: *@trial is over, and whom @binding has placed need not know any more. No shadow is
 * locked.
 */
void shk_graft_end_trial(u64 binding, bool *trial);
/*
 * The mm executes the base. Needs no lock. -ENOENT: it is not in @from, or, if that is NULL, in
 * none. -EAGAIN: as above, or a fork or exec in it can still fail without exit_mmap(). -EPERM as
 * above.
 */
int shk_graft_detach(const struct shk_shadow *from, bool delegated, struct shk_change *change);

/* ---- For enter.c ---- */

/* Errors as shk_graft_attach() and shk_graft_enter(). */
int shk_graft_do_attach(struct shk_attach_args *args);
/*
 * @graft goes on in @back, in @stretch or none, on behalf of @origin; what it leaves is in @deferred.
 * Returns 1 if its entry was written, 0 if it is there already; -EIO. shk_graft_lock held.
 */
int shk_graft_attach_returning(struct shk_graft *graft, struct shk_shadow *back,
			       struct shk_stretch *stretch, struct shk_origin origin,
			       struct shk_deferred_put *deferred);

#endif /* SHK_ATTACH_H */
