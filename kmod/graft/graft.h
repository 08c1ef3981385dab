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
 *   queue free    shk_graft_queue_free() drops the reference to the module and has a worker free
 *                 the graft. Or shk_deferred_put_run() drops all references and parks the graft.
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
	 * Not attached and not in the table. Only one caller knows it: it has allocated the graft,
	 * or taken a PARKED graft from the table (shk_graft_prealloc()).
	 */
	SHK_GRAFT_UNUSED,
	/* Attached. fork or exec has created the mm, and may still fail and free it. */
	SHK_GRAFT_BEING_MADE,
	/* Attached. The mm executes the shadow's text. */
	SHK_GRAFT_INSIDE,
	/*
	 * Attached to a caller shadow: one that has another shadow as its target
	 * (shk_shadow.target). A thread is in one of the chosen system calls, so the mm executes
	 * the target's text (calls.c).
	 */
	SHK_GRAFT_CALLING,
	/*
	 * The mm's entry (the page-table entry for kernel text) is the base's. A CPU may still have
	 * translations of the shadow.
	 */
	SHK_GRAFT_DETACHED,
	/*
	 * No CPU has translations of the shadow for the mm: every CPU has flushed, or none has
	 * executed the mm. The shadow does not count the graft.
	 */
	SHK_GRAFT_UNACCOUNTED,
	/*
	 * The mm was detached, or the graft was not used. The graft stays in the table for the next
	 * attach of the mm, and holds no reference. "Parked grafts" in the file header lists the
	 * ways into this state and out of it.
	 */
	SHK_GRAFT_PARKED,
};

/*
 * The role of an mm's process in a capture (edit/capture.h). A tool in one shadow, the helper, arms
 * kprobes, fprobes and users of tracepoints, which hit in another shadow only, the target. A
 * workload is a program that such a tool traces: exec moves it to shk_shadow.workload of the
 * helper. Changes under shk_graft_lock.
 *
 *   NONE -> ARMED           the process has armed something; kept in exec
 *   ARMED -> FORKED         in the child of fork. It becomes ARMED if it arms something itself
 *   FORKED -> WORKLOAD      in exec. A child of an ARMED process that was forked before that, or by
 *                           vfork, becomes WORKLOAD, too: see inherit_is_workload()
 *   WORKLOAD -> WORKLOAD    in fork and exec
 *   any -> NONE             the mm is attached to another shadow, or detached
 */
enum shk_tool_role {
	SHK_ROLE_NONE,
	SHK_ROLE_ARMED,
	SHK_ROLE_FORKED,
	SHK_ROLE_WORKLOAD, /* in the target, where all functions that arm something fail for it */
};

/*
 * A graft of one mm.
 *
 * While it is in the table (attached or PARKED) shk_graft_lock protects its members. Otherwise one
 * owner changes it without a lock: the caller that allocated, detached or unparked it, and the
 * worker after shk_graft_queue_free(). .mm and .notifier do not change after
 * shk_graft_alloc(), and .node is under shk_graft_lock in every state.
 */
struct shk_graft {
	/*
	 * Reports the end of the mm: exit_mmap() calls graft_on_invalidate(). Its range is the last
	 * page of the address space, where no mapping can be. So calls for other events are rare,
	 * and do nothing. Inserted by shk_graft_alloc(), removed when the graft is freed.
	 */
	struct mmu_interval_notifier notifier;
	/*
	 * The mm. The graft has a reference to the mm (mmgrab) while it is UNACCOUNTED, and none in
	 * other states. An mm that has a reference would not reach pgd_free() when its creation
	 * fails, so the hook there would not free the graft.
	 */
	struct mm_struct *mm;
	/* Written by graft_set_state() only. */
	enum shk_graft_state state;
	/*
	 * The shadow, with a reference, from the attach until the graft is parked or freed. NULL if
	 * the graft is UNUSED or PARKED, or was PARKED before it became UNACCOUNTED. Written by
	 * graft.c.
	 */
	struct shk_shadow *shadow;
	/*
	 * Says whether a user, a delegate or a cgroup's binding put the mm into the shadow. Zero if
	 * the graft is not attached. Written by shk_graft_set_origin() only.
	 */
	struct shk_origin origin;
	/* The innermost stretch, with a reference; NULL: none. Written by attach.c, inherit.c. */
	struct shk_stretch *stretch;
	/*
	 * The shadow and the stretch in which the mm was before a cgroup's binding on trial placed
	 * it, with references. "On trial": the call that binds the cgroup can still fail, and the
	 * mm then returns. fork and exec pass it on. Written by attach.c, inherit.c, graft.c.
	 *
	 * previous.shadow is NULL if no binding on trial has placed the mm, or if the mm was
	 * outside before. In both cases shk_graft_restore() changes nothing. scope/place.c then
	 * places the mm by the binding that applies. If no binding applies, it detaches an mm that
	 * a binding has placed.
	 */
	struct shk_previous previous;
	/*
	 * Memory of a stretch that has ended, kept for the next stretch; NULL: none. The graft
	 * keeps it while PARKED. When shk_graft_prealloc() has made the graft UNUSED for an attach,
	 * enter.c can take the memory for a new stretch. Written by graft.c, enter.c.
	 */
	struct shk_stretch *kept;
	/*
	 * The threads on which edits act: a list of struct shk_thread. Empty: all threads. See
	 * thread.h.
	 */
	struct list_head threads;
	/*
	 * A number that grows with each attach and move: greater than .attach_seq of all other
	 * grafts at that time. Written by graft.c.
	 */
	u64 attach_seq;
	/*
	 * CALLING: number of threads of the mm that are in chosen system calls. Written by calls.c.
	 */
	unsigned int nr_calls;
	/*
	 * CALLING: every CPU has flushed since the entry became the target's, so a thread that
	 * begins a chosen system call need not flush. Written by calls.c.
	 */
	bool calls_flushed;
	/*
	 * BEING_MADE grafts of mms that fork and exec have created in this mm, by .sibling. See
	 * "Children" in the file header.
	 */
	struct list_head children;
	/*
	 * Links the graft into a list, which depends on the state:
	 *
	 *   BEING_MADE                            .children of the parent's graft
	 *   DETACHED by shk_graft_detach_execs()  the list of inherit.h, for
	 *                                         shk_graft_queue_free_execs()
	 *   otherwise                             none; the node is empty
	 */
	struct list_head sibling;
	/*
	 * The task whose exec has created the mm. NULL: fork has created it, or the mm was attached
	 * later. inherit.c compares the pointer with current, to find the mm of current's exec
	 * among .children, and never dereferences it. Written by inherit.c before the attach.
	 */
	const struct task_struct *exec;
	/*
	 * Until this time (jiffies) fork and exec in this mm create mms that are in no shadow. So
	 * the next try of a detach meets no new child. The time is limited, since a caller whose
	 * detach failed might never try again. Written by attach.c; a move and parking clear it.
	 *
	 *   ULONG_MAX                   a detach is in progress
	 *   0, or a time that has passed    new mms are inside
	 */
	unsigned long no_inherit_until;
	/*
	 * True if exec has created the mm for a vfork child, which ran in its parent's mm before.
	 */
	bool borrowing;
	/*
	 * The role of the process in a capture: as a tool that arms kprobes, or as a program that
	 * such a tool traces. Written by graft.c, inherit.c.
	 */
	enum shk_tool_role role;
	/* In shk_shadow.grafts, by ascending .attach_seq, while attached or DETACHED. */
	struct list_head node;
	/* In the table, while attached or PARKED. */
	struct hlist_node by_mm;
	/* In queued_to_free, until the worker frees the graft. */
	struct llist_node queued;
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
	/*
	 * The shadow, with a reference. It counts this pending attach as a graft while .node is
	 * queued.
	 */
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
	 * The shadow that the mm was in before the change, with a reference; NULL if it replaces no
	 * function's code in place. The reference keeps the list of these functions
	 * (shk_shadow.bodies) until stacks are checked. Set by shk_graft_change_text().
	 */
	struct shk_shadow *in_place;
	/*
	 * The shadow that the mm returns to, after a stretch has ended, or after the attach of a
	 * cgroup has failed. This reference keeps the shadow until it is locked and the graft has a
	 * reference of its own.
	 */
	struct shk_shadow *to;
	/*
	 * The innermost stretch of the graft before the change, if the change has ended it. This is
	 * the graft's reference.
	 */
	struct shk_stretch *stretch;
	/*
	 * shk_graft.previous before the change, if the change has cleared it. These are the graft's
	 * references.
	 */
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
	/*
	 * In: zero, or filled in by shk_graft_prealloc(). Out: references that the caller drops by
	 * shk_deferred_put_run(), also after an error.
	 */
	struct shk_deferred_put deferred;
	/*
	 * Out, after -EAGAIN: the id of a thread that keeps the text from changing, as
	 * shk_busy_pid() returns it. That thread is in a function whose code an IN_PLACE or
	 * LIVEPATCH patch replaces, is in exec, or has a stack that cannot be walked reliably. 0:
	 * another reason. Then scope/process.c can store the id of the task to be changed here.
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

/* Allocates the workqueue that frees grafts. Called once, at load. Sleeps. Returns 0 or -ENOMEM. */
int shk_graft_init(void);
/*
 * Ends the grafts that exist when the module is unloaded. Frees all PARKED grafts, those kept in
 * the table for a next attach of their mm. Waits until the worker has freed those that are queued:
 * they are UNACCOUNTED, so no shadow counts them. Each graft in another state holds a reference to
 * the module, so none exists then. Waits for invalidations of the mms. Sleeps.
 */
void shk_graft_exit(void);

/* ---- With shk_graft_lock held. None of these sleeps. ---- */

/*
 * Returns the attached graft of @mm, or NULL if @mm is in no shadow. A PARKED graft, which was kept
 * for the next attach of @mm, is not returned. The result is valid until shk_graft_lock is
 * released.
 */
struct shk_graft *shk_graft_find(struct mm_struct *mm);

/*
 * Queues @pending for current, which is in exec and still runs in its old mm. Sets @pending->task
 * to current and @pending->from to the old mm. exec holds the process's cred_guard_mutex.
 *
 * Before this call the caller sets @pending->shadow, with a reference, and counts @pending there
 * (shk_graft_count()). After it the caller releases shk_graft_lock, sets @pending->work and adds
 * the work to current's task works.
 */
void shk_pending_attach_add(struct shk_pending_attach *pending);

/*
 * Returns the pending attach of a task whose exec has taken @mm into use as the new mm. Returns
 * NULL if there is none. While the task still runs in its old mm, neither the old nor the new mm
 * finds the pending attach. The result is valid until shk_graft_lock is released.
 *
 * Callers look only if @mm has no attached graft. They miss no pending attach by that: a new mm is
 * in no shadow while its attach is pending (struct shk_pending_attach).
 */
struct shk_pending_attach *shk_pending_attach_find(struct mm_struct *mm);

/*
 * Cancels @pending: its task does not attach itself, and the shadow no longer counts it. The caller
 * has made sure that @pending is queued. pending_attach_work() frees @pending later, and drops its
 * reference to the shadow. shk_graft_lock is held; does not sleep.
 */
void shk_pending_attach_cancel(struct shk_pending_attach *pending);

/*
 * Finds a graft that the cgroup binding with the id @binding has placed, and whose .previous.shadow
 * is not NULL. If the call that binds the cgroup fails, the mm returns to that shadow. Returns any
 * such graft, or NULL if there is none. Searches the whole table. The result is valid until
 * shk_graft_lock is released.
 */
struct shk_graft *shk_graft_find_on_trial(u64 binding);

/*
 * Adds @change, which may be negative, to the number of grafts of @shadow and of @shadow's target,
 * if it has one. A shadow that counts a graft cannot be destroyed. shk_graft_lock is held.
 */
void shk_graft_count(struct shk_shadow *shadow, int change);

/*
 * Attaches @graft to @shadow: points the mm's entry at @shadow's tables, adds @graft to the count
 * of @shadow, and takes a reference to @shadow. The state becomes BEING_MADE if @being_made, else
 * INSIDE. The caller has made tables and hooks of @shadow. It has locked @shadow, or @shadow counts
 * another graft or a pending attach.
 *
 * @graft must be UNUSED, or attached to another shadow. The second case is a move: @graft leaves
 * the count of the other shadow. The caller takes over @graft's reference to the other shadow, and
 * drops it when no shadow is locked. "A move" in the file header says what protects the tables of
 * the other shadow until then.
 *
 * The origin, stretch and threads of @graft stay as they are. .attach_seq gets a new value. A
 * chosen call in progress then finds another .attach_seq at its end than at its begin, and leaves
 * the entry alone (calls.c).
 *
 * The caller holds text_mutex from before this call until it has flushed the mm. If no CPU can have
 * executed the mm, the caller needs neither text_mutex nor a flush.
 *
 * Returns 0, or XEN: nothing has changed.
 */
int shk_graft_attach_entry(struct shk_graft *graft, struct shk_shadow *shadow, bool being_made);

/*
 * Changes the text of @graft's mm at the begin and the end of chosen system calls, during which it
 * executes the target's text. @graft must be attached to a caller shadow, which has such calls. If
 * @calling, this function points the entry at the tables of that shadow's target, and the state
 * becomes CALLING. Otherwise it points the entry at the caller shadow's tables, and the state
 * becomes INSIDE.
 *
 * If @graft is BEING_MADE, it becomes made (shk_graft_set_made()): a thread of the mm makes a
 * system call, so fork or exec has completed the mm.
 *
 * The caller flushes the mm after it has released shk_graft_lock. It does not need text_mutex:
 * - Both shadows count the graft before and after the change (shk_graft_count()). So no tables are
 *   freed before the flush.
 * - Both texts have the same hooks. A function that runs in the base in one of them does so in the
 *   other, and a task in that function stays in the base.
 * - Neither shadow replaces a function's code in place (shk_shadow.bodies).
 *
 * Returns 0, or XEN: the entry and the state have not changed.
 */
int shk_graft_set_calling(struct shk_graft *graft, bool calling);

/*
 * Detaches @graft: points the mm's entry at the base and removes the graft from the table. The
 * state becomes DETACHED. @graft must be attached. Cannot fail: Xen does not refuse the base's
 * tables, which init_mm uses. On CPUs with itlb_multihit the entry then maps the base in pages of 4
 * KB, until shk_graft_post_detach() is called.
 *
 * Clears the origin and the threads. All grafts in .children become made: fork or exec can no
 * longer free their mms without exit_mmap() (shk_graft_set_made()). So the caller ensures that the
 * mm of each child has a mapping, by one of these conditions:
 * - shk_graft_has_unfinished_child() has returned false, and shk_graft_lock was held since then;
 * - no fork or exec in @graft's mm is creating another mm. Either no task runs in @graft's mm, or
 *   only current does, which is still in the exec that has created @graft's mm.
 *
 * The shadow still counts @graft, and @graft keeps its references. The caller flushes the mm and
 * then calls shk_graft_unaccount(), or it calls shk_graft_flush_and_queue_free() for both.
 */
void shk_graft_detach_entry(struct shk_graft *graft);

/*
 * Notes that @graft is "made": fork or exec can no longer free its mm without exit_mmap(). The
 * state becomes INSIDE, and @graft leaves .children of its parent. Does nothing if @graft is made
 * already. The caller ensures that the mm has a mapping, and holds shk_graft_lock.
 */
void shk_graft_set_made(struct shk_graft *graft);

/*
 * Sets @graft->origin, on whose behalf the mm is inside, and updates the number that
 * shk_graft_count_placed() returns. @graft must be attached: an attach sets the origin after it has
 * called shk_graft_attach_entry(). shk_graft_lock is held.
 */
void shk_graft_set_origin(struct shk_graft *graft, struct shk_origin origin);

/* ---- Without shk_graft_lock: these take it themselves where they need it ---- */

/*
 * Points the entry of @mm at @shadow's tables, or at the base if @shadow is NULL. @mm is a carrier:
 * an mm without a process, which interrupts and kernel threads load (carrier.h). Makes no graft and
 * counts none. The caller holds the lock of the carrier's shadow, so no other task writes this
 * entry. Does not sleep.
 *
 * The caller flushes @mm afterwards if a CPU can have loaded it. Returns 0, or XEN: nothing has
 * changed.
 */
int shk_graft_set_carrier(struct mm_struct *mm, const struct shk_shadow *shadow);

/*
 * Prepares @mm for an entry that is not the base's: evicts its lazy TLB users, which would execute
 * the shadow in the idle loop. On CPUs with itlb_multihit (mmu/small_pages.h), if @mm is in no
 * shadow, also points the entry at tables that map the base in pages of 4 KB, and flushes @mm.
 *
 * Called before shk_graft_attach_entry(). The caller holds text_mutex from before this call until
 * after the flush that follows shk_graft_attach_entry(). Waits for IPIs. Cannot fail.
 */
void shk_graft_pre_attach(struct mm_struct *mm);

/*
 * Makes the entry of @mm point at the base's own tables again, on CPUs with itlb_multihit
 * (mmu/small_pages.h), and flushes @mm. Does so only if @mm is in no shadow and its entry maps the
 * base in pages of 4 KB, since shk_graft_pre_attach() or a detach. Otherwise does nothing.
 *
 * Called after a change of the entry and its flush, and also after a change that failed. The caller
 * holds text_mutex, or ensures that no other task attaches @mm. May wait for IPIs. Cannot fail.
 */
void shk_graft_post_detach(struct mm_struct *mm);

/*
 * Allocates an UNUSED graft of @mm, with a notifier that reports the end of @mm, and takes a
 * reference to the module. The caller has a user of @mm, or has created @mm and no other task knows
 * it. The caller attaches the graft, or ends it by shk_graft_free() or shk_deferred_put_run().
 *
 * Sleeps. Waits for @mm's mmap_lock, unless @mm has notifier subscriptions: those that
 * shk_mm_subscribe() allocates (subscribe.h).
 *
 * Returns the graft, or an ERR_PTR():
 *   -ENOMEM
 *   -EAGAIN        mappings of @mm are being invalidated: no notifier can be inserted now
 *   -ERESTARTSYS   a signal was pending; only if @mm has mappings and no subscriptions
 */
struct shk_graft *shk_graft_alloc(struct mm_struct *mm);

/*
 * Allocates an UNUSED graft of @mm, with a notifier that reports the end of @mm, and takes a
 * reference to the module. Unlike shk_graft_alloc(), this function is for an mm that other tasks
 * know and run in.
 *
 * If @mm has no notifier subscriptions, shk_mm_subscribe() allocates them first. Then a pending
 * signal causes no error, unless it kills the caller. If @wait, this function waits for @mm's
 * mmap_lock, for invalidations and for page faults in @mm. Without @wait it returns -EAGAIN
 * instead.
 *
 * The caller has a user of @mm and holds no lock except cgroups_lock and cred_guard_mutex. The
 * caller attaches the graft, or ends it by shk_graft_free() or shk_deferred_put_run(). Sleeps.
 *
 * Returns the graft, or an ERR_PTR():
 *   -ENOMEM
 *   -EAGAIN        only without @wait: another task holds the mmap_lock, mappings are being
 *                  invalidated, or a page fault has not ended after some ms
 *   -ERESTARTSYS   the caller was killed, or new signals interrupted each of a hundred tries
 */
struct shk_graft *shk_graft_alloc_any(struct mm_struct *mm, bool wait);

/*
 * Removes @graft from the count of its shadow; the state becomes UNACCOUNTED. @graft must be
 * DETACHED, and the caller has flushed its mm on every CPU. From here on the shadow may change or
 * free its tables and private pages without a flush for this mm. Takes a reference to the mm
 * (mmgrab). Does not sleep.
 */
void shk_graft_unaccount(struct shk_graft *graft);

/*
 * Queues @graft for a worker, which frees it and .kept, and drops the references .shadow, .stretch,
 * .previous and that to the mm. @graft must be UNACCOUNTED: no shadow counts it. It is not kept for
 * a next attach. Drops the reference to the module at once. Does not sleep.
 *
 * Freeing is left to the worker since it waits for invalidations of the mm and takes locks of
 * shadows. shk_graft_drain() waits for it.
 */
void shk_graft_queue_free(struct shk_graft *graft);

/*
 * Ends @graft, which must be DETACHED: flushes the mm on every CPU, removes @graft from the count
 * of its shadow, and queues it for a worker, which frees it. @graft is not kept for a next attach
 * (PARKED), even if its mm lives on.
 *
 * The caller ensures that no other task attaches the mm during this call; otherwise the caller
 * would need text_mutex. The caller has a user of the mm, or runs in exit_mmap() or exec. The
 * caller holds no spinlock. Waits for IPIs.
 */
void shk_graft_flush_and_queue_free(struct shk_graft *graft);

/*
 * Frees @graft, and drops its references and that to the module. @graft must be UNACCOUNTED or
 * UNUSED: no shadow counts it. The caller keeps the mm of an UNUSED graft alive, by mm_users or
 * mm_count.
 *
 * Sleeps: it waits for invalidations of the mm that are in progress. The caller holds no shadow's
 * lock, since the last put of a shadow takes that.
 */
void shk_graft_free(struct shk_graft *graft);

/*
 * Drops all references of @deferred. If @deferred->graft is not NULL, parks it: drops all its
 * references, and keeps it in the table for the next attach of the mm. The graft must be
 * UNACCOUNTED or UNUSED: no shadow counts it. If the mm has a parked graft already, frees
 * @deferred->graft instead.
 *
 * The caller still has its user of the mm. So exit_mmap() comes later, and frees the parked graft.
 * A graft that is parked after exit_mmap() would stay in the table when the mm is freed.
 *
 * The caller holds no shadow's lock. Sleeps. Leaves @deferred as it is; the caller does not use
 * @deferred again.
 */
void shk_deferred_put_run(struct shk_deferred_put *deferred);

/*
 * Frees the graft of @mm, if it has one. @mm is the new mm of a fork or exec that has failed before
 * @mm had a mapping, so its graft is BEING_MADE. No CPU has executed @mm, so nothing is flushed.
 * Drops all references of the graft, and frees the notifier subscriptions of @mm. mm_count of @mm,
 * which may be 0 already, is the same before and after: the caller goes on to free @mm.
 *
 * The hook in pgd_free() calls this function for every mm that is freed in a shadow's text. If @mm
 * has no attached graft, this function does nothing and does not sleep: the caller may be in atomic
 * context. If @mm has one, it sleeps: the caller is the task in fork or exec that creates @mm.
 */
void shk_graft_abort(struct mm_struct *mm);

/*
 * Waits until the worker has freed all grafts that were queued before the call.
 * shk_graft_queue_free() queues grafts. So does the notifier of an mm that ends while its graft is
 * PARKED: kept for a next attach. Sleeps; the caller holds no lock, since the worker takes locks of
 * shadows.
 */
void shk_graft_drain(void);

/*
 * Prepares an attach of @mm, so that the attach itself allocates no graft and waits for no
 * mmap_lock. The caller zeroes *@deferred before. @deferred->graft becomes an UNUSED graft: a new
 * one, or the one that was kept (PARKED) when @mm was detached.
 *
 * If @mm is in a shadow, @deferred->graft stays NULL, since the attach uses the graft of @mm. If
 * @mm leaves that shadow before the attach, the attach returns -EAGAIN. The caller then begins
 * again with this function.
 *
 * Called with no shadow locked, since with @wait this function waits for @mm's mmap_lock. The
 * caller may hold cgroups_lock and cred_guard_mutex. The caller has a user of @mm until it has
 * called shk_deferred_put_run(). Sleeps.
 *
 * Returns 0 or
 *   -ENOMEM
 *   -EAGAIN        only without @wait: another task holds the mmap_lock, mappings are being
 *                  invalidated, or a page fault has not ended after some ms
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
 * system call that is the caller shadow. If @mm has no attached graft, returns the shadow of its
 * pending attach (shk_pending_attach_find()). Returns NULL if @mm has neither. Does not sleep.
 */
struct shk_shadow *shk_graft_get_shadow(struct mm_struct *mm);

/*
 * Walks over the mms that have a graft to @shadow, or to a caller shadow that has @shadow as its
 * target. Grafts in the states BEING_MADE and DETACHED are included. Each call returns the next mm,
 * by ascending shk_graft.attach_seq.
 *
 * The caller sets *@cursor to 0 before the first call. Each call sets *@cursor to the .attach_seq
 * of the graft of the returned mm. The mm has a user, which the caller drops (mmput()). Returns
 * NULL after the last mm.
 *
 * Skips mms that are exiting. An mm is returned again if an attach or a move gives its graft a new
 * .attach_seq during the walk. Does not sleep.
 */
struct mm_struct *shk_graft_next(struct shk_shadow *shadow, u64 *cursor);

/*
 * Returns true if @mm is not where the binding of its process wants it, so that it must be placed,
 * or detached if no binding applies. Takes shk_graft_lock. Does not sleep.
 *
 * @binding: the id of the binding that applies; 0: none applies.
 * @shadow: if the binding splits the cgroup between two shadows, the shadow in which @mm must be.
 * NULL: any shadow in which @binding has placed @mm is right. Always NULL if @binding is 0.
 * @moved: the process has moved between cgroups.
 *
 *   @binding  @mm                                             returns
 *   any       it is in a helper, or a workload's              false
 *   0         no binding has placed it                        false
 *   0         a binding has placed it                         true
 *   not 0     @binding has not placed it                      true
 *   not 0     @binding has placed it, it is in a stretch      @moved
 *   not 0     @binding has placed it, it is in no stretch     true if @shadow is not NULL and @mm
 *                                                             is in another shadow
 *
 * An mm that a binding has placed may begin stretches (SHK_ENTER), also in other shadows, and comes
 * back when they end (SHK_LEAVE). So @mm is not misplaced while it is in a stretch. If @moved, it
 * is misplaced: a move between cgroups ends the stretches.
 */
bool shk_graft_misplaced(struct mm_struct *mm, u64 binding, const struct shk_shadow *shadow,
			 bool moved);

/*
 * Returns true if @mm may not be where the cgroup binding with the id @binding wants it, so that it
 * may have to be placed or detached. A @binding of 0 means that no binding applies. Decides as
 * shk_graft_misplaced() with a NULL shadow, for a process that has moved between cgroups. But this
 * function only tries shk_graft_lock: if another CPU holds it, it returns true. So false is
 * certain, and true is not. May be called with interrupts off and under any lock. Does not sleep.
 */
bool shk_graft_may_be_misplaced(struct mm_struct *mm, u64 binding);

/*
 * Returns true if the attached graft of @mm was made in the exec of a vfork child, which ran in its
 * parent's mm before that exec. Returns false if @mm has no attached graft. Takes shk_graft_lock;
 * does not sleep.
 */
bool shk_graft_was_borrowing(struct mm_struct *mm);

/*
 * Returns true if bindings of cgroups do not move the mm of @graft, which is attached. That is so
 * if it is the mm of a workload, or is in a helper, a shadow whose tools trace another one
 * (edit/capture.h). shk_graft_lock is held.
 */
static inline bool shk_graft_ignores_bindings(const struct shk_graft *graft)
{
	return graft->role == SHK_ROLE_WORKLOAD || shk_shadow_is_helper(graft->shadow);
}

/*
 * Notes that the process with @mm has armed a kprobe or a user of a tracepoint, if @mm is in a
 * helper: sets its role to ARMED. From then on exec moves children of the process to the target
 * (enum shk_tool_role). Does nothing if @mm is NULL or elsewhere. Takes shk_graft_lock; does not
 * sleep.
 */
void shk_graft_set_armed(struct mm_struct *mm);

/*
 * Sets *@workload to true if @mm is the mm of a workload (enum shk_tool_role), else to false. @mm
 * may be NULL. Returns true. Only tries shk_graft_lock: if another CPU holds it, returns false and
 * sets nothing. Any context, NMIs included.
 */
bool shk_graft_try_workload(struct mm_struct *mm, bool *workload);

/*
 * Returns the number of attached grafts whose mm a cgroup's binding has put into its shadow
 * (shk_graft.origin), including those that are BEING_MADE. Takes no lock; the number may change at
 * any time.
 */
unsigned int shk_graft_count_placed(void);

/*
 * Returns the shadow whose tables this CPU runs on; NULL: the base. During a chosen system call
 * that is the target. While a carrier mm is loaded it is the carrier's shadow.
 *
 * Interrupts are off. Any context, NMIs included; takes no lock. Takes no reference: the shadow
 * exists until interrupts are on again, since its end waits for a grace period of RCU.
 */
struct shk_shadow *shk_current_shadow(void);

/*
 * Returns true if @task is a vfork child that still runs in its parent's mm: it has neither
 * executed a program nor exited. The result has no meaning for a kernel thread. Does not sleep.
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
 * Returns true if @task is a kernel thread, even while @task uses a process's mm. Needs no lock:
 * other bits of @task->flags may change during the read, but PF_KTHREAD does not.
 */
static inline bool shk_is_kthread(const struct task_struct *task)
{
	return data_race(task->flags) & PF_KTHREAD;
}

#endif /* SHK_GRAFT_H */
