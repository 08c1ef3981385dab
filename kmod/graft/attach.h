/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHK_ATTACH_H
#define SHK_ATTACH_H

#include "graft/graft.h"

/* How an mm comes into a shadow. */
struct shk_coming {
	struct shk_shadow *to;
	struct shk_origin origin;
	bool trial;		     /* SHK_BY_CGROUP: the attach may still fail */
	struct shk_stretch *stretch; /* for a stretch, which is this; or NULL */
	/* Of current alone; *@thread is used up if it is in none yet. */
	struct shk_thread **thread;
};

/*
 * @mm executes @shadow from here on; it moves if it was in another. All its
 * stretches are over. The caller holds shk_config_lock and a user of @mm (mmget).
 * @left is shk_graft_spare()'s; what it left is in it, also on error. @delegated: by the
 * right of the handle, which does not reach a graft that was made without it. -ENOMEM,
 * -ESTALE, -EPERM; -EAGAIN: a task of @mm, @busy, is in one of the bodies that the one
 * shadow or the other has in place, or @mm has left its shadow: shk_still_wait(), without
 * locks.
 */
int shk_graft_attach(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
		     struct shk_left *left, pid_t *busy);
/*
 * The same, by @binding of its cgroup: so are what it forks and executes. While that is on
 * @trial, all of these know where they come from.
 */
int shk_graft_place(struct shk_shadow *shadow, struct mm_struct *mm, u64 binding, bool trial,
		    struct shk_left *left, pid_t *busy);
/*
 * The trial has failed: @mm goes back to where it, or a parent, was, and to the stretches
 * that it was in, but for those of threads alone; to the base if that shadow was destroyed.
 * -ENOENT: it is on no trial, or @binding (0: none) had not placed it then; else as above.
 */
int shk_graft_restore(struct mm_struct *mm, u64 binding, struct shk_left *left, pid_t *busy);
/* It has not: whom @binding has placed need not know any more. No locks. */
void shk_graft_settle(u64 binding);
/*
 * @mm executes the base. -ENOENT: it is not in @from, or, if that is NULL, in none. -EAGAIN:
 * as above, or a fork or exec in it can still fail without exit_mmap() (@busy is 0). -EPERM
 * and locks as above.
 */
int shk_graft_detach(struct mm_struct *mm, const struct shk_shadow *from, bool delegated,
		     struct shk_left *left, pid_t *busy);

/* ---- For enter.c ---- */

/* Errors as shk_graft_attach() and shk_graft_enter(). */
int shk_graft_come(const struct shk_coming *coming, struct mm_struct *mm, struct shk_left *left,
		   pid_t *busy);
/*
 * @graft goes on in @back, in @stretch or none, on behalf of @origin; what it leaves is in @left.
 * Returns 1 if its entry was written, 0 if it is there already; -EIO. shk_graft_lock held.
 */
int shk_graft_come_back(struct shk_graft *graft, struct shk_shadow *back,
			struct shk_stretch *stretch, struct shk_origin origin,
			struct shk_left *left);

#endif /* SHK_ATTACH_H */
