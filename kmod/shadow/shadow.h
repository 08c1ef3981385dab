/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shadow: a text, a name, references, and who is grafted to it.
 *
 * Locking
 *
 * shk_shadow.lock	serialises what users ask of one shadow: edits, who comes
 *			in, its end. Sleeps. Taken by shk_shadow_lock(), together
 *			with that of its target.
 * shk_graft_lock	(graft/graft.h) which mm is grafted to which shadow. A
 *			spinlock, so that fork and exit, which must not wait for
 *			a user, need nothing else.
 * text_mutex		(text/text.h) inside shk_shadow.lock.
 */
#ifndef SHK_SHADOW_H
#define SHK_SHADOW_H

#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/shadowk.h>

#include "hooks/hooks.h"
#include "text/text.h"

#define SHK_SITE_BITS 6
/* So many locks of shadows are held at once: of two and their targets. */
#define SHK_SHADOW_LOCKS 4

struct shk_shadow {
	refcount_t ref; /* its name, handles, grafts */
	u64 id;
	struct mutex lock;	 /* shk_shadow_lock() */
	char name[SHK_NAME_LEN]; /* "" if it has none; see shk_shadow_name() */
	struct hlist_node by_name;
	u32 flags;   /* SHK_ASYNC_* */
	bool dead;   /* destroyed: handles only */
	bool hidden; /* the module's own: shk_shadow_create_hidden() */
	struct shk_text text;
	struct shk_hooks hooks;

	/* handle.c's: handles that were derived and not revoked. */
	struct list_head handles;
	unsigned int nr_handles;
	u64 last_handle;
	bool shared; /* SHK_RIGHT_ATTACH was granted. Written under .lock; never cleared */

	/* Written under shk_graft_lock; see shk_shadow_users(). */
	struct list_head grafts;
	unsigned int nr_grafts;
	/* Threads that act on its edits where others of their process do not: graft/thread.h. */
	unsigned int nr_threads;

	/* From here on under .lock, unless it says otherwise. */
	unsigned int nr_common; /* edits that all threads act on */
	bool asks_threads;	/* every other edit asks whether the thread is to act */

	/* Bound to it, or to one whose target it is. Under shk_graft_lock; with .lock 0 stays 0. */
	unsigned int nr_cgroups;

	struct mm_struct *carrier; /* graft/carrier.h */
	unsigned int carrier_users;
	struct list_head ownerships; /* scope/ownership.c's, by id */
	u64 last_ownership;

	bool causal;		  /* what it raises is followed, scope/causal.c */
	atomic64_t nr_unfollowed; /* what could not be, or is others' as well */

	/*
	 * Scope/syscalls.c's. Whoever is grafted to it executes @target's text during
	 * @calls, and counts as grafted to that; NULL: not so. @target holds a reference,
	 * and does not change.
	 */
	struct shk_shadow *target;
	struct list_head callers; /* whose target this is; under shk_graft_lock, too */
	struct list_head caller;  /* target->callers */
	/* Of a target, those of all its callers. Read under RCU. */
	unsigned long calls[SHK_SYSCALLS_WORDS];
	struct shk_edit redirect;

	/* edit/'s; sites are read under RCU. */
	DECLARE_HASHTABLE(sites, SHK_SITE_BITS);
	struct list_head probes; /* by id */
	unsigned int nr_probes;
	u64 last_probe;
	struct list_head patches; /* by id */
	unsigned int nr_patches;
	u64 last_patch;
	/* struct shk_body, while they are in place. Under text_mutex and shk_graft_lock, too. */
	struct list_head bodies;
	struct list_head raws; /* by id */
	u64 last_raw;
	/* Remove all edits. Nothing is grafted. */
	void (*teardown)(struct shk_shadow *shadow);
	struct rcu_head rcu; /* shadow.c's */
};

/*
 * Text in which no task may be that comes to have other text there: a body
 * that the shadow has in place of the base's, what belongs to the base's.
 */
struct shk_body {
	struct list_head node;	   /* shk_shadow.bodies, or in none */
	struct list_head in_check; /* struct shk_stack_check's, or in none */
	unsigned long from;
	unsigned long to;
};

/*
 * The locks of @shadow and its target: for whoever serves a user and has nothing to undo; no
 * other shadow's lock is held. -ERESTARTSYS: the caller is killed, no lock is held.
 */
int __must_check shk_shadow_lock(struct shk_shadow *shadow);
/* The same of two shadows; @other may be NULL. */
int __must_check shk_shadow_lock_both(struct shk_shadow *shadow, struct shk_shadow *other);
/* The same, and gives them back: whoever had one is through. */
int __must_check shk_shadow_wait_both(struct shk_shadow *shadow, struct shk_shadow *other);
/* The locks, if nobody has one; nothing is waited for. False: no lock is held. */
bool __must_check shk_shadow_trylock(struct shk_shadow *shadow);
bool __must_check shk_shadow_trylock_both(struct shk_shadow *shadow, struct shk_shadow *other);
/* The locks, whether or not the caller is killed. */
void shk_shadow_lock_always(struct shk_shadow *shadow, struct shk_shadow *other);
void shk_shadow_unlock(struct shk_shadow *shadow);
void shk_shadow_unlock_both(struct shk_shadow *shadow, struct shk_shadow *other);
/* With lockdep: current holds no shadow's lock, so it may wait for processes. */
void shk_shadow_assert_none_locked(void);

/* Of a hidden shadow, which is locked inside others. */
static inline void shk_shadow_lock_hidden(struct shk_shadow *shadow)
{
	mutex_lock_nested(&shadow->lock, SHK_SHADOW_LOCKS);
}

static inline void shk_shadow_unlock_hidden(struct shk_shadow *shadow)
{
	mutex_unlock(&shadow->lock);
}

/*
 * A hidden shadow with the probes of all that are SHK_ASYNC_UNION, see scope/union.h; NULL
 * when there is none. It stays while it has probes or scope/union.c counts users; else RCU.
 */
extern struct shk_shadow *shk_union;

/*
 * A reference to a new shadow; @name may be "", @target, which has none itself, NULL. -EEXIST,
 * -EINVAL, -ENOMEM, -ERESTARTSYS.
 */
struct shk_shadow *shk_shadow_create(const char *name, u32 flags,
				     void (*teardown)(struct shk_shadow *),
				     struct shk_shadow *target);
/* One without a name or references, that nobody sees but for its memory. -ENOMEM. */
struct shk_shadow *shk_shadow_create_hidden(u32 flags);
void shk_shadow_destroy_hidden(struct shk_shadow *shadow);
/*
 * The shadow with that id, or with that name if @id is 0. Takes a reference. Errors:
 * SHADOW_UNKNOWN, -ERESTARTSYS.
 */
struct shk_shadow *shk_shadow_find(u64 id, const char *name);
/* A reference to the shadow with the lowest id that is not below @id; no hidden one. Likewise. */
struct shk_shadow *shk_shadow_next(u64 id);
/* Give up the name and the edits. -EBUSY: something is grafted. */
int shk_shadow_destroy(struct shk_shadow *shadow);
/* The same of one that its creator gives up: whether or not the caller is killed. */
void shk_shadow_abort(struct shk_shadow *shadow);
struct shk_shadow *shk_shadow_get(struct shk_shadow *shadow);
/* With no shadow's lock held, unless the caller has another reference. */
void shk_shadow_put(struct shk_shadow *shadow);
/* Copies its name, of SHK_NAME_LEN. -ERESTARTSYS: the caller is killed. */
int shk_shadow_name(const struct shk_shadow *shadow, char *name);
/* Waits for nobody who changes it. -ERESTARTSYS: the caller is killed. */
int shk_shadow_info(const struct shk_shadow *shadow, struct shk_shadow_info *info);
int shk_shadows_info(struct shk_info *info);
/* Has any a carrier, so is executed by others than processes? */
bool shk_shadows_have_carrier(void);
/* Destroy what nobody holds: idle shadows that only their names keep alive. */
void shk_shadows_exit(void);
bool shk_name_valid(const char *name);

/* What a shadow had before shk_shadow_prepare(). */
struct shk_prepared {
	bool built;
	bool hooked;
};

static inline struct shk_prepared shk_shadow_prepared(const struct shk_shadow *shadow)
{
	return (struct shk_prepared){ shadow->text.built, shadow->hooks.applied };
}

/*
 * Before the first comes in: tables and hooks are made. And undo that, in which nobody has been
 * since. Its lock, and that of its target, are held. -ESTALE: it was destroyed; and as
 * shk_text_build(), shk_text_apply().
 */
int shk_shadow_prepare(struct shk_shadow *shadow, struct shk_prepared *was);
void shk_shadow_unprepare(struct shk_shadow *shadow, const struct shk_prepared *was);
/*
 * How many mms are grafted to it. While its lock is held 0 stays 0, since fork and exec
 * only add to a shadow that has a graft. Who has left has seen every CPU flush, or, if it has
 * moved to another shadow, holds text_mutex until that is so: what takes that sees it, too.
 */
static inline unsigned int shk_shadow_users(const struct shk_shadow *shadow)
{
	/* Pairs with shk_graft_count(). */
	return smp_load_acquire(&shadow->nr_grafts);
}
/* Destroyed, or what it executes during its calls is. It stays so; and not so while it is locked. */
static inline bool shk_shadow_is_gone(const struct shk_shadow *shadow)
{
	return READ_ONCE(shadow->dead) || (shadow->target && READ_ONCE(shadow->target->dead));
}
/* Does anybody execute it, or may at any time, process or not? Its lock is held. */
bool shk_shadow_live(const struct shk_shadow *shadow);
/* Its text knows that, as text/text.h wants it before each change. Likewise. */
void shk_shadow_update_live(struct shk_shadow *shadow);

#endif /* SHK_SHADOW_H */
