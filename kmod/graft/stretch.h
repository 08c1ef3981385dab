/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct shk_stretch is a stretch of system calls (enter.h): it remembers where the mm was before.
 * struct shk_previous remembers where an mm was before a cgroup placed it.
 *
 * Stretches of an mm nest. shk_graft.stretch is the innermost, .outer leads outwards:
 *
 *   shk_graft.stretch -> stretch, .depth 2 -> stretch, .depth 1 -> NULL
 *                          | .back             | .back
 *                          v                   v
 *                        shadow              NULL: the base
 *
 * shk_graft_lock protects the pointers to stretches. References are dropped without it.
 */
#ifndef SHK_STRETCH_H
#define SHK_STRETCH_H

#include <linux/refcount.h>

#include "shadow/shadow.h"

/* On whose behalf an mm is in a shadow. fork and exec pass it on. */
struct shk_origin {
	enum {
		SHK_BY_USER,	 /* attached or entered by a caller with CAP_SYS_ADMIN */
		SHK_BY_DELEGATE, /* by a caller without, with SHK_RIGHT_ATTACH of a handle */
		SHK_BY_CGROUP,	 /* placed by the binding of its process's cgroup */
	} kind;
	u64 binding; /* SHK_BY_CGROUP: id of that binding; else 0 */
};

/*
 * One stretch. Except .ref it does not change once it has begun: so the child of a fork shares its
 * parent's stretches, and each of them leaves by itself.
 */
struct shk_stretch {
	/* Grafts and shk_previous whose innermost it is, and stretches whose .outer it is. */
	refcount_t ref;
	/* The stretch in which this one began, with a reference; NULL: none. */
	struct shk_stretch *outer;
	/* 1 for a stretch without .outer, at most SHK_ENTER_DEPTH. */
	unsigned int depth;
	/* The shadow in which the mm was at the begin, with a reference; NULL: the base. */
	struct shk_shadow *back;
	/* On whose behalf the mm was in .back. */
	struct shk_origin origin;
	/* SHK_THREAD: edits act only on the threads that have begun it. */
	bool thread;
};

/*
 * Where an mm was before a cgroup's binding that is on trial placed it, with references to .shadow
 * and .stretch. .shadow is NULL if the mm was in the base, or is to remember nothing.
 */
struct shk_previous {
	struct shk_shadow *shadow;
	struct shk_stretch *stretch; /* NULL: none */
	struct shk_origin origin;
};

/*
 * Returns a zeroed stretch with one reference, or NULL if there is no memory. Uses the memory
 * *@kept for it, if that is not NULL, and sets *@kept to NULL; otherwise it allocates and may
 * sleep.
 */
struct shk_stretch *shk_stretch_alloc(struct shk_stretch **kept);

/* Takes a reference to @stretch and returns @stretch, which may be NULL. Does not sleep. */
struct shk_stretch *shk_stretch_get(struct shk_stretch *stretch);

/*
 * Drops a reference to @stretch, which may be NULL. The last one frees the stretch, and drops its
 * references to the shadow .back and to the stretch .outer, which may be freed in turn. Sleeps. No
 * shadow's lock is held, since the last put of a shadow takes that.
 */
void shk_stretch_put(struct shk_stretch *stretch);

/*
 * Drops a reference to @stretch as shk_stretch_put() does, but keeps memory for
 * shk_stretch_alloc(). If *@kept is NULL, it becomes the memory of the first stretch whose last
 * reference is dropped here. Sleeps; no shadow's lock is held.
 */
void shk_stretch_put_recycle(struct shk_stretch *stretch, struct shk_stretch **kept);

/*
 * Returns the outermost SHK_THREAD stretch that is reached from @stretch by SHK_THREAD stretches
 * only. Its .back is where the process was before its first thread began one. Returns NULL if
 * @stretch is NULL or not a SHK_THREAD stretch. shk_graft_lock is held.
 */
const struct shk_stretch *shk_stretch_outermost_thread_only(const struct shk_stretch *stretch);

/*
 * Finds where an mm in @stretch (or NULL) returns to. Returns the innermost stretch that began in
 * the base, or in a shadow that was not destroyed: the mm returns to its .back. NULL: there is
 * none, and the mm returns to the base.
 *
 * shk_graft_lock is held. A shadow that is not locked may be destroyed at any moment afterwards.
 */
struct shk_stretch *shk_stretch_find_live(struct shk_stretch *stretch);

/*
 * Returns a copy of @previous for an mm that fork, or exec if @exec, creates from the one that has
 * @previous. The copy has references of its own. For exec it has no stretch, since a new program
 * has begun none. Does not sleep. shk_graft_lock is held.
 */
struct shk_previous shk_previous_inherit(const struct shk_previous *previous, bool exec);

/*
 * Drops the references of @previous, and leaves the struct as it is. Sleeps. No shadow's lock is
 * held, since the last put of a shadow takes that.
 */
void shk_previous_put(const struct shk_previous *previous);

#endif /* SHK_STRETCH_H */
