/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A graft connects one mm to one shadow: the mm's top-level page-table entry for kernel text
 * points at the shadow's tables. The CR3 load of every context switch then selects the text, so a
 * switch executes no code of this module. Only graft.c writes that entry and a graft's state.
 *
 * States
 *
 *            shk_graft_alloc()
 *                   |
 *                   v       fork, exec
 *   .------------ UNUSED -------------> BEING_MADE ------.
 *   |             ^    |                 |    |          |
 *   |             |    | attach          |    |          | fork or exec failed:
 *   |             |    v      set_made   |    |          | shk_graft_abort()
 *   | not used    |  INSIDE <------------'    |          |
 *   |             |   |  ^                    |          |
 *   |             |   |  | a call begins,     | detach   |
 *   |             |   |  v the last one ends  |          |
 *   |   attach:   |   | CALLING               |          |
 *   |   prealloc  |   |  |                    |          |
 *   |             |   v  v  detach            |          |
 *   |             | DETACHED <----------------'          |
 *   |             |   |                                  |
 *   |             |   | every CPU has flushed:           |
 *   |             |   v shk_graft_unaccount()            |
 *   |             | UNACCOUNTED <------------------------'
 *   |             |   |    ^
 *   |             |   v    | the mm exits
 *   '-----------> PARKED --'
 *
 * - A graft is "attached" in the states BEING_MADE, INSIDE and CALLING. A move to another shadow
 *   makes it INSIDE.
 * - An UNUSED or UNACCOUNTED graft is parked or freed. It is freed if its mm exits, if the mm has a
 *   parked graft already, and if a hook in fork or exec allocated it and could not attach it.
 *
 * Steps of an attach, in this order
 *
 *   shk_graft_prealloc()         no lock: memory and the notifier; waits for the mm's mmap_lock
 *   shk_graft_attach()           the shadow is locked: its tables and hooks are made
 *   shk_graft_change_text()      text_mutex: lazy TLB users of the mm are evicted
 *   shk_graft_attach_entry()     shk_graft_lock: the entry, the state, the shadow's count
 *   shk_mmu->flush_mm()          text_mutex is still held
 *   shk_deferred_put_run()       no lock: drops references, parks what was not used
 *
 * Steps of an end, in this order; each has its verb
 *
 *   detach        the mm's entry is the base's; the shadow still counts the graft
 *   flush         no CPU has translations of the shadow for that mm
 *   unaccount     the shadow no longer counts the graft, so its tables may change or go
 *   put           a worker frees the graft; or shk_deferred_put_run() parks it
 *   free          references are dropped, the notifier is removed
 *
 * Files of this directory, in the order in which to read them; scripts/layers checks which of them
 * includes which
 *
 *   graft         state and entry of a graft, the table of all grafts, the end of an mm
 *   change_text   locks, evictions and flushes around a change of the entry
 *   stack_check   stops the machine where a shadow has bodies in place
 *   attach        attach, move, detach; placement by a cgroup and its revert
 *   stretch       what a stretch of system calls remembers
 *   enter         begins and ends stretches
 *   thread        the threads on which edits act, where they do not act on the whole process
 *   inherit       fork and exec pass a graft on
 *   subscribe     prepares an mm for the notifier that reports its end
 *   carrier       mms without a process, for interrupts and kernel threads
 *   calls         chosen system calls in the text of a target
 */
#ifndef SHK_GRAFT_H
#define SHK_GRAFT_H

#include <linux/mmu_notifier.h>
#include <linux/workqueue.h>

#include "graft/stretch.h"
#include "graft/thread.h"
#include "shadow/shadow.h"

/* State of a graft. The file header draws the transitions; graft_set_state() checks them. */
enum shk_graft_state {
	/* In no shadow and not in the table. Only the caller that allocated it knows it. */
	SHK_GRAFT_UNUSED,
	/* Attached. fork or exec has created the mm, and can still fail and free it. */
	SHK_GRAFT_BEING_MADE,
	/* Attached. The mm executes the shadow's text. */
	SHK_GRAFT_INSIDE,
	/* Attached. The mm executes the text of the shadow's target (calls.c). */
	SHK_GRAFT_CALLING,
	/* The entry is the base's. A CPU may still have translations of the shadow. */
	SHK_GRAFT_DETACHED,
	/* Every CPU has flushed, and the shadow does not count the graft. */
	SHK_GRAFT_UNACCOUNTED,
	/* In the table for the next attach of the mm. Holds no reference to anything. */
	SHK_GRAFT_PARKED,
};

/*
 * A graft of one mm.
 *
 * While it is in the table (attached or PARKED) shk_graft_lock protects its members. In the other
 * states only the task that allocated, detached or unparked it changes it. .mm, .notifier and
 * .free do not change after shk_graft_alloc().
 */
struct shk_graft {
	/* Calls graft_on_invalidate() in exit_mmap(). Inserted by alloc, removed by free. */
	struct mmu_interval_notifier notifier;
	/* With a reference (mmgrab) in the state UNACCOUNTED, else without. */
	struct mm_struct *mm;
	/* Written by graft_set_state() only. */
	enum shk_graft_state state;
	/* The shadow, with a reference. NULL: UNUSED or PARKED. Written by graft.c. */
	struct shk_shadow *shadow;
	/* On whose behalf the mm is in the shadow. Written by shk_graft_set_origin(). */
	struct shk_origin origin;
	/* The innermost stretch, with a reference; NULL: none. Written by attach.c, inherit.c. */
	struct shk_stretch *stretch;
	/*
	 * Where the mm was before a cgroup's binding that is on trial placed it, with references;
	 * .shadow is NULL otherwise. Written by attach.c, inherit.c.
	 */
	struct shk_previous previous;
	/* UNUSED, PARKED: memory for the next stretch, or NULL. Used by enter.c. */
	struct shk_stretch *kept;
	/* struct shk_thread, on which edits act. Empty: edits act on all threads. See thread.h. */
	struct list_head threads;
	/* Set at each attach and move, greater than that of any graft before. By graft.c. */
	u64 order;
	/* CALLING: threads of the mm that are in chosen system calls. Written by calls.c. */
	unsigned int nr_calls;
	/* CALLING: every CPU has flushed since the entry is the target's. Written by calls.c. */
	bool calls_flushed;
	/*
	 * Grafts of mms that fork and exec create from this mm, by .sibling. A graft leaves the
	 * list when its mm is found to be complete (shk_graft_set_made()).
	 */
	struct list_head children;
	/* In the parent's .children, or in the list of shk_graft_detach_execs(); else empty. */
	struct list_head sibling;
	/* The task whose exec created the mm, to compare only; NULL: fork did. */
	const struct task_struct *exec;
	/*
	 * Until this time (jiffies) fork and exec in this mm create mms outside, since the mm is
	 * being detached. 0: new mms inherit. Written by attach.c.
	 */
	unsigned long no_inherit_until;
	/* exec created the mm for a vfork child, which ran in its parent's mm until then. */
	bool borrowing;
	/* In shk_shadow.grafts, in the order of .order. */
	struct list_head node;
	/* In the table. */
	struct hlist_node by_mm;
	/* shk_graft_put(): frees the graft. */
	struct work_struct free;
};

/*
 * A pending attach, of a process that was attached or moved while it was in exec, in its old mm.
 * Its new mm is attached on the way back to user space, by pending_attach_work() in inherit.c. A
 * user that attaches or detaches the process before that cancels it.
 *
 * exec's hook allocates it, pending_attach_work() frees it. Only .node changes in between, under
 * shk_graft_lock.
 */
struct shk_pending_attach {
	struct callback_head work; /* task work of .task */
	/* The shadow, with a reference. It counts this as a graft while .node is queued. */
	struct shk_shadow *shadow;
	const struct task_struct *task; /* the task in exec; it exists as long as this does */
	/* The old mm, to compare only: .task has it until exec switches to the new one. */
	const struct mm_struct *from;
	/* In the queue of all pending attaches; empty: cancelled. */
	struct list_head node;
};

/*
 * References that a change of text no longer needs. They are collected under locks and dropped by
 * shk_deferred_put_run() without any, since the last put of a shadow takes that shadow's lock.
 * Only the caller that makes the change accesses it. Each member may be NULL.
 */
struct shk_deferred_put {
	/*
	 * UNUSED: made by shk_graft_prealloc() and not used by an attach, which sets NULL.
	 * UNACCOUNTED: the graft that was detached.
	 */
	struct shk_graft *graft;
	struct shk_shadow *shadow;    /* the mm was moved out of it */
	struct shk_shadow *in_place;  /* the mm was seen in it, and it had bodies in place */
	struct shk_shadow *to;	      /* a stretch or a failed trial returns the mm to it */
	struct shk_stretch *stretch;  /* the stretch that has ended */
	struct shk_previous previous; /* .previous of the graft, of a trial that is over */
};

/*
 * A request of a user to change the text of one mm, for one attempt: before another attempt the
 * struct is zeroed and filled again. Only the caller that makes the change accesses it.
 */
struct shk_change {
	struct mm_struct *mm; /* the caller has a user of it (mmget) */
	/*
	 * Optional: asked under shk_graft_lock immediately before the change, with the mm's graft
	 * or NULL. It returns 0, or an error that the change ends with. It may be asked twice, and
	 * while the machine is stopped.
	 */
	int (*check)(const struct shk_change *change, const struct shk_graft *graft);
	/* In: what shk_graft_prealloc() made. Out: what to put, also after an error. */
	struct shk_deferred_put deferred;
	/* Out, after -EAGAIN: shk_busy_pid() of the thread that was in the way, or 0. */
	pid_t busy;
};

/*
 * Protects the table of grafts, the members of grafts in it, the queue of pending attaches,
 * shk_shadow.grafts and .nr_grafts, and all writes of the entry in mm->pgd except a carrier's.
 *
 * No lock of this module is taken inside it; on Xen PV the mm's page_table_lock is. It is not
 * taken in interrupts. With interrupts off it is only tried, except while the machine is stopped,
 * when no task can hold it.
 */
extern spinlock_t shk_graft_lock;

int shk_graft_init(void);
/*
 * Frees all parked grafts, at module unload. No graft is attached, since each holds the module.
 * Waits for grafts that shk_graft_put() has queued, and for invalidations of the mms of parked
 * grafts.
 */
void shk_graft_exit(void);

/* ---- With shk_graft_lock held. None of these sleeps. ---- */

/*
 * Returns the attached graft of @mm, or NULL if @mm is in no shadow. A parked graft is not
 * returned. The result is valid until shk_graft_lock is released.
 */
struct shk_graft *shk_graft_find(struct mm_struct *mm);

/*
 * Queues @pending for current, which is in exec and still runs in its old mm. The caller has set
 * @pending->shadow, with a reference, and has counted it (shk_graft_count()). exec holds the
 * process's cred_guard_mutex.
 */
void shk_pending_attach_add(struct shk_pending_attach *pending);

/*
 * Returns the pending attach of the process that runs in @mm, if its exec has taken @mm into use;
 * otherwise NULL. Called for an @mm that is in no shadow.
 */
struct shk_pending_attach *shk_pending_attach_find(struct mm_struct *mm);

/*
 * Cancels @pending, which is queued: its task does not attach itself, and the shadow no longer
 * counts it. pending_attach_work() frees @pending later, and drops its reference to the shadow.
 */
void shk_pending_attach_cancel(struct shk_pending_attach *pending);

/*
 * Returns any graft that the cgroup binding with the id @binding has placed and that remembers
 * where it was before (.previous), or NULL. Searches the whole table.
 */
struct shk_graft *shk_graft_find_on_trial(u64 binding);

/*
 * Adds @change, which may be negative, to the number of grafts of @shadow and of @shadow's target,
 * if it has one. A shadow that counts a graft cannot be destroyed.
 */
void shk_graft_count(struct shk_shadow *shadow, int change);

/*
 * Attaches @graft to @shadow: points the mm's entry at @shadow's tables, counts the graft there,
 * and takes a reference to @shadow. The new state is BEING_MADE if @being_made, else INSIDE.
 *
 * @graft is UNUSED, or attached to another shadow, which then no longer counts it. In that case
 * the caller drops @graft's reference to the other shadow, when no lock is held. Origin, stretch
 * and threads of @graft stay as they are.
 *
 * The caller flushes the mm. It holds text_mutex until then, unless no CPU can have executed the
 * mm. Error: XEN; nothing has changed.
 */
int shk_graft_attach_entry(struct shk_graft *graft, struct shk_shadow *shadow, bool being_made);

/*
 * Points the mm of @graft at the tables of its shadow's target if @calling (state CALLING), else
 * at those of its shadow (state INSIDE). A graft that is BEING_MADE counts as made.
 *
 * The caller flushes the mm; text_mutex is not needed (calls.c). Error: XEN; the entry and the
 * state have not changed.
 */
int shk_graft_set_calling(struct shk_graft *graft, bool calling);

/*
 * Detaches @graft, which is attached: points the mm's entry at the base and removes the graft from
 * the table. Origin and threads are cleared, and mms that fork and exec create from it count as
 * made. Cannot fail.
 *
 * The shadow still counts @graft, and @graft keeps its references. The caller flushes the mm and
 * then calls shk_graft_unaccount(), or it calls shk_graft_flush_and_put() for both.
 */
void shk_graft_detach_entry(struct shk_graft *graft);

/*
 * Notes that fork or exec has completed the mm of @graft: BEING_MADE becomes INSIDE, and the graft
 * leaves its parent's .children. Does nothing to a graft that is made already.
 */
void shk_graft_set_made(struct shk_graft *graft);

/* Sets @graft->origin, and updates what shk_graft_count_placed() returns. */
void shk_graft_set_origin(struct shk_graft *graft, struct shk_origin origin);

/* ---- Without shk_graft_lock: these take it themselves where they need it ---- */

/*
 * Points the entry of @mm, a carrier mm (carrier.h), at @shadow's tables, or at the base if
 * @shadow is NULL. Makes no graft and counts none. Needs no lock, does not sleep. The caller
 * flushes if a CPU can have loaded @mm. Error: XEN; nothing has changed.
 */
int shk_graft_set_carrier(struct mm_struct *mm, const struct shk_shadow *shadow);

/*
 * Prepares @mm for an entry that is not the base's: evicts its lazy TLB users. On CPUs that need
 * it (mmu/small_pages.h) @mm first gets the base's text in pages of 4 KB, and is flushed.
 * text_mutex is held until the entry is written. Waits for IPIs.
 */
void shk_graft_pre_attach(struct mm_struct *mm);

/*
 * Gives @mm the base's entry with its large pages again, and flushes, if shk_graft_pre_attach() or
 * a detach has left it with pages of 4 KB. Does nothing if @mm is in a shadow. Called after the
 * flush that follows a change of the entry, or after a change that failed. Waits for IPIs.
 */
void shk_graft_post_detach(struct mm_struct *mm);

/*
 * Allocates an UNUSED graft of @mm, with a notifier that reports the end of @mm, and takes a
 * reference to the module. The caller has created @mm and no other task knows it; or the caller
 * has a user of @mm. Sleeps; waits for @mm's mmap_lock unless shk_mm_subscribe() came before. It
 * is ended by shk_deferred_put_run() or shk_graft_free().
 *
 * Errors, as ERR_PTR:
 *   -ENOMEM
 *   -EAGAIN        mappings of @mm are being invalidated: no notifier can be inserted now
 *   -ERESTARTSYS   a signal was pending; only if @mm has mappings and was not subscribed
 */
struct shk_graft *shk_graft_alloc(struct mm_struct *mm);

/*
 * Allocates an UNUSED graft of @mm, which other tasks may know and run in. Signals that are
 * pending do not disturb it. The caller has a user of @mm and holds no lock except
 * cred_guard_mutex. Sleeps; if @wait, it waits for @mm's mmap_lock and for invalidations.
 *
 * Errors, as ERR_PTR:
 *   -ENOMEM
 *   -EAGAIN        only without @wait: the mmap_lock is taken, or mappings are being invalidated
 *   -ERESTARTSYS   the caller was killed, or signals interrupted every try
 */
struct shk_graft *shk_graft_alloc_any(struct mm_struct *mm, bool wait);

/*
 * Removes @graft, which is DETACHED, from the count of its shadow; it becomes UNACCOUNTED. Every
 * CPU has flushed the mm: from here on the shadow may change or free its tables and private pages
 * without a flush for this mm. Takes a reference to the mm (mmgrab). Does not sleep.
 */
void shk_graft_unaccount(struct shk_graft *graft);

/*
 * Has a worker free @graft, which is UNACCOUNTED, and drop its references to shadow, stretch and
 * mm. The reference to the module is dropped at once. Freeing is deferred because it waits for
 * invalidations of the mm and takes locks of shadows. Does not sleep; shk_graft_drain() waits.
 */
void shk_graft_put(struct shk_graft *graft);

/*
 * Flushes the mm of @graft, which is DETACHED, and then does what shk_graft_post_detach(),
 * shk_graft_unaccount() and shk_graft_put() do. The mm still exists: the caller has a user of it,
 * or runs in exit_mmap() or exec. Waits for IPIs.
 */
void shk_graft_flush_and_put(struct shk_graft *graft);

/*
 * Frees @graft, which is UNACCOUNTED or UNUSED, and drops its references and that to the module.
 * Sleeps: it waits for invalidations of the mm that are in progress. The caller keeps the mm
 * alive, and holds no shadow's lock, since the last put of a shadow takes that.
 */
void shk_graft_free(struct shk_graft *graft);

/*
 * Drops all references of @deferred. Its graft is parked, or freed if the mm has a parked graft
 * already. The caller still has its user of the mm and holds no shadow's lock. Sleeps. @deferred
 * is not reset; the caller does not use it again.
 */
void shk_deferred_put_run(struct shk_deferred_put *deferred);

/*
 * Frees the attached graft of @mm, whose creation by fork or exec failed before it had a mapping.
 * No CPU has executed @mm, so nothing is flushed. Sleeps.
 *
 * The hook in pgd_free() calls it for every mm. It does nothing if @mm is in no shadow: then
 * exit_mmap() has ended the graft, or there was none.
 */
void shk_graft_abort(struct mm_struct *mm);

/*
 * Waits until all grafts are freed that were put before (shk_graft_put()), and those whose mm
 * exited while they were parked. Sleeps; the caller holds no lock, since the worker takes locks of
 * shadows.
 */
void shk_graft_drain(void);

/*
 * Provides what an attach of @mm needs, so that the attach itself allocates no graft and waits for
 * no mmap_lock. @deferred, which was zero, gets an UNUSED graft: @mm's parked one, or a new one.
 * It gets none if @mm is in a shadow already.
 *
 * Called before any shadow is locked, since it waits for @mm's mmap_lock if @wait. The caller has
 * a user of @mm until shk_deferred_put_run(), and may hold cred_guard_mutex. Sleeps.
 *
 * Errors:
 *   -ENOMEM
 *   -EAGAIN        only without @wait: the mmap_lock is taken, or mappings are being invalidated
 *   -ERESTARTSYS   the caller was killed, or signals interrupted every try
 */
int shk_graft_prealloc(struct mm_struct *mm, bool wait, struct shk_deferred_put *deferred);

/*
 * Returns true if @mm is grafted to @shadow. During a chosen system call @mm counts as grafted to
 * its own shadow, not to the target. Does not sleep; also called while the machine is stopped.
 */
bool shk_graft_is_in(struct mm_struct *mm, const struct shk_shadow *shadow);

/*
 * Returns the shadow that @mm is grafted to, or that a pending attach will graft it to, with a
 * reference (shk_shadow_put()); NULL: neither. Does not sleep.
 */
struct shk_shadow *shk_graft_get_shadow(struct mm_struct *mm);

/*
 * Returns the next mm in a walk over the mms that are inside @shadow, or inside a shadow whose
 * target @shadow is. The order is that in which they came in (shk_graft.order). The caller sets
 * *@cursor to 0 to begin; each call sets it to the order of the mm that it returns. The caller
 * drops the mm's user (mmput()). Returns NULL after the last one.
 *
 * Skips mms that are exiting. An mm that leaves and comes in again during a walk is returned
 * again. Does not sleep.
 */
struct mm_struct *shk_graft_next(struct shk_shadow *shadow, u64 *cursor);

/*
 * Returns true if @mm is not where the cgroup binding with the id @binding wants it; 0: no binding
 * applies to its process. Does not sleep. It is misplaced if
 *   - @binding is not 0, and that binding has not placed @mm;
 *   - @binding is 0, and some binding has placed @mm;
 *   - @shadow is not NULL, and @mm is in another shadow and in no stretch;
 *   - @binding is not 0, @mm is in a stretch, and @moved: the process has moved between cgroups.
 */
bool shk_graft_misplaced(struct mm_struct *mm, u64 binding, const struct shk_shadow *shadow,
			 bool moved);

/*
 * Returns true if @mm, whose process has moved between cgroups, may not be where the cgroup
 * binding with the id @binding (0: none) wants it. Also true if another CPU holds shk_graft_lock:
 * this function only tries it, so it may be called with interrupts off and under any lock.
 */
bool shk_graft_may_be_misplaced(struct mm_struct *mm, u64 binding);

/*
 * Returns true if @mm is grafted, and exec created it for a vfork child that ran in its parent's
 * mm until then. Does not sleep.
 */
bool shk_graft_was_borrowing(struct mm_struct *mm);

/*
 * Returns the number of attached grafts whose origin is a cgroup's binding, including those that
 * are BEING_MADE. Takes no lock; the number may change at any time.
 */
unsigned int shk_graft_count_placed(void);

/*
 * Returns the shadow whose tables this CPU runs on, NULL for the base. During a chosen system call
 * that is the target. While a carrier mm is loaded it is the carrier's shadow. Interrupts are off.
 */
struct shk_shadow *shk_current_shadow(void);

/*
 * Returns true while @task, a vfork child, runs in its parent's mm: until it executes a program or
 * exits. Does not sleep.
 */
static inline bool shk_borrows_mm(struct task_struct *task)
{
	bool borrows;

	rcu_read_lock();
	borrows = READ_ONCE(task->vfork_done) &&
		  READ_ONCE(rcu_dereference(task->real_parent)->mm) == READ_ONCE(task->mm);
	rcu_read_unlock();
	return borrows;
}

/*
 * Returns true if @task is a kernel thread, also while that uses a process's mm. Other bits of
 * @task->flags may change at the same time; PF_KTHREAD does not.
 */
static inline bool shk_is_kthread(const struct task_struct *task)
{
	return data_race(task->flags) & PF_KTHREAD;
}

#endif /* SHK_GRAFT_H */
