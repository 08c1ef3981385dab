/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A graft connects one mm to one shadow: the mm's top-level page-table entry for kernel text
 * points at the shadow's tables. The CR3 load of every context switch then selects the text, so a
 * switch executes no code of this module. Only graft.c writes that entry and a graft's state.
 *
 * Terms
 *
 *   base                The kernel text that the machine has booted. An mm that is not attached
 *                       executes it, and is "outside". Carriers are an exception.
 *   shadow              A variant of the base with page tables and text pages of its own: struct
 *                       shk_shadow. An mm that is attached to it is "inside".
 *   entry               The entry in mm->pgd that maps kernel text. Each mm has its own.
 *   edit                Bytes of a shadow that differ from the base. Probes and patches are made of
 *                       edits.
 *   body in place       Code of a function that a patch has overwritten where it is, without a jump
 *                       to other code (shk_shadow.bodies). A task that sleeps in such a body would
 *                       go on in the middle of other code if its mm changed to another text.
 *   stretch             The time from SHK_ENTER to SHK_LEAVE. struct shk_stretch remembers where
 *                       the mm was before (stretch.h).
 *   SHK_THREAD stretch  A stretch of one thread. All threads of the process execute the shadow's
 *                       text, but edits act only on threads that are in such a stretch (thread.h).
 *   binding             Binds a cgroup to a shadow: struct shk_binding, known here by its id. It
 *                       "places" the cgroup's processes: it attaches them to the shadow. If it
 *                       splits the cgroup between two shadows, each process goes to one of these.
 *   trial               The time in which the call that binds a cgroup can still fail. If it fails,
 *                       each process that the binding has placed returns to where it was.
 *   pending attach      An attach that waits for the end of an exec: struct shk_pending_attach.
 *   caller shadow,      A caller shadow has a target, another shadow, and a set of "chosen" system
 *   target              calls. An mm inside it executes the target's text during these (calls.c).
 *   carrier             An mm without a process. Interrupts and kernel threads load it to execute a
 *                       shadow (carrier.h). It has no graft.
 *   attached            A graft is attached in the states BEING_MADE, INSIDE and CALLING. Its mm is
 *                       then attached to, or "in", the graft's shadow.
 *   hooks               Calls and jumps that the module puts into some functions of the kernel in
 *                       every shadow (hooks/hooks.c). "The hook in f()" is such a call in f(). Some
 *                       of the jumps lead to the base.
 *   made                A graft is made if it is not BEING_MADE: the module knows that fork or exec
 *                       can no longer free its mm without exit_mmap(). See "Children".
 *   XEN                 An error of compat/reason.h: Xen refused a write to a page table. It occurs
 *                       in Xen PV guests only.
 *   user, reference     Of an mm: mm_users (mmget, mmput) and mm_count (mmgrab, mmdrop).
 *
 * States
 *
 *                        shk_graft_alloc()
 *                               |
 *                               v     hooks in fork, exec
 *   .------------------------ UNUSED ----------------------> BEING_MADE ----.
 *   |                         ^   |                           |     |       |
 *   | shk_deferred_           |   | attach                    |     |       | fork or exec failed:
 *   | put_run(): it           |   v      shk_graft_set_made() |     |       | shk_graft_abort()
 *   | was not used            | INSIDE <----------------------'     |       |
 *   |                         |  |  ^                               |       |
 *   |                         |  |  | shk_graft_set_calling():      |       |
 *   |       shk_graft_        |  |  | the first chosen call begins, |       |
 *   |       prealloc():       |  |  v the last one ends             |       |
 *   |       for an attach     |  | CALLING                          |       |
 *   |                         |  |  |                               |       |
 *   |                         |  v  v   shk_graft_detach_entry()    |       |
 *   |                         | DETACHED <--------------------------'       |
 *   |                         |  |                                          |
 *   |                         |  | shk_graft_unaccount()                    |
 *   |                         |  v                                          |
 *   |                         | UNACCOUNTED <-------------------------------'
 *   |                         |  |                         ^
 *   |                         |  | shk_deferred_put_run()  | exit_mmap(), or the
 *   |                         |  v                         | module is unloaded
 *   '-----------------------> PARKED ----------------------'
 *
 *   state         entry      in the table  counted  references
 *   UNUSED        base's     no            no       module
 *   BEING_MADE    shadow's   yes           yes      module, shadow
 *   INSIDE        shadow's   yes           yes      module, shadow
 *   CALLING       target's   yes           yes      module, shadow
 *   DETACHED      base's     no            yes      module, shadow
 *   UNACCOUNTED   base's     no            no       mm; the others are being dropped
 *   PARKED        base's     yes           no       none
 *
 * - "The table" finds a graft by its mm. "Counted": in shk_shadow.nr_grafts. While that is not 0
 *   the shadow is not destroyed, and each change of its page tables ends with a flush of all CPUs.
 * - Not drawn: an UNUSED or UNACCOUNTED graft is freed, at once or by a worker. Only
 *   shk_deferred_put_run() parks it instead, unless its mm has a parked graft already.
 * - After shk_graft_abort() the entry is still the shadow's. The kernel frees the mm next.
 *
 * Steps of an attach by a user or a binding, in this order
 *
 *   shk_graft_prealloc()         no shadow is locked: memory, notifier; waits for mm->mmap_lock
 *   shk_graft_attach()           attach.h: the shadow is locked; its tables and hooks are made
 *   shk_graft_change_text()      change_text.h: takes text_mutex until after the flush
 *     shk_graft_pre_attach()     lazy TLB users of the mm are evicted
 *     shk_graft_attach_entry()   under shk_graft_lock: the entry, the state, the shadow's count
 *     shk_mmu->flush_mm()
 *   shk_deferred_put_run()       no shadow is locked: drops references, parks a graft left over
 *
 * Steps by which an mm leaves a shadow, in this order; each has its verb
 *
 *   detach        the mm's entry is the base's; the shadow still counts the graft
 *   flush         no CPU has translations of the shadow for that mm
 *   unaccount     the shadow does not count the graft, so it may change or free its tables; the
 *                 graft gets a reference to the mm
 *   put           shk_graft_put() drops the reference to the module and has a worker free the
 *                 graft; or shk_deferred_put_run() drops all references and parks the graft
 *   free          unless it is parked: the references to shadow, stretches and mm are dropped, the
 *                 notifier is removed
 *
 * A move
 *
 * An attach of an mm that is inside another shadow is a move. So is the return from a stretch, or
 * from a trial that failed, to another shadow. One write changes the entry from the old shadow's
 * tables to the new shadow's. The graft stays in the table and is INSIDE afterwards.
 *
 * The new shadow is locked, the old one is not. Once the entry is written, the old shadow no longer
 * counts the graft, although CPUs may have translations of its tables until the flush. Until then
 * these protect its tables:
 * - text_mutex. The mover holds it from before the write until after the flush. Each change of the
 *   old shadow's text takes it, and the end of that shadow takes it before tables are freed.
 * - The graft's reference to the old shadow. The mover keeps it in shk_deferred_put.shadow, and
 *   drops it when no shadow is locked.
 *
 * Parked grafts
 *
 * An mm that was detached keeps its graft, PARKED. Its next attach then needs no memory and no
 * mmap_lock, since the notifier is inserted already. A parked graft holds no reference. Only the
 * table and the mm's notifier tree point at it. Ways in and out:
 * - shk_deferred_put_run() parks it, and then drops its references to the mm and the module. The
 *   caller has a user of the mm, so a later exit_mmap() finds the graft in the table.
 * - shk_graft_prealloc() takes it for an attach, and takes a reference to the module. The caller
 *   holds the module already, by an open file or a binding.
 * - exit_mmap() calls the notifier. That takes a reference to the mm, not to the module, and queues
 *   the graft for the worker that frees it.
 * - shk_graft_exit(), at unload, frees all parked grafts and waits for the worker. Removing the
 *   notifier waits for a call of it, so no code of the module runs afterwards.
 *
 * Children
 *
 * If a task inside calls fork or exec, the hook in pgd_alloc() grafts the new mm. The graft is
 * BEING_MADE, and in .children of the parent's graft. While the new mm has no mapping, fork or exec
 * may fail and free it without exit_mmap(), so the notifier is not called. Then the hook in
 * pgd_free() frees the graft (shk_graft_abort()). Only texts of shadows have that hook. So a detach
 * of the parent fails while a child has no mapping (inherit.h: shk_graft_has_unfinished_child()).
 *
 * Once the new mm has a mapping, a fork or exec that fails ends it by exit_mmap(). The notifier
 * detaches it there, as any other mm. So the graft may count as made: shk_graft_set_made() sets the
 * state to INSIDE and takes the graft from .children. The module does not learn of the first
 * mapping. It calls shk_graft_set_made() at the first of these events:
 * - a detach of the parent is tried, and checks all children: those of fork that have a mapping
 *   become made;
 * - exec takes the new mm into use;
 * - the new mm is moved, or a thread of it begins a chosen system call;
 * - the parent is detached, or its mm ends: by then no child is without a mapping.
 *
 * Files of this directory, in the order in which to read them; scripts/layers checks which of them
 * includes which
 *
 *   graft         state and entry of a graft, the table of all grafts, the end of an mm
 *   change_text   locks, evictions and flushes around a change of the entry
 *   stack_check   stops the machine where a shadow has bodies in place
 *   attach        attach, move, detach; placement by a binding, and the return if a trial fails
 *   stretch       what a stretch of system calls remembers
 *   enter         begins and ends stretches
 *   thread        the threads on which edits act, in processes with SHK_THREAD stretches
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
	/*
	 * Not attached and not in the table. Known only to the caller that has allocated it, or has
	 * taken it from the table, where it was PARKED (shk_graft_prealloc()).
	 */
	SHK_GRAFT_UNUSED,
	/* Attached. fork or exec has created the mm, and may still fail and free it. */
	SHK_GRAFT_BEING_MADE,
	/* Attached. The mm executes the shadow's text. */
	SHK_GRAFT_INSIDE,
	/* Attached to a caller shadow. The mm executes the text of its target (calls.c). */
	SHK_GRAFT_CALLING,
	/* The entry is the base's. A CPU may still have translations of the shadow. */
	SHK_GRAFT_DETACHED,
	/*
	 * No CPU has translations of the shadow for the mm: every CPU has flushed, or none has
	 * executed the mm. The shadow does not count the graft.
	 */
	SHK_GRAFT_UNACCOUNTED,
	/*
	 * In the table for the next attach of the mm. Holds no reference. "Parked grafts" in the
	 * file header says how it comes to this state and leaves it.
	 */
	SHK_GRAFT_PARKED,
};

/*
 * A graft of one mm.
 *
 * While it is in the table (attached or PARKED) shk_graft_lock protects its members. Otherwise one
 * owner changes it without a lock: the caller that allocated, detached or unparked it, and the
 * worker after shk_graft_put(). .mm, .notifier and .free do not change after shk_graft_alloc(), and
 * .node is under shk_graft_lock in every state.
 */
struct shk_graft {
	/*
	 * Reports the end of the mm: exit_mmap() calls graft_on_invalidate(). Its range is the last
	 * page of the address space, where no mapping can be. So calls for other events are rare,
	 * and do nothing. Inserted by shk_graft_alloc(), removed when the graft is freed.
	 */
	struct mmu_interval_notifier notifier;
	/*
	 * The mm. UNACCOUNTED: with a reference (mmgrab). Other states: without. With one, an mm
	 * whose creation fails would never reach pgd_free(), whose hook frees the graft.
	 */
	struct mm_struct *mm;
	/* Written by graft_set_state() only. */
	enum shk_graft_state state;
	/*
	 * The shadow, with a reference, from the attach until the graft is parked or freed. NULL:
	 * it is UNUSED or PARKED, or was PARKED when its mm ended. Written by graft.c.
	 */
	struct shk_shadow *shadow;
	/* On whose behalf the mm is inside. Zero if not attached. By shk_graft_set_origin(). */
	struct shk_origin origin;
	/* The innermost stretch, with a reference; NULL: none. Written by attach.c, inherit.c. */
	struct shk_stretch *stretch;
	/*
	 * Where the mm was before a binding on trial placed it, with references. fork and exec pass
	 * it on. Written by attach.c, inherit.c.
	 *
	 * previous.shadow is NULL if no binding on trial has placed the mm, or the mm was outside
	 * before. These two need not be told apart: shk_graft_restore() does nothing then. After it
	 * scope/place.c places the mm by the binding that applies. If none applies, it detaches the
	 * mm if a binding has placed it.
	 */
	struct shk_previous previous;
	/*
	 * Memory of a stretch that has ended, kept for the next one; or NULL. It stays while the
	 * graft is PARKED. enter.c takes it for a new stretch from the UNUSED graft that
	 * shk_graft_prealloc() has provided. Written by graft.c, enter.c.
	 */
	struct shk_stretch *kept;
	/* struct shk_thread: the threads on which edits act. Empty: all threads. See thread.h. */
	struct list_head threads;
	/* Set at each attach and move, greater than that of any graft before. By graft.c. */
	u64 order;
	/* CALLING: threads of the mm that are in chosen system calls. Written by calls.c. */
	unsigned int nr_calls;
	/*
	 * CALLING: every CPU has flushed since the entry became the target's, so a thread that
	 * begins a chosen call need not flush. Written by calls.c.
	 */
	bool calls_flushed;
	/*
	 * BEING_MADE grafts of mms that fork and exec have created in this mm, by .sibling. See
	 * "Children" in the file header.
	 */
	struct list_head children;
	/*
	 * BEING_MADE: in .children of the parent's graft. DETACHED by shk_graft_detach_execs()
	 * (inherit.h): in a list of the parent's detach, which gives these grafts up after its
	 * flush. Otherwise empty.
	 */
	struct list_head sibling;
	/*
	 * The task whose exec has created the mm. NULL: fork has, or the mm was attached later.
	 * inherit.c compares it with current, to find the mm of current's exec among .children. It
	 * is never dereferenced. Written by inherit.c before the attach.
	 */
	const struct task_struct *exec;
	/*
	 * Until this time (jiffies) fork and exec in this mm create mms outside, so that the next
	 * try of a detach meets no new child. It is a time limit, since a caller whose detach
	 * failed might never try again. ULONG_MAX: a detach is in progress. 0 or a time that has
	 * passed: new mms are inside. Written by attach.c; a move and parking clear it.
	 */
	unsigned long no_inherit_until;
	/* exec has created the mm for a vfork child, which ran in its parent's mm before. */
	bool borrowing;
	/* In shk_shadow.grafts, by ascending .order, while attached or DETACHED. */
	struct list_head node;
	/* In the table, while attached or PARKED. */
	struct hlist_node by_mm;
	/* The worker's job to free the graft. Queued by shk_graft_put() and by the notifier. */
	struct work_struct free;
};

/*
 * A pending attach: the attach of the new mm of a process in exec.
 *
 * Someone may attach or move a process after its exec has created the new mm. That changes the old
 * mm, in which the process still runs. The hook in exec_mm_release() runs when exec is about to
 * take the new mm into use. If the old mm is then in a shadow with the origin SHK_BY_USER, and the
 * new mm is not in that shadow, the hook queues a pending attach. If the new mm is in another
 * shadow, the hook also detaches it. So the new mm is in no shadow while its attach is pending.
 *
 * pending_attach_work() attaches the new mm, on the way back to user space and before the program's
 * first instruction. If someone attaches or detaches the process before that, the pending attach
 * is cancelled.
 *
 * inherit.c allocates the struct in the hook, and frees it in pending_attach_work(). Between these
 * only .node changes, under shk_graft_lock.
 */
struct shk_pending_attach {
	struct callback_head work; /* task work of .task */
	/* The shadow, with a reference. It counts this as a graft while .node is queued. */
	struct shk_shadow *shadow;
	const struct task_struct *task; /* the task in exec; it exists as long as this does */
	/*
	 * The old mm. Never dereferenced. While .task->mm equals it, exec has not yet taken the new
	 * mm into use.
	 */
	const struct mm_struct *from;
	/* In the queue of all pending attaches; empty: cancelled. */
	struct list_head node;
};

/*
 * References that a change of text no longer needs. They are collected under locks.
 * shk_deferred_put_run() drops them when no shadow is locked, since the last put of a shadow takes
 * that shadow's lock. Only the caller that makes the change accesses it. Each member may be NULL.
 */
struct shk_deferred_put {
	/*
	 * Before the change: the UNUSED graft of shk_graft_prealloc(). An attach that uses it sets
	 * this to NULL. After a detach: the graft that was detached, UNACCOUNTED.
	 */
	struct shk_graft *graft;
	/* The shadow out of which the mm was moved. The graft has given up this reference. */
	struct shk_shadow *shadow;
	/*
	 * The shadow that the mm was in before the change, if it has bodies in place. Taken by
	 * shk_graft_change_text(), so that the list of bodies stays until stacks are checked.
	 */
	struct shk_shadow *in_place;
	/*
	 * The shadow that the mm returns to, after a stretch or a trial that failed. This reference
	 * keeps the shadow until it is locked and the graft has a reference of its own.
	 */
	struct shk_shadow *to;
	/* .stretch of the graft before the change, if the change has ended that stretch. */
	struct shk_stretch *stretch;
	/* .previous of the graft before the change, if the change has cleared it. */
	struct shk_previous previous;
};

/*
 * A request to change the text of one mm, for one attempt. The shadow that the mm goes to is not a
 * member: it is an argument of the function that makes the change. Only the caller that makes the
 * change accesses the struct. Before another attempt it runs shk_deferred_put_run() on .deferred,
 * zeroes the struct and fills it again.
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
	/*
	 * Out, after -EAGAIN: the thread that keeps the text from changing, as shk_busy_pid() gives
	 * it. It is in a body in place, or is treated as if it were
	 * (shk_stack_check_and_change()). 0: there was another reason.
	 */
	pid_t busy;
};

/*
 * Protects the table of grafts, the members of grafts in it, the queue of pending attaches,
 * shk_shadow.grafts and .nr_grafts, and all writes of the entry in mm->pgd except a carrier's.
 *
 * No lock of this module is taken inside it; on Xen PV the mm's page_table_lock is. It is not
 * taken in interrupts, and its holders leave interrupts on. So a task that has interrupts off only
 * tries it. If it spun, it could hold a kernel lock for which an interrupt spins on the CPU of
 * shk_graft_lock's holder: a deadlock. Exception: while the machine is stopped it is taken, since
 * no task can hold it then.
 */
extern spinlock_t shk_graft_lock;

/* Allocates the workqueue that frees grafts. Called once, at load. Sleeps. Error: -ENOMEM. */
int shk_graft_init(void);
/*
 * Frees all parked grafts, at module unload. No other graft is left except UNACCOUNTED ones that
 * the worker is to free: grafts in the other states hold a reference to the module. Waits for the
 * worker, and for invalidations of the mms of parked grafts. Sleeps.
 */
void shk_graft_exit(void);

/* ---- With shk_graft_lock held. None of these sleeps. ---- */

/*
 * Returns the attached graft of @mm, or NULL if @mm is in no shadow. A parked graft is not
 * returned. The result is valid until shk_graft_lock is released.
 */
struct shk_graft *shk_graft_find(struct mm_struct *mm);

/*
 * Queues @pending for current, which is in exec and still runs in its old mm. Sets @pending->task
 * and ->from. exec holds the process's cred_guard_mutex.
 *
 * The caller has set @pending->shadow, with a reference, and has counted it (shk_graft_count()).
 * Afterwards, without shk_graft_lock, it sets @pending->work and adds that to current's task works.
 */
void shk_pending_attach_add(struct shk_pending_attach *pending);

/*
 * Returns the pending attach whose task runs in @mm, its new mm; NULL: there is none. While exec
 * has not taken the new mm into use, there is none for either mm. The result is valid until
 * shk_graft_lock is released.
 *
 * Called only for an @mm that has no attached graft. This misses no pending attach: its new mm is
 * in no shadow, even if the process was moved (struct shk_pending_attach).
 */
struct shk_pending_attach *shk_pending_attach_find(struct mm_struct *mm);

/*
 * Cancels @pending, which is queued: its task does not attach itself, and the shadow no longer
 * counts it. pending_attach_work() frees @pending later, and drops its reference to the shadow.
 */
void shk_pending_attach_cancel(struct shk_pending_attach *pending);

/*
 * Returns any graft that the cgroup binding with the id @binding has placed, and whose
 * previous.shadow is not NULL. Returns NULL if there is none. Searches the whole table. The result
 * is valid until shk_graft_lock is released.
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
 * @shadow has tables and hooks. It is locked, or counts a graft or a pending attach already.
 *
 * @graft is UNUSED, or attached to another shadow. The latter is a move: the other shadow no longer
 * counts @graft, and the caller drops @graft's reference to it when no shadow is locked. "A move"
 * in the file header says what protects the other shadow's tables until then.
 *
 * Origin, stretch and threads of @graft stay as they are. .order gets a new value. A chosen call
 * remembers the .order at its begin (calls.c). So if such a call is in progress, its end finds
 * another .order and leaves the entry alone.
 *
 * The caller flushes the mm afterwards. It holds text_mutex from before this call until after the
 * flush. Exception: neither is needed for an mm that no CPU can have executed.
 *
 * Error: XEN; nothing has changed.
 */
int shk_graft_attach_entry(struct shk_graft *graft, struct shk_shadow *shadow, bool being_made);

/*
 * Changes the text of @graft's mm at the begin and the end of chosen calls. @graft is attached to a
 * caller shadow. If @calling, it points the entry at the tables of that shadow's target, and the
 * state becomes CALLING. Otherwise it points the entry at the caller shadow's tables, and the state
 * becomes INSIDE.
 *
 * A @graft that is BEING_MADE becomes made on the way (shk_graft_set_made()): a thread of the mm
 * makes a call, so fork or exec has completed the mm.
 *
 * The caller flushes the mm after it has released shk_graft_lock. text_mutex is not needed:
 * - No tables are freed before that flush, since both shadows count the graft before and after
 *   (shk_graft_count()).
 * - The hooks of both texts lead the same functions to the base. So a task in such a function stays
 *   in the base.
 * - Neither shadow has bodies in place.
 *
 * Error: XEN; the entry and the state have not changed.
 */
int shk_graft_set_calling(struct shk_graft *graft, bool calling);

/*
 * Detaches @graft, which is attached: points the mm's entry at the base and removes the graft from
 * the table. The state becomes DETACHED. Cannot fail: Xen does not refuse the base's tables, which
 * init_mm uses. On CPUs with itlb_multihit the entry then maps the base in pages of 4 KB, until
 * shk_graft_post_detach() is called.
 *
 * Origin and threads are cleared. All grafts in .children become made (shk_graft_set_made()). Each
 * of their mms has a mapping, for one of these reasons:
 * - shk_graft_has_unfinished_child() has returned false, and shk_graft_lock was held since then;
 * - no fork or exec in @graft's mm is creating another mm: no task runs in @graft's mm, or only
 *   current does, still in the exec that has created @graft's mm.
 *
 * The shadow still counts @graft, and @graft keeps its references. The caller flushes the mm and
 * then calls shk_graft_unaccount(), or it calls shk_graft_flush_and_put() for both.
 */
void shk_graft_detach_entry(struct shk_graft *graft);

/*
 * Notes that @graft is made: fork or exec cannot free its mm without exit_mmap(). The state becomes
 * INSIDE, and @graft leaves .children of its parent. Does nothing if @graft is made already.
 */
void shk_graft_set_made(struct shk_graft *graft);

/*
 * Sets @graft->origin, and updates what shk_graft_count_placed() returns. @graft is attached: an
 * attach sets the origin after it has called shk_graft_attach_entry().
 */
void shk_graft_set_origin(struct shk_graft *graft, struct shk_origin origin);

/* ---- Without shk_graft_lock: these take it themselves where they need it ---- */

/*
 * Points the entry of @mm, a carrier mm (carrier.h), at @shadow's tables, or at the base if
 * @shadow is NULL. Makes no graft and counts none. The caller is the only one that writes this
 * entry: it holds the lock of the carrier's shadow. Does not sleep.
 *
 * The caller flushes @mm afterwards if a CPU can have loaded it. Error: XEN; nothing has changed.
 */
int shk_graft_set_carrier(struct mm_struct *mm, const struct shk_shadow *shadow);

/*
 * Prepares @mm for an entry that is not the base's: evicts its lazy TLB users, which would execute
 * the shadow in the idle loop. Called before shk_graft_attach_entry(). Waits for IPIs. Cannot fail.
 *
 * CPUs with the bug itlb_multihit (mmu/small_pages.h) need more: if @mm is in no shadow, it changes
 * the entry to tables that map the base in pages of 4 KB. Then it flushes @mm.
 *
 * The caller holds text_mutex from before this call until it has changed the entry itself and has
 * flushed @mm.
 */
void shk_graft_pre_attach(struct mm_struct *mm);

/*
 * Undoes what the CPU bug itlb_multihit required (mmu/small_pages.h). If @mm is in no shadow and
 * its entry maps the base in pages of 4 KB, points the entry at the base's own tables and flushes
 * @mm. shk_graft_pre_attach() or a detach has made such an entry. Otherwise does nothing.
 *
 * Called after a change of the entry and its flush, also after a change that failed. text_mutex is
 * held, or no other task can attach @mm. May wait for IPIs. Cannot fail.
 */
void shk_graft_post_detach(struct mm_struct *mm);

/*
 * Allocates an UNUSED graft of @mm, with a notifier that reports the end of @mm, and takes a
 * reference to the module. The caller has created @mm and no other task knows it; or the caller
 * has a user of @mm. The caller attaches the graft, or ends it by shk_graft_free() or
 * shk_deferred_put_run().
 *
 * Sleeps. Waits for @mm's mmap_lock, unless @mm has notifier subscriptions: those that
 * shk_mm_subscribe() allocates (subscribe.h).
 *
 * Errors, as ERR_PTR:
 *   -ENOMEM
 *   -EAGAIN        mappings of @mm are being invalidated: no notifier can be inserted now
 *   -ERESTARTSYS   a signal was pending; only if @mm has mappings and no subscriptions
 */
struct shk_graft *shk_graft_alloc(struct mm_struct *mm);

/*
 * Allocates an UNUSED graft of @mm, which other tasks may know and run in. Like shk_graft_alloc(),
 * it takes a reference to the module.
 *
 * If @mm has no notifier subscriptions, it first allocates them, and tries again after a signal
 * (shk_mm_subscribe()). So a pending signal causes no error, unless it kills the caller. If @wait,
 * it also waits for @mm's mmap_lock and for invalidations.
 *
 * The caller has a user of @mm and holds no lock except cgroups_lock and cred_guard_mutex. It
 * attaches the graft, or ends it by shk_graft_free() or shk_deferred_put_run(). Sleeps.
 *
 * Errors, as ERR_PTR:
 *   -ENOMEM
 *   -EAGAIN        only without @wait: the mmap_lock is taken, or mappings are being invalidated
 *   -ERESTARTSYS   the caller was killed, or new signals interrupted each of a hundred tries
 */
struct shk_graft *shk_graft_alloc_any(struct mm_struct *mm, bool wait);

/*
 * Removes @graft, which is DETACHED, from the count of its shadow; it becomes UNACCOUNTED. Every
 * CPU has flushed the mm: from here on the shadow may change or free its tables and private pages
 * without a flush for this mm. Takes a reference to the mm (mmgrab). Does not sleep.
 */
void shk_graft_unaccount(struct shk_graft *graft);

/*
 * Has a worker free @graft, which is UNACCOUNTED, and drop its references: .shadow, .stretch,
 * .previous, the mm. Frees .kept. The reference to the module is dropped at once. Does not sleep.
 *
 * Freeing is left to the worker since it waits for invalidations of the mm and takes locks of
 * shadows. shk_graft_drain() waits for it. The graft is not parked.
 */
void shk_graft_put(struct shk_graft *graft);

/*
 * Flushes the mm of @graft, which is DETACHED, and then calls shk_graft_post_detach(),
 * shk_graft_unaccount() and shk_graft_put(). So a worker frees @graft, also if its mm lives on.
 *
 * The caller ensures that no other task can attach the mm meanwhile; otherwise
 * shk_graft_post_detach() would need text_mutex. The mm exists: the caller has a user of it, or
 * runs in exit_mmap() or exec. No spinlock is held. Waits for IPIs.
 */
void shk_graft_flush_and_put(struct shk_graft *graft);

/*
 * Frees @graft, which is UNACCOUNTED or UNUSED, and drops its references and that to the module.
 * The caller keeps the mm of an UNUSED graft alive, by mm_users or mm_count.
 *
 * Sleeps: it waits for invalidations of the mm that are in progress. The caller holds no shadow's
 * lock, since the last put of a shadow takes that.
 */
void shk_graft_free(struct shk_graft *graft);

/*
 * Drops all references of @deferred. Parks its graft, which is UNACCOUNTED or UNUSED: drops the
 * graft's references to the shadow, the stretch and .previous, and then those to the mm and the
 * module. An UNUSED graft has no reference to the mm. If the mm has a parked graft already, frees
 * the graft instead.
 *
 * The caller still has its user of the mm. exit_mmap() frees a parked graft, so a graft that is
 * parked after it would stay in the table when the mm is freed. The caller holds no shadow's lock.
 * Sleeps. @deferred is not reset; the caller does not use it again.
 */
void shk_deferred_put_run(struct shk_deferred_put *deferred);

/*
 * Frees the graft of @mm, an mm whose creation by fork or exec has failed before it had a mapping.
 * The graft is BEING_MADE. No CPU has executed @mm, so nothing is flushed. Drops all references of
 * the graft. mm_count of @mm, which may be 0 already, is afterwards what it was before: the caller
 * goes on to free @mm.
 *
 * The hook in pgd_free() calls it for every mm, in contexts that may not sleep, too. It does
 * nothing if @mm has no graft, and does not sleep then: @mm never had one, or exit_mmap() has ended
 * it. If @mm has a graft, it sleeps: the caller is the task in fork or exec that creates @mm.
 */
void shk_graft_abort(struct mm_struct *mm);

/*
 * Waits until the worker has freed all grafts that were queued before the call: by shk_graft_put(),
 * and by the notifier of an mm that ended while its graft was parked. Sleeps; the caller holds no
 * lock, since the worker takes locks of shadows.
 */
void shk_graft_drain(void);

/*
 * Provides what an attach of @mm needs, so that the attach itself allocates no graft and waits for
 * no mmap_lock. @deferred, which was zero, gets an UNUSED graft: @mm's parked one, or a new one.
 *
 * If @mm is in a shadow, @deferred gets none, since the attach uses the graft of @mm. If @mm has
 * left that shadow by then, the attach returns -EAGAIN. The caller then begins again with this
 * function.
 *
 * Called before any shadow is locked, since it waits for @mm's mmap_lock if @wait. The caller may
 * hold cgroups_lock and cred_guard_mutex. It has a user of @mm until it has called
 * shk_deferred_put_run(). Sleeps.
 *
 * Errors:
 *   -ENOMEM
 *   -EAGAIN        only without @wait: the mmap_lock is taken, or mappings are being invalidated
 *   -ERESTARTSYS   the caller was killed, or new signals interrupted each of a hundred tries
 */
int shk_graft_prealloc(struct mm_struct *mm, bool wait, struct shk_deferred_put *deferred);

/*
 * Returns true if @mm is attached to @shadow. During a chosen system call @mm counts as attached to
 * its caller shadow, not to the target. Does not sleep; also called while the machine is stopped.
 */
bool shk_graft_is_in(struct mm_struct *mm, const struct shk_shadow *shadow);

/*
 * Returns the shadow that @mm is attached to, with a reference (shk_shadow_put()). During a chosen
 * system call that is the caller shadow. If @mm has no attached graft, returns the shadow of the
 * pending attach whose task runs in @mm, its new mm. Returns NULL if there is neither. Does not
 * sleep.
 */
struct shk_shadow *shk_graft_get_shadow(struct mm_struct *mm);

/*
 * Returns the next mm in a walk over the grafts to @shadow, and to caller shadows whose target
 * @shadow is. Grafts in the states BEING_MADE and DETACHED are among them. The order is that in
 * which they came in (shk_graft.order).
 *
 * The caller sets *@cursor to 0 to begin; each call sets it to the order of the mm that it
 * returns. Returns the mm with a user, which the caller drops (mmput()). Returns NULL after the
 * last one.
 *
 * Skips mms that are exiting. An mm that leaves and comes in again during a walk is returned
 * again. Does not sleep.
 */
struct mm_struct *shk_graft_next(struct shk_shadow *shadow, u64 *cursor);

/*
 * Returns true if @mm is not where it is to be by the binding that applies to its process now.
 * @binding is the id of that binding, 0 if none applies. Does not sleep.
 *
 * @shadow: the one for @mm, of the two shadows of a binding that splits the cgroup. NULL: it does
 * not matter in which shadow @binding has placed @mm. Always NULL if @binding is 0.
 * @moved: the process has moved between cgroups.
 *
 * An mm that a binding has placed may begin stretches, also in other shadows, and comes back when
 * they end. So in a stretch it is not misplaced, unless @moved: a move between cgroups ends its
 * stretches.
 *
 *   @binding  @mm                                             returns
 *   0         no binding has placed it                        false
 *   0         a binding has placed it                         true
 *   not 0     @binding has not placed it                      true
 *   not 0     @binding has placed it, it is in a stretch      @moved
 *   not 0     @binding has placed it, it is in no stretch     true if @shadow is not NULL and @mm
 *                                                             is in another shadow
 */
bool shk_graft_misplaced(struct mm_struct *mm, u64 binding, const struct shk_shadow *shadow,
			 bool moved);

/*
 * Returns what shk_graft_misplaced(@mm, @binding, NULL, true) returns, but only tries
 * shk_graft_lock: if another CPU holds it, the result is true. So false is certain, and true is
 * not. May be called with interrupts off and under any lock. Does not sleep.
 */
bool shk_graft_may_be_misplaced(struct mm_struct *mm, u64 binding);

/*
 * Returns true if @mm has an attached graft, and exec created it for a vfork child that ran in its
 * parent's mm before that exec. Does not sleep.
 */
bool shk_graft_was_borrowing(struct mm_struct *mm);

/*
 * Returns the number of attached grafts whose origin is a cgroup's binding, including those that
 * are BEING_MADE. Takes no lock; the number may change at any time.
 */
unsigned int shk_graft_count_placed(void);

/*
 * Returns the shadow whose tables this CPU runs on, NULL for the base. During a chosen system call
 * that is the target. While a carrier mm is loaded it is the carrier's shadow.
 *
 * Interrupts are off. Any context, NMIs included; takes no lock. Takes no reference: the shadow
 * exists until interrupts are on again, since its end waits for a grace period of RCU.
 */
struct shk_shadow *shk_current_shadow(void);

/*
 * Returns true while @task, a vfork child, runs in its parent's mm: until it executes a program or
 * exits. @task is not a kernel thread: for one the result means nothing. Does not sleep.
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
