/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Former places of an mm, which its graft remembers. A graft connects an mm to a shadow, a variant
 * of the kernel's text. An mm without a graft executes the base, the booted text.
 *
 *   struct shk_stretch    A stretch is the time from SHK_ENTER to SHK_LEAVE, in which a process is
 *                         in a shadow (enter.h). Remembers where the mm was at its begin, and where
 *                         the mm returns at its end.
 *   struct shk_previous   Where the mm was before a cgroup placed it, while the call that binds the
 *                         cgroup can still fail: the binding is "on trial". If it fails, the mm
 *                         returns.
 *   struct shk_origin     On whose behalf an mm is in a shadow.
 *
 * Stretches of an mm nest. shk_graft.stretch is the innermost, .outer leads outwards. Here the
 * process has entered shadow A from the base, and then shadow B from A:
 *
 *   shk_graft.shadow = B
 *   shk_graft.stretch ---> stretch ----.outer---> stretch ----.outer---> NULL
 *                          .depth 2               .depth 1
 *                          .back = A              .back = NULL: the base
 *
 * A SHK_THREAD stretch is one of a single thread. All threads of the process execute the shadow's
 * text, but the shadow's edits act only on threads that are in such a stretch (thread.h). These
 * stretches nest in one list, too, whichever thread has begun them.
 *
 * shk_graft_lock protects all pointers to stretches: shk_graft.stretch, .previous and .outer.
 * References are dropped without it.
 */
#ifndef SHK_STRETCH_H
#define SHK_STRETCH_H

#include <linux/refcount.h>

#include "shadow/shadow.h"

/*
 * On whose behalf an mm is in a shadow: it decides which calls may change that. fork and exec pass
 * it on to the mms that they create.
 */
struct shk_origin {
	enum {
		SHK_BY_USER,	 /* attached or entered by a caller with CAP_SYS_ADMIN */
		SHK_BY_DELEGATE, /* by a caller without, with SHK_RIGHT_ATTACH of a handle */
		SHK_BY_CGROUP,	 /* placed by the binding of its process's cgroup */
	} kind;
	u64 binding; /* SHK_BY_CGROUP: id of that binding; else 0 */
};

/*
 * One stretch. attach.c fills it in when it begins; after that only .ref changes. The child of a
 * fork shares its parent's stretches by a reference, and parent and child each end the stretches
 * for themselves.
 */
struct shk_stretch {
	/*
	 * Reference count. Each graft and each struct shk_previous whose .stretch points at this
	 * stretch holds a reference, and so does each stretch whose .outer points at it.
	 */
	refcount_t ref;
	/* The stretch in which this one began, with a reference; NULL: none. */
	struct shk_stretch *outer;
	/* 1 for a stretch without .outer, at most SHK_ENTER_DEPTH. */
	unsigned int depth;
	/*
	 * The shadow in which the mm was when the stretch began, and to which it returns at the
	 * end; NULL: the base. The reference keeps the struct allocated, but the shadow can still
	 * be destroyed (shk_shadow_is_gone()).
	 */
	struct shk_shadow *back;
	/*
	 * On whose behalf the mm was in .back: the origin of the graft before this stretch began.
	 * The graft gets it again when the mm returns to .back.
	 */
	struct shk_origin origin;
	/* It is a SHK_THREAD stretch. */
	bool thread;
};

/*
 * Where an mm was before a binding on trial placed it. Embedded in the graft (shk_graft.previous),
 * under shk_graft_lock.
 */
struct shk_previous {
	/*
	 * The mm's shadow before the binding on trial placed the mm, with a reference. NULL: the mm
	 * was in the base, or no binding on trial has placed it.
	 */
	struct shk_shadow *shadow;
	/* The innermost stretch of the mm in .shadow, with a reference; NULL: none. */
	struct shk_stretch *stretch;
	/* The origin of the graft while the mm was in .shadow. */
	struct shk_origin origin;
};

/*
 * Creates a stretch: zeroed, with one reference for the caller. If *@kept is not NULL, reuses that
 * memory of an old stretch (shk_graft.kept), and sets *@kept to NULL. Otherwise allocates memory
 * and may sleep. Returns NULL if there is no memory.
 */
struct shk_stretch *shk_stretch_alloc(struct shk_stretch **kept);

/* Takes a reference to @stretch, if that is not NULL. Returns @stretch. Does not sleep. */
struct shk_stretch *shk_stretch_get(struct shk_stretch *stretch);

/*
 * Drops a reference to @stretch; does nothing if @stretch is NULL. The last reference frees the
 * stretch, and drops its references to the shadow .back and to the stretch .outer, which may be
 * freed in turn.
 *
 * Sleeps. Neither a shadow's lock nor shk_graft_lock is held, since the last put of a shadow takes
 * that shadow's lock. Exception: the caller may hold a shadow's lock if @stretch has not begun, so
 * that its .back and .outer are still NULL.
 */
void shk_stretch_put(struct shk_stretch *stretch);

/*
 * Drops a reference to @stretch. The put of the last one drops the references to .back and .outer.
 * If *@kept is NULL, the memory of @stretch is not freed: *@kept points at it afterwards. The
 * caller passes *@kept to shk_stretch_alloc() or to kfree().
 *
 * Sleeps. Neither a shadow's lock nor shk_graft_lock is held.
 */
void shk_stretch_put_recycle(struct shk_stretch *stretch, struct shk_stretch **kept);

/*
 * Follows .outer from @stretch as long as the stretches are SHK_THREAD stretches, and returns the
 * last of these. Returns NULL if @stretch is NULL or not a SHK_THREAD stretch. The .back of the
 * result is the shadow (NULL: the base) in which the process was before its threads began these.
 *
 * Takes no reference. shk_graft_lock is held, and the result is valid until it is released.
 */
const struct shk_stretch *shk_stretch_outermost_thread_only(const struct shk_stretch *stretch);

/*
 * Finds where an mm returns to if its innermost stretch, @stretch, ends. Returns the first stretch,
 * from @stretch outwards, whose .back is the base or a shadow that was not destroyed: the mm
 * returns to that .back. NULL: there is no such stretch, or @stretch is NULL, and the mm returns to
 * the base.
 *
 * Takes no reference. shk_graft_lock is held, and the result is valid until it is released. Unless
 * .back is locked, it may be destroyed at any moment after this look.
 */
struct shk_stretch *shk_stretch_find_live(struct shk_stretch *stretch);

/*
 * Returns a copy of @previous for an mm that fork or exec creates. The copy has references of its
 * own, which the new graft drops by shk_previous_put(). @previous is shk_graft.previous of the
 * parent's graft: where the parent's mm returns if the call that binds its cgroup fails.
 *
 * If @exec, exec creates the mm. The copy then has no stretch, the time from SHK_ENTER to SHK_LEAVE
 * that a process is in a shadow: a new program has not called SHK_ENTER. Does not sleep.
 * shk_graft_lock is held.
 */
struct shk_previous shk_previous_inherit(const struct shk_previous *previous, bool exec);

/*
 * Drops the references of @previous, to its shadow and its stretch, if they are not NULL. Leaves
 * the struct as it is; the caller clears it, or does not use it again. Sleeps. Neither a shadow's
 * lock nor shk_graft_lock is held, since the last put of a shadow takes that shadow's lock.
 */
void shk_previous_put(const struct shk_previous *previous);

#endif /* SHK_STRETCH_H */
