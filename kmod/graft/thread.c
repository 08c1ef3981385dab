// SPDX-License-Identifier: GPL-2.0-only
/*
 * The threads of a process on which a shadow's edits act, if these are not all threads. thread.h
 * has the terms and the data structures.
 *
 * A thread that exits in a SHK_THREAD stretch (between SHK_ENTER and SHK_LEAVE) stays in the list
 * until all SHK_THREAD stretches of the process are over. Its entry holds a reference to the task,
 * so that no new task has the same address.
 */
#include <linux/hashtable.h>
#include <linux/rculist.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "graft/thread.h"

/* All struct shk_thread, hashed by .mm. Written under shk_graft_lock, read under RCU. */
static DEFINE_HASHTABLE(threads, 6);

struct shk_thread *shk_thread_alloc(struct task_struct *task)
{
	struct shk_thread *thread = kzalloc(sizeof(*thread), GFP_KERNEL_ACCOUNT);

	if (thread && task)
		thread->task = get_task_struct(task);
	return thread;
}

void shk_thread_free(struct shk_thread *thread)
{
	if (!thread)
		return;
	if (thread->task)
		put_task_struct(thread->task);
	kfree(thread);
}

static void thread_free_rcu(struct rcu_head *head)
{
	shk_thread_free(container_of(head, struct shk_thread, rcu));
}

void shk_threads_add(struct list_head *list, struct shk_thread *thread, struct mm_struct *mm,
		     struct shk_shadow *shadow)
{
	thread->mm = mm;
	thread->shadow = shadow;
	thread->depth = 1;
	list_add(&thread->node, list);
	hash_add_rcu(threads, &thread->by_mm, (unsigned long)mm);
	/*
	 * Pairs with the acquire in shk_thread_sees_edits(): a reader that sees the new count finds
	 * the entry, too.
	 */
	smp_store_release(&shadow->nr_threads, shadow->nr_threads + 1);
}

/*
 * Removes @thread from its list and the hash table; it is freed after an RCU grace period.
 * shk_graft_lock is held.
 */
static void thread_remove(struct shk_thread *thread)
{
	WRITE_ONCE(thread->shadow->nr_threads, thread->shadow->nr_threads - 1);
	list_del(&thread->node);
	hash_del_rcu(&thread->by_mm);
	call_rcu(&thread->rcu, thread_free_rcu);
}

/* Returns the struct shk_thread of current in @list, or NULL. shk_graft_lock is held. */
static struct shk_thread *threads_find_current(const struct list_head *list)
{
	struct shk_thread *thread;

	list_for_each_entry (thread, list, node)
		if (thread->task == current)
			return thread;
	return NULL;
}

void shk_threads_enter(struct list_head *list, struct shk_thread **new, struct mm_struct *mm,
		       struct shk_shadow *shadow)
{
	struct shk_thread *thread = threads_find_current(list);

	if (thread) {
		thread->depth++;
		return;
	}
	shk_threads_add(list, *new, mm, shadow);
	*new = NULL;
}

void shk_threads_leave(struct list_head *list)
{
	struct shk_thread *thread = threads_find_current(list);

	if (thread && !--thread->depth)
		thread_remove(thread);
}

void shk_threads_clear(struct list_head *list)
{
	struct shk_thread *thread, *next;

	list_for_each_entry_safe (thread, next, list, node)
		thread_remove(thread);
}

bool shk_threads_exclude_current(const struct list_head *list)
{
	return !list_empty(list) && !threads_find_current(list);
}

bool shk_thread_is_listed(const struct shk_shadow *shadow)
{
	const struct mm_struct *mm = current->mm;
	const struct shk_thread *thread;
	bool others_listed = false;

	if (shadow->hidden)
		return false;
	hash_for_each_possible_rcu_notrace (threads, thread, by_mm, (unsigned long)mm) {
		if (thread->mm != mm || thread->shadow != shadow)
			continue;
		if (thread->task == current)
			return true;
		others_listed = true;
	}
	return !others_listed;
}
NOKPROBE_SYMBOL(shk_thread_is_listed);

void shk_threads_exit(void)
{
	/* thread_free_rcu() is a function of this module. */
	rcu_barrier();
}
