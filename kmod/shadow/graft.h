/* SPDX-License-Identifier: GPL-2.0-only */
/* What graft.c, attach.c, stretch.c, birth.c and calls.c know of grafts, and nobody else. */
#ifndef SHK_SHADOW_GRAFT_H
#define SHK_SHADOW_GRAFT_H

#include <linux/mmu_notifier.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>

#include "mmu/small.h"
#include "shadow/shadow.h"
#include "shadow/thread.h"

/*
 * What a stretch of system calls comes back to. It never changes, so a child
 * shares its parent's, and each comes back by itself.
 */
struct shk_visit {
	refcount_t ref;		 /* grafts in it, stretches that began in it */
	struct shk_visit *outer; /* that it began in, holds a reference; or NULL */
	unsigned int depth;
	struct shk_shadow *back; /* holds a reference; NULL: the base */
	bool delegated;		 /* it was there by delegation */
	bool thread;		 /* for a thread alone, or several */
};

struct shk_graft {
	struct mmu_interval_notifier notifier;
	struct mm_struct *mm;
	struct shk_shadow *shadow; /* holds a reference */
	struct shk_visit *visit;   /* the innermost, holds a reference; NULL: attached */
	struct list_head threads;  /* who alone acts on edits, if any */
	u64 order;		   /* grows with each that comes into a shadow */
	unsigned int nr_calls;	   /* for which it executes its shadow's target */
	bool calls_flushed;	   /* and every CPU knows */
	struct list_head births;   /* what is made from it, while that may still fail ... */
	struct list_head birth;	   /* ... by this; what has come to life stays until looked at */
	/* Who makes it in exec, and takes it out of .births itself; NULL of fork's. */
	const struct task_struct *exec;
	unsigned long leaving;	  /* until then (jiffies) its children are born outside */
	bool delegated;		  /* it, or a parent, attached itself unprivileged */
	u64 placed;		  /* which binding of a cgroup has put it, or a parent, in; or 0 */
	struct shk_before before; /* that, while the binding is on trial */
	bool borrowing;		  /* made by exec of who ran in its parent's mm until then */
	struct list_head node;	  /* shk_shadow.grafts, by order */
	struct hlist_node by_mm;
	struct work_struct free;
};

/* How an mm comes into a shadow. */
struct shk_coming {
	struct shk_shadow *to;
	bool delegated;		 /* by the right of a handle */
	u64 placed;		 /* by this binding of its cgroup, or 0 ... */
	bool trial;		 /* ... whose attach may still fail */
	struct shk_visit *visit; /* for a stretch, which is this; or NULL */
	/* Of current alone; *@thread is used up if it is in none yet. */
	struct shk_thread **thread;
};

/* ---- graft.c: the table, and the end ---- */

/*
 * Protects grafts, shk_shadow.grafts and .nr_grafts, and writes of mm->pgd's
 * entry. Innermost. Not taken in interrupts.
 */
extern spinlock_t shk_graft_lock;

/* NULL: @mm is in no shadow. Under the lock, as all down to cut(). */
struct shk_graft *shk_graft_find(struct mm_struct *mm);
/* Any one that @binding has placed, and that knows where it was before. */
struct shk_graft *shk_graft_find_on_trial(u64 binding);
void shk_graft_set_placed(struct shk_graft *graft, u64 placed);
/*
 * Before @mm comes out of the base: nobody borrows it, and it has small pages where that must be
 * (small.h). And after: as everybody, unless it is in a shadow by now. Both take the lock.
 */
void shk_graft_approach(struct mm_struct *mm);
void shk_graft_depart(struct mm_struct *mm);
/* @change more, or less, are in @shadow. */
void shk_graft_add(struct shk_shadow *shadow, int change);
/* Come into @shadow, out of another if it is in one; the caller puts that. -EIO. */
int shk_graft_link(struct shk_graft *graft, struct shk_shadow *shadow);
void shk_graft_unlink(struct shk_graft *graft);
/* @graft's mm executes the base from the next flush on: it is the caller's to bury() or entomb(). */
void shk_graft_cut(struct shk_graft *graft);

/* What shk_graft.leaving says while its process is being detached. */
#define SHK_LEAVING ULONG_MAX

/* Not yet in the table. Waits for @mm's mmap_lock. -ENOMEM; -ERESTARTSYS: a signal came. */
struct shk_graft *shk_graft_alloc(struct mm_struct *mm);
/* The notifier's reference to the mm, which shk_graft_alloc() gave up, was taken again. */
void shk_graft_free(struct shk_graft *graft);
/* Its mm was flushed: only now may tables and pages be thought unused. */
void shk_graft_entomb(struct shk_graft *graft);
/* The rest, where neither the notifier nor the shadow may be given up. */
void shk_graft_free_later(struct shk_graft *graft);
/* All of it: flush, entomb, free. */
void shk_graft_bury(struct shk_graft *graft);

/* ---- attach.c: another text for an mm ---- */

/* Errors as shk_graft_attach() and shk_graft_enter(). */
int shk_graft_come(const struct shk_coming *coming, struct mm_struct *mm, struct shk_left *left,
		   pid_t *busy);
/* The graft that @mm had, to be freed, or an error as shk_graft_detach(). */
struct shk_graft *shk_graft_end(struct mm_struct *mm, const struct shk_shadow *from, bool delegated,
				pid_t *busy);
/*
 * @change(@arg), under the lock, lets @mm have the text of @to, or of the base if that is
 * NULL; shk_config_lock held. Returns what it does, 1 if the text is another; -EAGAIN: @busy
 * is in a body that is in place.
 */
int shk_graft_change_text(struct mm_struct *mm, struct shk_shadow *to, int (*change)(void *arg),
			  void *arg, pid_t *busy);

/* ---- stretch.c: what a stretch comes back to, and whose it is; under the lock but put() ---- */

struct shk_visit *shk_visit_get(struct shk_visit *visit);
/* As shk_shadow_put(). */
void shk_visit_put(struct shk_visit *visit);
/*
 * The stretch, of those of threads alone, in which the first of them left behind the others
 * of @graft's process, who are where that comes back to; NULL: no threads are in any.
 */
const struct shk_visit *shk_visit_of_threads(const struct shk_graft *graft);
/* What @graft, which has come out of @was, can come back to whole; with references. */
struct shk_before shk_before_of(const struct shk_graft *graft, struct shk_shadow *was);
/* Of the mm that fork, or @exec, makes of one that has @before. */
struct shk_before shk_before_inherit(const struct shk_before *before, bool exec);
void shk_before_put(const struct shk_before *before);
/* @visit begins where @graft, which has come out of @was, is; uses the caller's reference up. */
void shk_visit_begin(struct shk_graft *graft, struct shk_visit *visit, struct shk_shadow *was);
/*
 * @graft goes on in @back, and in @visit or no stretch; what it leaves is in @left. Returns
 * 1 if its entry was written, 0 if it is there already; -EIO.
 */
int shk_graft_come_back(struct shk_graft *graft, struct shk_shadow *back, struct shk_visit *visit,
			bool delegated, struct shk_left *left);
/* current acts; uses *@new up if it did not before. */
void shk_graft_thread_enter(struct shk_graft *graft, struct shk_thread **new);
/* All threads act on edits. */
void shk_graft_drop_threads(struct shk_graft *graft);
/* Others of current's process act on edits, and it does not. */
bool shk_graft_left_out(const struct shk_graft *graft);

/* ---- birth.c: what fork and exec make of an mm that is inside ---- */

/*
 * Is somebody in @mm between pgd_alloc() and where a failure of fork or exec
 * ends the new mm with exit_mmap()?
 */
bool shk_graft_gives_birth(struct mm_struct *mm);
/* The mms that execs of @graft's process will take into use, each with a reference; under the lock. */
void shk_graft_cut_execs(struct shk_graft *graft, struct list_head *gone);
void shk_graft_bury_execs(struct list_head *gone);

#endif /* SHK_SHADOW_GRAFT_H */
