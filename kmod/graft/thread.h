/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * On which threads of a process a shadow's edits act. A shadow is a variant of the kernel's text,
 * its edits are the bytes in which it differs: probes and patches. All threads of a process that is
 * in a shadow execute its text, since they share the mm. By default edits act on all of them.
 *
 * A SHK_THREAD stretch (SHK_ENTER with that flag) is one thread's. While a thread of a process is
 * in one, edits act only on threads that are in such a stretch. Other threads execute the same
 * bytes. So each probe and each patched function asks shk_thread_sees_edits(). If the answer is no,
 * it does what the base, the booted text, does.
 *
 *   list         shk_graft.threads of the process's mm: struct shk_thread by .node. It has an entry
 *                for each thread in a SHK_THREAD stretch. Empty: edits act on all threads.
 *   hash table   in thread.c: all entries, by mm, for readers without a lock
 *   count        shk_shadow.nr_threads: entries for that shadow. 0: no reader asks further.
 *
 * A child that fork creates has a list of its own. If edits do not act on the thread that forks,
 * the child's list has one entry without a task: then edits act on no thread of the child.
 *
 * Writers of all three hold shk_graft_lock. Readers are probes and patched functions, under RCU.
 */
#ifndef SHK_THREAD_H
#define SHK_THREAD_H

#include "shadow/shadow.h"

/*
 * One thread on which edits act. Between shk_threads_add() and its removal only .depth changes.
 * Removed entries are freed after an RCU grace period.
 */
struct shk_thread {
	struct hlist_node by_mm; /* in the hash table; readers are under RCU */
	struct list_head node;	 /* in the list of its process. Under shk_graft_lock */
	struct mm_struct *mm;	 /* of its process; without a reference, to compare only */
	/*
	 * The shadow whose edits act. The pointer holds no reference: the graft of .mm has one, and
	 * drops it after .node's list was cleared.
	 */
	struct shk_shadow *shadow;
	/* The thread, with a reference. NULL: the entry is for no thread (shk_thread_alloc()). */
	struct task_struct *task;
	unsigned int depth; /* SHK_THREAD stretches that it has not ended. Under shk_graft_lock */
	struct rcu_head rcu;
};

/*
 * Allocates an entry for @task, with a reference to @task. The entry is in no list yet. If @task is
 * NULL, no thread matches the entry: while a list has only this entry, edits act on no thread of
 * the process. fork needs that, if edits do not act on the thread that forks. Returns NULL if there
 * is no memory. Sleeps.
 */
struct shk_thread *shk_thread_alloc(struct task_struct *task);

/*
 * Frees @thread, and drops its reference to the task. The caller ensures that the entry was never
 * added to a list. Does nothing if @thread is NULL. Does not sleep.
 */
void shk_thread_free(struct shk_thread *thread);

/* ---- With shk_graft_lock held; @list is shk_graft.threads. None of these sleeps. ---- */

/*
 * Adds the entry @thread to @list, with a depth of 1, and to the hash table. @mm is the mm of the
 * process, and must be inside @shadow. After the return the list owns @thread, and edits of @shadow
 * act on a task that runs in @mm only if the task has an entry in @list. shk_graft_lock is held.
 * Cannot fail.
 */
void shk_threads_add(struct list_head *list, struct shk_thread *thread, struct mm_struct *mm,
		     struct shk_shadow *shadow);

/*
 * Begins one more SHK_THREAD stretch of current (SHK_ENTER to SHK_LEAVE by one thread). @mm is
 * current's mm, and @shadow is the shadow in which the stretch begins. Each call is matched by a
 * call of shk_threads_leave(), unless shk_threads_clear() ends all stretches.
 *
 * If @list has an entry for current, only its depth increases. Otherwise *@new is added with a
 * depth of 1, and *@new becomes NULL. The caller has allocated *@new for current
 * (shk_thread_alloc()), and frees it (shk_thread_free()) if it is not NULL afterwards.
 */
void shk_threads_enter(struct list_head *list, struct shk_thread **new, struct mm_struct *mm,
		       struct shk_shadow *shadow);

/*
 * Ends one SHK_THREAD stretch of current (SHK_LEAVE). If it was the last one, current's entry is
 * removed from @list, and freed after an RCU grace period. Does nothing if @list has no entry for
 * current.
 *
 * Once the entry is removed, edits no longer act on current while @list has other entries. When
 * @list is empty, edits act on all threads of the process.
 */
void shk_threads_leave(struct list_head *list);

/*
 * Removes all entries from @list, so that edits act on all threads of the process. The entries are
 * freed after an RCU grace period. Called when no thread of the process is in a SHK_THREAD stretch
 * any longer: the last such stretch has ended, or an attach or detach has ended all. shk_graft_lock
 * is held.
 */
void shk_threads_clear(struct list_head *list);

/*
 * Returns true if edits do not act on current: @list is not empty and has no entry for current.
 * @list is that of the graft of current's mm. shk_graft_lock is held.
 */
bool shk_threads_exclude_current(const struct list_head *list);

/* ---- Without locks ---- */

/*
 * Waits until all entries that were removed from lists are freed. Called at module unload, when all
 * lists are empty: the callback that frees them is code of the module. Sleeps.
 */
void shk_threads_exit(void);

/*
 * Returns true if edits of @shadow act on current, by the entries of the hash table. The first line
 * that applies decides the result:
 *
 *   @shadow is hidden (shk_shadow.hidden), as the union is    false
 *   an entry for current and @shadow exists                   true
 *   another entry for current->mm and @shadow exists          false
 *   otherwise                                                 true
 *
 * Only shk_thread_sees_edits() calls this function. Preemption is off, which is the read side of
 * RCU here. Any context, NMIs included.
 */
bool shk_thread_is_listed(const struct shk_shadow *shadow);

/*
 * Returns true if edits of @shadow, whose text this CPU executes, act on current. Costs one load
 * while no thread is in a SHK_THREAD stretch in @shadow (SHK_ENTER to SHK_LEAVE by one thread).
 * Always false for a hidden shadow: the union, which interrupts and kernel threads execute.
 *
 * Preemption is off. Any context, NMIs included. Takes no lock and calls no function that can be
 * probed.
 */
static __always_inline bool shk_thread_sees_edits(const struct shk_shadow *shadow)
{
	/* Pairs with the release in shk_threads_add(): the entry is visible if the count is. */
	return likely(!smp_load_acquire(&shadow->nr_threads)) || shk_thread_is_listed(shadow);
}

#endif /* SHK_THREAD_H */
