// SPDX-License-Identifier: GPL-2.0-only
/*
 * A graft is one mm whose top-level entry for kernel text points at a shadow's
 * tables. It is written once; the CR3 load of every context switch does the
 * rest.
 *
 * The end of an mm is learnt from an interval notifier on an address that no
 * mapping can have: it is called once, when the last user is gone, and, unlike
 * a plain notifier, makes exit wait for no SRCU grace period.
 *
 * An mm that fork or exec is still making may end without that: its maker frees
 * it, in the text of the mm that it runs in (hooks.c: pgd_free(); birth.c). So that mm
 * does not leave its shadow before such a birth has come to something or to
 * nothing; and the notifier holds no reference to an mm, which would keep the
 * stillborn from being freed at all.
 */
#include <linux/hashtable.h>
#include <linux/kprobes.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "shadow/graft.h"

DEFINE_SPINLOCK(shk_graft_lock);
static DEFINE_HASHTABLE(grafts, 10);
static u64 last_order;
static unsigned int nr_placed;
static struct workqueue_struct *graft_wq;

struct shk_graft *shk_graft_find(struct mm_struct *mm)
{
	struct shk_graft *graft;

	lockdep_assert_held(&shk_graft_lock);
	hash_for_each_possible (grafts, graft, by_mm, (unsigned long)mm)
		if (graft->mm == mm)
			return graft;
	return NULL;
}

struct shk_graft *shk_graft_find_on_trial(u64 binding)
{
	struct shk_graft *graft;
	unsigned int bucket;

	lockdep_assert_held(&shk_graft_lock);
	hash_for_each (grafts, bucket, graft, by_mm)
		if (graft->before.shadow && graft->placed == binding)
			return graft;
	return NULL;
}

void shk_graft_set_placed(struct shk_graft *graft, u64 placed)
{
	lockdep_assert_held(&shk_graft_lock);
	if (!graft->placed != !placed)
		WRITE_ONCE(nr_placed, nr_placed + (placed ? 1 : -1));
	graft->placed = placed;
}

void shk_graft_add(struct shk_shadow *shadow, int change)
{
	lockdep_assert_held(&shk_graft_lock);
	shadow->nr_grafts += change;
	if (shadow->target)
		shadow->target->nr_grafts += change;
}

void shk_graft_unlink(struct shk_graft *graft)
{
	list_del(&graft->node);
	shk_graft_add(graft->shadow, -1);
}

int shk_graft_link(struct shk_graft *graft, struct shk_shadow *shadow)
{
	int ret = shk_mmu->graft(graft->mm, &shadow->text.tables);

	if (ret)
		return ret;
	if (graft->shadow)
		shk_graft_unlink(graft);
	else
		hash_add(grafts, &graft->by_mm, (unsigned long)graft->mm);
	graft->shadow = shk_shadow_get(shadow);
	graft->order = ++last_order;
	graft->nr_calls = 0;
	list_add_tail(&graft->node, &shadow->grafts);
	shk_graft_add(shadow, 1);
	return 0;
}

static void graft_free(struct shk_graft *graft)
{
	mmu_interval_notifier_remove(&graft->notifier);
	kfree(graft);
}

void shk_graft_free(struct shk_graft *graft)
{
	graft_free(graft);
	module_put(THIS_MODULE);
}

static void graft_put_all(struct shk_graft *graft)
{
	shk_before_put(&graft->before);
	shk_visit_put(graft->visit);
	shk_shadow_put(graft->shadow);
	graft_free(graft);
}

static void graft_free_work(struct work_struct *work)
{
	graft_put_all(container_of(work, struct shk_graft, free));
}

void shk_left_put(struct shk_left *left)
{
	if (left->graft) {
		graft_put_all(left->graft);
		module_put(THIS_MODULE);
	}
	if (left->shadow)
		shk_shadow_put(left->shadow);
	shk_visit_put(left->visit);
	shk_before_put(&left->before);
	if (left->spare) {
		mmgrab(left->spare->mm);
		shk_graft_free(left->spare);
	}
}

void shk_graft_cut(struct shk_graft *graft)
{
	struct shk_graft *child, *next;

	lockdep_assert_held(&shk_graft_lock);
	list_for_each_entry_safe (child, next, &graft->births, birth)
		list_del_init(&child->birth);
	list_del_init(&graft->birth);
	hash_del(&graft->by_mm);
	shk_graft_set_placed(graft, 0);
	shk_graft_drop_threads(graft);
	WARN_ON_ONCE(shk_mmu->graft(graft->mm, NULL));
}

/* Returns whether the caller has to flush. */
static bool resize(struct mm_struct *mm, bool small)
{
	bool changed;

	if (!shk_small())
		return false;
	spin_lock(&shk_graft_lock);
	changed = !shk_graft_find(mm) && shk_small_resize(mm, small);
	spin_unlock(&shk_graft_lock);
	return changed;
}

/* What an idle CPU borrows must not change under it. */
void shk_graft_approach(struct mm_struct *mm)
{
	resize(mm, true);
	shk_mmu->flush_mm(mm);
}

void shk_graft_depart(struct mm_struct *mm)
{
	if (resize(mm, false))
		shk_mmu->flush_mm(mm);
}

void shk_graft_entomb(struct shk_graft *graft)
{
	spin_lock(&shk_graft_lock);
	shk_graft_unlink(graft);
	spin_unlock(&shk_graft_lock);
	mmgrab(graft->mm);
}

/*
 * The module is free to go when the last process inside has: shk_graft_exit() waits
 * for this work, and the work for an on_invalidate() that has not returned yet.
 */
void shk_graft_free_later(struct shk_graft *graft)
{
	queue_work(graft_wq, &graft->free);
	module_put(THIS_MODULE);
}

void shk_graft_bury(struct shk_graft *graft)
{
	shk_mmu->flush_mm(graft->mm);
	shk_graft_depart(graft->mm);
	shk_graft_entomb(graft);
	shk_graft_free_later(graft);
}

/*
 * exit_mmap() of the last user, who may be anybody. What ran in the mm left it
 * through enter_lazy_tlb() or for another mm.
 */
static bool on_invalidate(struct mmu_interval_notifier *notifier,
			  const struct mmu_notifier_range *range, unsigned long seq)
{
	struct shk_graft *graft = container_of(notifier, struct shk_graft, notifier);
	bool mine;

	if (range->event != MMU_NOTIFY_RELEASE)
		return true;
	mmu_interval_set_seq(notifier, seq);

	spin_lock(&shk_graft_lock);
	/* Detached at the same time? Then it is the other's to free. */
	mine = hash_hashed(&graft->by_mm);
	if (mine)
		shk_graft_cut(graft);
	spin_unlock(&shk_graft_lock);
	if (mine)
		shk_graft_bury(graft);
	return true;
}

static const struct mmu_interval_notifier_ops notifier_ops = {
	.invalidate = on_invalidate,
};

struct shk_graft *shk_graft_alloc(struct mm_struct *mm)
{
	struct shk_graft *graft = kzalloc(sizeof(*graft), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!graft)
		return ERR_PTR(-ENOMEM);
	graft->mm = mm;
	INIT_LIST_HEAD(&graft->births);
	INIT_LIST_HEAD(&graft->birth);
	INIT_LIST_HEAD(&graft->threads);
	INIT_WORK(&graft->free, graft_free_work);
	ret = mmu_interval_notifier_insert(&graft->notifier, mm, PAGE_MASK, PAGE_SIZE,
					   &notifier_ops);
	if (ret) {
		kfree(graft);
		/* It locks all of the mm; a signal to us ends that. */
		return ERR_PTR(ret == -EINTR ? -ERESTARTSYS : ret);
	}
	mmdrop(mm);
	/* A handle, a graft or a binding holds the module at this moment. */
	__module_get(THIS_MODULE);
	return graft;
}

/* That @mm takes interval notifiers. -EAGAIN only if not to @wait. */
static int open_to_notifiers(struct mm_struct *mm, bool wait)
{
	int ret;

	if (shk_mm_takes_notifiers(mm))
		return 0;
	while ((ret = shk_graft_subscribe(mm, wait)) == -EAGAIN && wait) {
		schedule_timeout_killable(1);
		if (fatal_signal_pending(current))
			return -ERESTARTSYS;
	}
	return ret;
}

int shk_graft_spare(struct mm_struct *mm, bool wait, struct shk_left *left)
{
	struct shk_graft *graft;
	bool known;
	int ret;

	lockdep_assert_not_held(&shk_config_lock);
	*left = (struct shk_left){};
	spin_lock(&shk_graft_lock);
	known = shk_graft_find(mm);
	spin_unlock(&shk_graft_lock);
	if (known)
		return 0;
	ret = open_to_notifiers(mm, wait);
	if (ret)
		return ret;
	graft = shk_graft_alloc(mm);
	if (IS_ERR(graft))
		return PTR_ERR(graft);
	left->spare = graft;
	return 0;
}

bool shk_graft_is_in(struct mm_struct *mm, const struct shk_shadow *shadow)
{
	struct shk_graft *graft;
	bool is_in;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	is_in = graft && graft->shadow == shadow;
	spin_unlock(&shk_graft_lock);
	return is_in;
}

static bool is_misplaced(struct mm_struct *mm, u64 binding, const struct shk_shadow *shadow,
			 bool moved)
{
	const struct shk_graft *graft = shk_graft_find(mm);

	if (!graft || graft->placed != binding)
		return binding || (graft && graft->placed);
	if (graft->visit)
		return binding && moved;
	return shadow && graft->shadow != shadow;
}

bool shk_graft_misplaced(struct mm_struct *mm, u64 binding, const struct shk_shadow *shadow,
			 bool moved)
{
	bool misplaced;

	spin_lock(&shk_graft_lock);
	misplaced = is_misplaced(mm, binding, shadow, moved);
	spin_unlock(&shk_graft_lock);
	return misplaced;
}

bool shk_graft_may_be_misplaced(struct mm_struct *mm, u64 binding)
{
	bool misplaced;

	if (!spin_trylock(&shk_graft_lock))
		return true;
	misplaced = is_misplaced(mm, binding, NULL, true);
	spin_unlock(&shk_graft_lock);
	return misplaced;
}

bool shk_graft_was_borrowing(struct mm_struct *mm)
{
	struct shk_graft *graft;
	bool borrowing;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	borrowing = graft && graft->borrowing;
	spin_unlock(&shk_graft_lock);
	return borrowing;
}

unsigned int shk_graft_count_placed(void)
{
	return READ_ONCE(nr_placed);
}

struct shk_shadow *shk_graft_shadow(struct mm_struct *mm)
{
	struct shk_graft *graft;
	struct shk_shadow *shadow;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	shadow = graft ? shk_shadow_get(graft->shadow) : NULL;
	spin_unlock(&shk_graft_lock);
	return shadow;
}

/* Of @shadow's own grafts, the first whose order is above @order, or NULL. */
static struct shk_graft *graft_above(struct shk_shadow *shadow, u64 order)
{
	struct shk_graft *graft;

	lockdep_assert_held(&shk_graft_lock);
	list_for_each_entry (graft, &shadow->grafts, node)
		if (graft->order > order)
			return graft;
	return NULL;
}

/* The same of @shadow's grafts and those of its callers: one order for all lists. */
static struct shk_graft *graft_above_in_all(struct shk_shadow *shadow, u64 order)
{
	struct shk_graft *found = graft_above(shadow, order), *graft;
	struct shk_shadow *caller;

	list_for_each_entry (caller, &shadow->callers, caller) {
		graft = graft_above(caller, order);
		if (graft && (!found || graft->order < found->order))
			found = graft;
	}
	return found;
}

struct mm_struct *shk_graft_next(struct shk_shadow *shadow, u64 *cursor)
{
	struct mm_struct *mm = NULL;
	struct shk_graft *graft;

	spin_lock(&shk_graft_lock);
	while (!mm) {
		graft = graft_above_in_all(shadow, *cursor);
		if (!graft)
			break;
		*cursor = graft->order;
		/* The reference outlives the lock, @graft does not; one that is ending has no users. */
		if (mmget_not_zero(graft->mm))
			mm = graft->mm;
	}
	spin_unlock(&shk_graft_lock);
	return mm;
}

unsigned int shk_graft_count(struct shk_shadow *shadow)
{
	unsigned int count;

	spin_lock(&shk_graft_lock);
	count = shadow->nr_grafts;
	spin_unlock(&shk_graft_lock);
	return count;
}

struct shk_shadow *shk_current_shadow(void)
{
	struct shk_tables *tables = shk_mmu->current_tables();

	return tables ? container_of(tables, struct shk_shadow, text.tables) : NULL;
}
NOKPROBE_SYMBOL(shk_current_shadow);

void shk_graft_drain(void)
{
	flush_workqueue(graft_wq);
}

int __init shk_graft_init(void)
{
	graft_wq = alloc_workqueue("shadowk", WQ_UNBOUND, 0);
	return graft_wq ? 0 : -ENOMEM;
}

void shk_graft_exit(void)
{
	destroy_workqueue(graft_wq);
	shk_threads_exit();
}
