/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stretch of system calls: an mm is in a shadow from enter to return, and comes back to where
 * it was then (enter.h). Locking: shk_graft_lock, but for the puts.
 */
#ifndef SHK_STRETCH_H
#define SHK_STRETCH_H

#include <linux/refcount.h>

#include "shadow/shadow.h"

/* On whose behalf an mm is in a shadow. */
struct shk_origin {
	enum {
		SHK_BY_USER,
		SHK_BY_DELEGATE, /* it, or a parent, by the right of a handle */
		SHK_BY_CGROUP,
	} kind;
	u64 binding; /* SHK_BY_CGROUP: which has put it, or a parent, in; else 0 */
};

/* It never changes, so a child shares its parent's, and each comes back by itself. */
struct shk_stretch {
	refcount_t ref;		   /* grafts in it, stretches that began in it */
	struct shk_stretch *outer; /* that it began in, holds a reference; or NULL */
	unsigned int depth;
	struct shk_shadow *back;  /* where it was, holds a reference; NULL: the base */
	struct shk_origin origin; /* on whose behalf it was there */
	bool thread;		  /* for a thread alone, or several */
};

/* Where an mm was, with references; shadow is NULL if that was nowhere, or is over. */
struct shk_previous {
	struct shk_shadow *shadow;
	struct shk_stretch *stretch;
	struct shk_origin origin;
};

/* With one reference; uses *@kept up if it is not NULL. NULL: no memory. */
struct shk_stretch *shk_stretch_alloc(struct shk_stretch **kept);
/* @stretch may be NULL. */
struct shk_stretch *shk_stretch_get(struct shk_stretch *stretch);
/* As shk_shadow_put(). @stretch may be NULL. */
void shk_stretch_put(struct shk_stretch *stretch);
/* The same, and *@kept, if it is NULL, is @stretch's memory, if that was the last reference. */
void shk_stretch_put_recycle(struct shk_stretch *stretch, struct shk_stretch **kept);
/*
 * The outermost of those stretches of threads alone that @stretch (or NULL) is in without a
 * break. The other threads of the process are where it comes back to. NULL: it is in none.
 */
const struct shk_stretch *shk_stretch_outermost_thread_only(const struct shk_stretch *stretch);
/*
 * The innermost of @stretch (or NULL) and those around it whose shadow was not destroyed; NULL:
 * nothing is left to come back to. It may be destroyed the next moment, unless it is locked.
 */
struct shk_stretch *shk_stretch_find_live(struct shk_stretch *stretch);

/* What the mm that fork, or @exec, makes of one that has @previous has. Takes references. */
struct shk_previous shk_previous_inherit(const struct shk_previous *previous, bool exec);
/* As shk_shadow_put(). */
void shk_previous_put(const struct shk_previous *previous);

#endif /* SHK_STRETCH_H */
