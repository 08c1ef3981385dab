/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A graft: one mm whose top-level entry for kernel text points at a shadow's tables. It is
 * written when the mm comes into the shadow; the CR3 load of every context switch does the
 * rest. Only graft.c writes that entry, and the state:
 *
 *   attach          fork, exec
 *      |                |
 *    UNUSED ------> BEING_MADE ---------------------.
 *    |  |               |  its maker is done        |
 *    |  '-----------> INSIDE <---> CALLING          |  it came to nothing: nobody
 *    |               ^  |  |         |              |  has executed it
 *    |               '--'  |         |              |
 *    |               move  v         v              |
 *    |                     DETACHED                 |
 *    |                         |  every CPU has     |
 *    | not needed, or          v  flushed           |
 *    | attached again     UNACCOUNTED <-------------'
 *    |                        |  ^
 *    |               detached v  | its mm has ended
 *    '------------------->   PARKED
 *
 * BEING_MADE may be detached, too, and CALLING may move. Who ends while it is inside is not
 * parked, but freed.
 */
#ifndef SHK_GRAFT_H
#define SHK_GRAFT_H

#include <linux/mmu_notifier.h>
#include <linux/workqueue.h>

#include "graft/stretch.h"
#include "graft/thread.h"
#include "shadow/shadow.h"

enum shk_graft_state {
	SHK_GRAFT_UNUSED,      /* nobody knows it, in no shadow */
	SHK_GRAFT_BEING_MADE,  /* fork or exec is making its mm, which may yet come to nothing */
	SHK_GRAFT_INSIDE,      /* its mm executes the shadow's text */
	SHK_GRAFT_CALLING,     /* its mm executes the text of the shadow's target (calls.c) */
	SHK_GRAFT_DETACHED,    /* its mm is to execute the base; some CPU may not know yet */
	SHK_GRAFT_UNACCOUNTED, /* its shadow does not count it any more; to be freed or parked */
	SHK_GRAFT_PARKED,      /* kept for when its mm comes again; holds neither mm nor module */
};

struct shk_graft {
	struct mmu_interval_notifier notifier;
	struct mm_struct *mm;
	enum shk_graft_state state;
	struct shk_shadow *shadow;    /* holds a reference; NULL: UNUSED */
	struct shk_origin origin;     /* on whose behalf it is there */
	struct shk_stretch *stretch;  /* the innermost, holds a reference; NULL: in none */
	struct shk_previous previous; /* where it was, while a cgroup's binding is on trial */
	struct shk_stretch *kept;     /* UNUSED, PARKED: memory for the next one, or NULL */
	struct list_head threads;     /* who alone acts on edits, if any */
	u64 order;		      /* grows with each that comes into a shadow */
	unsigned int nr_calls;	      /* CALLING: for how many */
	bool calls_flushed;	      /* CALLING: and every CPU knows */
	/* Those that are BEING_MADE from it; one that is done stays until that is asked. */
	struct list_head children;
	struct list_head sibling; /* its parent's .children, empty if in none */
	/* BEING_MADE: whose exec makes it, and takes it out of .children; NULL of fork's. */
	const struct task_struct *exec;
	unsigned long no_inherit_until; /* until then (jiffies) its children are made outside */
	bool borrowing;			/* made by exec of who ran in its parent's mm until then */
	struct list_head node;		/* shk_shadow.grafts, by order */
	struct hlist_node by_mm;
	struct work_struct free;
};

/*
 * The mm that current's exec has taken into use comes into @shadow on its way back to user space,
 * unless it is attached or detached before. The shadow counts it as grafted until then.
 */
struct shk_pending_attach {
	struct callback_head work;
	struct shk_shadow *shadow; /* holds a reference */
	const struct task_struct *task;
	const struct mm_struct *from; /* that it has still, if exec ends before it has the other */
	struct list_head node;	      /* of all; empty: it was cancelled, or is over */
};

/* What is no longer needed, but may only be given up without locks. */
struct shk_deferred_put {
	struct shk_graft *graft; /* UNUSED: not used; in: shk_graft_prealloc()'s. Or UNACCOUNTED */
	struct shk_shadow *shadow;
	struct shk_shadow *in_place; /* where the mm was seen, with bodies in place */
	struct shk_shadow *to;	     /* where it was to come back to */
	struct shk_stretch *stretch;
	struct shk_previous previous;
};

/* A user asks for an mm to have another text. */
struct shk_change {
	struct mm_struct *mm; /* the caller has a user of it (mmget) */
	/*
	 * Asked under shk_graft_lock when that happens, of the mm's graft, or NULL: 0, or the
	 * error that it ends with. Or NULL.
	 */
	int (*check)(const struct shk_change *change, const struct shk_graft *graft);
	/* What shk_graft_prealloc() made, and what is to be put, also on error. */
	struct shk_deferred_put deferred;
	pid_t busy; /* out: the task that was in the way, with -EAGAIN; or 0 */
};

/*
 * Protects the table of grafts, their members, shk_shadow.grafts and .nr_grafts, and writes of the
 * entry in mm->pgd. Innermost. Not taken in interrupts.
 */
extern spinlock_t shk_graft_lock;

int shk_graft_init(void);
void shk_graft_exit(void);

/* ---- With shk_graft_lock held ---- */

/* NULL: @mm is in no shadow. */
struct shk_graft *shk_graft_find(struct mm_struct *mm);
/* current's exec, which has cred_guard_mutex, has one; its shadow counts it already. */
void shk_pending_attach_add(struct shk_pending_attach *pending);
/* The one that @mm, which is in no shadow, has yet to make, or NULL. */
struct shk_pending_attach *shk_pending_attach_find(struct mm_struct *mm);
/* It is not made any more. */
void shk_pending_attach_cancel(struct shk_pending_attach *pending);
/* Any one that @binding has put where it is, and that knows where it was before. */
struct shk_graft *shk_graft_find_on_trial(u64 binding);
/* @change more, or less, are grafted to @shadow. */
void shk_graft_count(struct shk_shadow *shadow, int change);
/*
 * @graft's mm is to execute the text of @shadow, which gets a reference: the caller puts that of
 * the shadow that it comes out of, if any. It is @being_made, or INSIDE. -EIO: nothing changed.
 */
int shk_graft_attach_entry(struct shk_graft *graft, struct shk_shadow *shadow, bool being_made);
/* ... of the shadow's target while it is @calling, else of the shadow. -EIO: nothing changed. */
int shk_graft_set_calling(struct shk_graft *graft, bool calling);
/* ... the base from the next flush on. The caller's to shk_graft_unaccount(). */
void shk_graft_detach_entry(struct shk_graft *graft);
/* What makes its mm is done. */
void shk_graft_set_made(struct shk_graft *graft);
/* On whose behalf it is there. */
void shk_graft_set_origin(struct shk_graft *graft, struct shk_origin origin);

/*
 * @mm, which is no process's, carries @shadow's text, or the base's if NULL; needs no lock. -EIO.
 * See carrier.h.
 */
int shk_graft_set_carrier(struct mm_struct *mm, const struct shk_shadow *shadow);

/* ---- Without locks; but text_mutex may be held ---- */

/*
 * Before @mm comes out of the base: nobody borrows it, and it has small pages where that must be
 * (mmu/small_pages.h). And after: as everybody, unless it is in a shadow by now.
 */
void shk_graft_pre_attach(struct mm_struct *mm);
void shk_graft_post_detach(struct mm_struct *mm);

/*
 * An UNUSED one, of an mm that nobody else knows yet. May wait for @mm's mmap_lock. -ENOMEM;
 * -ERESTARTSYS: a signal came; -EAGAIN: mappings of @mm are being invalidated.
 */
struct shk_graft *shk_graft_alloc(struct mm_struct *mm);
/* The same of any mm, whatever signals are pending. As shk_graft_prealloc(). */
struct shk_graft *shk_graft_alloc_any(struct mm_struct *mm, bool wait);
/* DETACHED, and its mm was flushed: UNACCOUNTED. Only now may tables and pages be thought unused. */
void shk_graft_unaccount(struct shk_graft *graft);
/* UNACCOUNTED: freed by a worker, since that waits for invalidations of the mm, and puts the shadow. */
void shk_graft_put(struct shk_graft *graft);
/* DETACHED: flush, unaccount, put. */
void shk_graft_flush_and_put(struct shk_graft *graft);
/* UNACCOUNTED or UNUSED: freed now. No shadow's lock is held; the caller has a user of the mm. */
void shk_graft_free(struct shk_graft *graft);
/* All of it; a graft is parked. Likewise. */
void shk_deferred_put_run(struct shk_deferred_put *deferred);
/* BEING_MADE, and its mm has come to nothing: freed by its maker. */
void shk_graft_abort(struct mm_struct *mm);
/* What was released before is freed: its references and the module's are given up. */
void shk_graft_drain(void);

/*
 * Before a shadow's lock is taken, since it waits for @mm's mmap_lock: @deferred has what @mm needs to
 * come into a shadow, unless that is inside already; it was empty. The caller keeps its user of
 * @mm until shk_deferred_put_run(). Only a signal that kills ends the wait (-ERESTARTSYS); -EAGAIN, only
 * if not to @wait: somebody has the lock, or mappings are being invalidated; -ENOMEM.
 */
int shk_graft_prealloc(struct mm_struct *mm, bool wait, struct shk_deferred_put *deferred);

/* Is @mm grafted to @shadow? */
bool shk_graft_is_in(struct mm_struct *mm, const struct shk_shadow *shadow);
/* A reference to the shadow that @mm is grafted to, or has yet to arrive in; or NULL. */
struct shk_shadow *shk_graft_get_shadow(struct mm_struct *mm);
/*
 * The mm that came into the shadow next after the one that @cursor says (0: the
 * first), with a reference on it (mmput), or NULL. Sets @cursor.
 */
struct mm_struct *shk_graft_next(struct shk_shadow *shadow, u64 *cursor);
/*
 * Has not @binding put @mm where it is, or another one if 0? Or is it elsewhere than in
 * @shadow, if that is not NULL? Who is in a stretch is where it belongs, unless it has
 * @moved between cgroups. Does not sleep.
 */
bool shk_graft_misplaced(struct mm_struct *mm, u64 binding, const struct shk_shadow *shadow,
			 bool moved);
/*
 * The same of a process that has moved between cgroups; true also if another CPU holds the
 * lock. Never spins, so it may be called with interrupts off and under any lock.
 */
bool shk_graft_may_be_misplaced(struct mm_struct *mm, u64 binding);
/* Was @mm made by exec for who borrowed its parent's mm until then? */
bool shk_graft_was_borrowing(struct mm_struct *mm);
/* mms that are inside by their cgroups, those that fork and exec are making too. */
unsigned int shk_graft_count_placed(void);

/* The shadow that this CPU executes, NULL for the base. Interrupts are off. */
struct shk_shadow *shk_current_shadow(void);

/* Does @task, until it executes, run in its parent's mm (vfork)? */
static inline bool shk_borrows_mm(struct task_struct *task)
{
	bool borrows;

	rcu_read_lock();
	borrows = READ_ONCE(task->vfork_done) &&
		  READ_ONCE(rcu_dereference(task->real_parent)->mm) == READ_ONCE(task->mm);
	rcu_read_unlock();
	return borrows;
}

/* Others of @task's flags change meanwhile; this one does not. */
static inline bool shk_is_kthread(const struct task_struct *task)
{
	return data_race(task->flags) & PF_KTHREAD;
}

#endif /* SHK_GRAFT_H */
