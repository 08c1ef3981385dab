/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which threads of a process act on a shadow's edits, if not all do. Locking: shk_graft_lock,
 * but for who asks, in any context, with preemption off.
 */
#ifndef SHK_THREAD_H
#define SHK_THREAD_H

#include "shadow/shadow.h"

struct shk_thread {
	struct hlist_node by_mm; /* RCU */
	struct list_head node;	 /* of one mm */
	struct mm_struct *mm;
	struct shk_shadow *shadow;
	struct task_struct *task; /* holds a reference; NULL: nobody acts */
	unsigned int depth;
	struct rcu_head rcu;
};

/* @task may be NULL. NULL: no memory. */
struct shk_thread *shk_thread_alloc(struct task_struct *task);
/* One that is on no list, or NULL. */
void shk_thread_free(struct shk_thread *thread);

/* Lists of the threads of one mm, with shk_graft_lock held. */

/* From here on those on @list, which are of @mm and @shadow, act, and others of @mm do not. */
void shk_threads_add(struct list_head *list, struct shk_thread *thread, struct mm_struct *mm,
		     struct shk_shadow *shadow);
/* current acts; adds *@new, and sets it to NULL, if it did not before. */
void shk_threads_enter(struct list_head *list, struct shk_thread **new, struct mm_struct *mm,
		       struct shk_shadow *shadow);
/* current has ended a stretch, and acts no more if that was its last. */
void shk_threads_leave(struct list_head *list);
/* All threads act on edits. */
void shk_threads_clear(struct list_head *list);
/* Do others on @list act on edits, and current does not? */
bool shk_threads_exclude_current(const struct list_head *list);

void shk_threads_exit(void);

bool shk_thread_is_listed(const struct shk_shadow *shadow);

/* Does current act on @shadow's edits? */
static __always_inline bool shk_thread_sees_edits(const struct shk_shadow *shadow)
{
	/* Pairs with shk_threads_add(). */
	return likely(!smp_load_acquire(&shadow->nr_threads)) || shk_thread_is_listed(shadow);
}

#endif /* SHK_THREAD_H */
