/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The threads of a process on which a shadow's edits act, where they do not act on all of them:
 * the threads that are in SHK_THREAD stretches. All threads execute the shadow's text, since they
 * share the mm; each probe and each patched function asks shk_thread_sees_edits().
 *
 * A process has a list of such threads (shk_graft.threads). While it is empty edits act on all
 * threads. shk_graft_lock protects the lists; shk_thread_sees_edits() takes no lock.
 */
#ifndef SHK_THREAD_H
#define SHK_THREAD_H

#include "shadow/shadow.h"

/*
 * A thread on which edits act. Between shk_threads_add() and its removal only .depth changes.
 * Freed by RCU.
 */
struct shk_thread {
	struct hlist_node by_mm;   /* in the table of all, read under RCU */
	struct list_head node;	   /* in the list of its process, under shk_graft_lock */
	struct mm_struct *mm;	   /* the process's; without a reference, to compare only */
	struct shk_shadow *shadow; /* the shadow whose edits act; the graft has the reference */
	struct task_struct *task;  /* with a reference; NULL: edits act on no thread */
	unsigned int depth;	   /* SHK_THREAD stretches it is in; under shk_graft_lock */
	struct rcu_head rcu;
};

/*
 * Allocates a struct shk_thread for @task, with a reference to @task. @task may be NULL: such an
 * entry keeps its list from being empty, so that edits act on no thread. Returns NULL if there is
 * no memory. Sleeps.
 */
struct shk_thread *shk_thread_alloc(struct task_struct *task);

/*
 * Frees @thread, which was not added to a list, and drops its reference to the task. @thread may
 * be NULL. Does not sleep.
 */
void shk_thread_free(struct shk_thread *thread);

/* ---- With shk_graft_lock held; @list is shk_graft.threads. None of these sleeps. ---- */

/*
 * Adds @thread to @list, with a depth of 1. From the return on edits of @shadow act only on
 * threads that are on @list, among all tasks that run in @mm. The list owns @thread then.
 */
void shk_threads_add(struct list_head *list, struct shk_thread *thread, struct mm_struct *mm,
		     struct shk_shadow *shadow);

/*
 * Counts one more SHK_THREAD stretch for current. If current is on @list, only its depth
 * increases. Otherwise *@new, an entry for current, is added with a depth of 1, and set to NULL.
 * The caller frees *@new if it is still there. @mm is current's mm, @shadow the one in which the
 * stretch begins. Each call is matched by one of shk_threads_leave(), or by shk_threads_clear().
 */
void shk_threads_enter(struct list_head *list, struct shk_thread **new, struct mm_struct *mm,
		       struct shk_shadow *shadow);

/*
 * Counts one SHK_THREAD stretch less for current. With its last one current leaves @list; its
 * entry is freed after an RCU grace period. Does nothing if current is not on @list. Once @list is
 * empty, edits act on all threads of the process.
 */
void shk_threads_leave(struct list_head *list);

/*
 * Removes all entries from @list, so that edits act on all threads of the process. The entries are
 * freed after an RCU grace period.
 */
void shk_threads_clear(struct list_head *list);

/* Returns true if @list has entries, and none for current: edits do not act on current. */
bool shk_threads_exclude_current(const struct list_head *list);

/* ---- Without locks ---- */

/* Waits until all entries that were removed from lists are freed, at module unload. Sleeps. */
void shk_threads_exit(void);

/*
 * Returns true if edits of @shadow act on current: it has an entry for @shadow, or no task that
 * runs in current->mm has. Returns false if @shadow is hidden (the union). Only
 * shk_thread_sees_edits() calls it. Preemption is off; any context, NMIs included.
 */
bool shk_thread_is_listed(const struct shk_shadow *shadow);

/*
 * Returns true if edits of @shadow, whose text this CPU executes, act on current. Costs one load
 * while no thread is in a SHK_THREAD stretch in @shadow. Preemption is off; any context, NMIs
 * included. Takes no lock, so it may be called where any function may be probed.
 */
static __always_inline bool shk_thread_sees_edits(const struct shk_shadow *shadow)
{
	/* Pairs with the release in shk_threads_add(): the entry is visible if the count is. */
	return likely(!smp_load_acquire(&shadow->nr_threads)) || shk_thread_is_listed(shadow);
}

#endif /* SHK_THREAD_H */
