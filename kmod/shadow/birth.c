// SPDX-License-Identifier: GPL-2.0-only
/*
 * What fork and exec make of an mm that is inside is inside, from before its
 * first instruction; and what comes to nothing leaves nothing (graft.c).
 */
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat/mm_lock.h"
#include "shadow/graft.h"

/*
 * What is born has a mapping by then (dup_mmap(), __bprm_mm_init()). Until then it
 * cannot be freed while shk_graft_lock is held, since shk_graft_abort() comes first.
 */
bool shk_graft_gives_birth(struct mm_struct *mm)
{
	struct shk_graft *graft, *child, *next;
	bool found = false;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	if (graft) {
		list_for_each_entry_safe (child, next, &graft->births, birth) {
			/* dup_mmap() counts meanwhile, without a lock of ours: not 0 says enough. */
			if (!data_race(READ_ONCE(child->mm->map_count)))
				found = true;
			else if (!child->exec)
				list_del_init(&child->birth);
		}
	}
	spin_unlock(&shk_graft_lock);
	return found;
}

void shk_graft_cut_execs(struct shk_graft *graft, struct list_head *gone)
{
	struct shk_graft *child, *next;

	list_for_each_entry_safe (child, next, &graft->births, birth) {
		/* One whose exec has failed goes by itself. */
		if (!child->exec || !mmget_not_zero(child->mm))
			continue;
		shk_graft_cut(child);
		list_add(&child->birth, gone);
	}
}

void shk_graft_bury_execs(struct list_head *gone)
{
	struct shk_graft *child, *next;

	list_for_each_entry_safe (child, next, gone, birth) {
		struct mm_struct *mm = child->mm;

		shk_graft_bury(child);
		/* The last user would wait for its I/O here. */
		mmput_async(mm);
	}
}

/*
 * Nobody but its maker knows @mm yet. If that fails, mm_init() frees it without
 * its subscriptions, since it expects none, and bprm_mm_init() with them.
 */
static void forget_subscriptions(struct mm_struct *mm)
{
	shk_call(__mmu_notifier_subscriptions_destroy)(mm);
	mmu_notifier_subscriptions_init(mm);
}

/* The graft that a child of this process inherits, NULL if there is none. */
static struct shk_graft *find_parent(void)
{
	struct shk_graft *parent = current->mm && !shk_bare_born() ? shk_graft_find(current->mm)
								   : NULL;
	const struct shk_visit *alone;

	if (!parent || jiffies < parent->leaving)
		return NULL;
	if (!shk_graft_left_out(parent))
		return parent;
	alone = shk_visit_of_threads(parent);
	return alone && alone->back ? parent : NULL;
}

int shk_graft_inherit(struct mm_struct *mm)
{
	struct shk_graft *graft, *parent;
	struct shk_thread *nobody;
	int ret = 0;

	spin_lock(&shk_graft_lock);
	parent = find_parent();
	spin_unlock(&shk_graft_lock);
	if (!parent)
		return 0;

	/* Another thread may enter alone at any time. */
	nobody = shk_thread_alloc(NULL);
	if (!nobody)
		return -ENOMEM;
	graft = shk_graft_alloc(mm);
	if (IS_ERR(graft)) {
		shk_thread_free(nobody);
		return PTR_ERR(graft);
	}
	/* fork's is a copy of one that a program has been loaded into. */
	graft->exec = mm->task_size ? NULL : current;
	graft->borrowing = graft->exec && shk_borrows_mm(current);

	spin_lock(&shk_graft_lock);
	/* It may have been detached or moved meanwhile. */
	parent = find_parent();
	if (parent) {
		graft->delegated = parent->delegated;
		ret = shk_graft_link(graft, parent->shadow);
	}
	if (parent && !ret) {
		list_add(&graft->birth, &parent->births);
		shk_graft_set_placed(graft, parent->placed);
		graft->before = shk_before_inherit(&parent->before, graft->exec);
		if (shk_graft_left_out(parent)) {
			shk_thread_add(&graft->threads, nobody, mm, parent->shadow);
			nobody = NULL;
		}
		/* A program that is executed has nothing to come back from. */
		if (!graft->exec)
			graft->visit = shk_visit_get(parent->visit);
	}
	spin_unlock(&shk_graft_lock);
	shk_thread_free(nobody);
	if (!parent || ret) {
		mmgrab(mm);
		shk_graft_free(graft);
		forget_subscriptions(mm);
	}
	return ret;
}

/* The mm that this task has made in exec, if that is grafted. */
static struct shk_graft *find_exec(struct shk_graft *parent)
{
	struct shk_graft *child;

	list_for_each_entry (child, &parent->births, birth)
		if (child->exec == current)
			return child;
	return NULL;
}

/*
 * Whoever attaches or moves a process that is in exec reaches the mm that it
 * still runs in, not the one that it has made. Until shk_graft_arrive() the
 * shadow is in use, and the module.
 */
struct shk_shadow *shk_graft_exec(void)
{
	struct shk_shadow *shadow = NULL;
	struct shk_graft *parent, *child = NULL;

	spin_lock(&shk_graft_lock);
	parent = shk_graft_find(current->mm);
	if (parent)
		child = find_exec(parent);
	if (child)
		list_del_init(&child->birth);
	if (child && child->shadow == parent->shadow)
		child = NULL;
	/*
	 * Who attached itself does not know what its other thread executes: outside.
	 * By then another cgroup may decide, which is asked (scope/cgroup.c).
	 */
	else if (parent && !parent->delegated && !parent->placed && !shk_graft_left_out(parent))
		shadow = shk_shadow_get(parent->shadow);
	if (child)
		shk_graft_cut(child);
	if (shadow) {
		shk_graft_add(shadow, 1);
		__module_get(THIS_MODULE);
	}
	spin_unlock(&shk_graft_lock);
	if (child)
		shk_graft_bury(child);
	return shadow;
}

/* Signals that come in the midst of it, time after time. */
#define SUBSCRIBE_TRIES 100

/*
 * The kernel gives up if any signal is pending, and a freezer, a tracer's stop or
 * job control looks like one until this task obeys. So the flags wait: they are back
 * before anything that asks for them.
 */
static int try_subscribe(struct mm_struct *mm, bool own)
{
	bool signal, notify;
	int ret;

	if (own ? mmap_write_lock_killable(mm) : !shk_mmap_write_trylock(mm))
		return own ? -ERESTARTSYS : -EAGAIN;
	if (!shk_vmas_lock(mm)) {
		mmap_write_unlock(mm);
		return -EAGAIN;
	}
	signal = test_and_clear_thread_flag(TIF_SIGPENDING);
	notify = test_and_clear_thread_flag(TIF_NOTIFY_SIGNAL);
	ret = __mmu_notifier_register(NULL, mm);
	if (signal)
		set_thread_flag(TIF_SIGPENDING);
	if (notify)
		set_thread_flag(TIF_NOTIFY_SIGNAL);
	mmap_write_unlock(mm);
	return ret;
}

int shk_graft_subscribe(struct mm_struct *mm, bool own)
{
	unsigned int tries = SUBSCRIBE_TRIES;
	sigset_t most, blocked;
	int ret;

	/* What need not be obeyed at once can wait. */
	siginitsetinv(&most, sigmask(SIGKILL) | sigmask(SIGSTOP));
	sigprocmask(SIG_SETMASK, &most, &blocked);
	do {
		ret = try_subscribe(mm, own);
	} while (ret == -EINTR && !fatal_signal_pending(current) && --tries);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	return ret == -EINTR ? -ERESTARTSYS : ret;
}

/* @mm is current's. 1: somebody has attached it meanwhile, and @graft is not used; -EIO. */
static int join(struct mm_struct *mm, struct shk_graft *graft, struct shk_shadow *shadow)
{
	int ret = 1;

	/* Who attaches it at the same time holds that, too. */
	mutex_lock(shk_symbols.text_mutex);
	shk_graft_approach(mm);
	spin_lock(&shk_graft_lock);
	if (!shk_graft_find(mm))
		ret = shk_graft_link(graft, shadow);
	spin_unlock(&shk_graft_lock);
	if (!ret)
		shk_mmu->flush_mm(mm);
	shk_graft_depart(mm);
	mutex_unlock(shk_symbols.text_mutex);
	return ret;
}

int shk_graft_arrive(struct shk_shadow *shadow)
{
	struct mm_struct *mm = current->mm;
	struct shk_graft *graft;
	int ret = 0;

	/* No mm: exec has failed past its point of no return. */
	if (!mm)
		goto put;
	/* Of a program that has yet to run nobody has a fault that does not end. */
	ret = shk_graft_subscribe(mm, true);
	if (ret)
		goto put;
	graft = shk_graft_alloc(mm);
	if (IS_ERR(graft)) {
		ret = PTR_ERR(graft);
		goto put;
	}
	ret = join(mm, graft, shadow);
	if (ret) {
		mmgrab(mm);
		shk_graft_free(graft);
	}
put:
	spin_lock(&shk_graft_lock);
	shk_graft_add(shadow, -1);
	spin_unlock(&shk_graft_lock);
	shk_shadow_put(shadow);
	module_put(THIS_MODULE);
	return min(ret, 0);
}

void shk_graft_abort(struct mm_struct *mm)
{
	struct shk_graft *graft;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	if (graft) {
		list_del(&graft->birth);
		hash_del(&graft->by_mm);
		shk_graft_set_placed(graft, 0);
		shk_graft_drop_threads(graft);
		shk_graft_unlink(graft);
	}
	spin_unlock(&shk_graft_lock);
	if (!graft)
		return;
	/*
	 * The last reference may be gone (__mmdrop() of bprm_mm_init()): the
	 * notifier's must not be the last once more.
	 */
	atomic_add(2, &mm->mm_count);
	mmu_interval_notifier_remove(&graft->notifier);
	atomic_dec(&mm->mm_count);
	forget_subscriptions(mm);
	shk_before_put(&graft->before);
	shk_visit_put(graft->visit);
	shk_shadow_put(graft->shadow);
	kfree(graft);
	module_put(THIS_MODULE);
}
