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
 * it, in the text of the mm that it runs in (hooks.c: pgd_free()). So that mm
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
#include <asm/tlbflush.h>

#include "shadow/shadow.h"

struct shk_graft {
	struct mmu_interval_notifier notifier;
	struct mm_struct *mm;
	struct shk_shadow *shadow; /* holds a reference */
	u64 order;		   /* grows with each that comes into a shadow */
	struct list_head births;   /* what is made from it, while that may still fail ... */
	struct list_head birth;	   /* ... by this; what has come to life stays until looked at */
	bool leaving;		   /* its children are born outside */
	bool delegated;		   /* it, or a parent, attached itself unprivileged */
	struct list_head node;	   /* shk_shadow.grafts, by order */
	struct hlist_node by_mm;
	struct work_struct free;
};

/*
 * Protects grafts, shk_shadow.grafts and .nr_grafts, and writes of mm->pgd's
 * entry. Innermost. Not taken in interrupts.
 */
static DEFINE_SPINLOCK(graft_lock);
static DEFINE_HASHTABLE(grafts, 10);
static u64 last_order;
static struct workqueue_struct *graft_wq;

static struct shk_graft *find(struct mm_struct *mm)
{
	struct shk_graft *graft;

	lockdep_assert_held(&graft_lock);
	hash_for_each_possible (grafts, graft, by_mm, (unsigned long)mm)
		if (graft->mm == mm)
			return graft;
	return NULL;
}

static void link(struct shk_graft *graft, struct shk_shadow *shadow)
{
	graft->shadow = shk_shadow_get(shadow);
	graft->order = ++last_order;
	list_add_tail(&graft->node, &shadow->grafts);
	shadow->nr_grafts++;
	shk_mmu->graft(graft->mm, &shadow->text.tables);
}

static void unlink(struct shk_graft *graft)
{
	list_del(&graft->node);
	graft->shadow->nr_grafts--;
}

/*
 * Every CPU forgets what it knows of @mm's kernel half, those in lazy mode
 * included: freed_tables sends them to init_mm. CPUs that do not run @mm now
 * flush when they do next, since its tlb_gen has changed.
 */
static void flush(struct mm_struct *mm)
{
	shk_call(flush_tlb_mm_range)(mm, 0, TLB_FLUSH_ALL, 0, true);
}

/* The notifier's reference to the mm, which graft_alloc() gave up, was taken again. */
static void graft_free(struct shk_graft *graft)
{
	mmu_interval_notifier_remove(&graft->notifier);
	kfree(graft);
	module_put(THIS_MODULE);
}

static void graft_free_work(struct work_struct *work)
{
	struct shk_graft *graft = container_of(work, struct shk_graft, free);

	shk_shadow_put(graft->shadow);
	graft_free(graft);
}

/* @graft's mm executes the base from the next flush on: it is the caller's to bury(). */
static void cut(struct shk_graft *graft)
{
	struct shk_graft *child, *next;

	lockdep_assert_held(&graft_lock);
	list_for_each_entry_safe (child, next, &graft->births, birth)
		list_del_init(&child->birth);
	list_del_init(&graft->birth);
	hash_del(&graft->by_mm);
	shk_mmu->graft(graft->mm, NULL);
}

static void bury(struct shk_graft *graft)
{
	flush(graft->mm);
	/* Only now may tables and pages be thought unused. */
	spin_lock(&graft_lock);
	unlink(graft);
	spin_unlock(&graft_lock);
	/* Neither the notifier nor the shadow may be given up where this is called. */
	mmgrab(graft->mm);
	queue_work(graft_wq, &graft->free);
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

	spin_lock(&graft_lock);
	/* Detached at the same time? Then it is the other's to free. */
	mine = hash_hashed(&graft->by_mm);
	if (mine)
		cut(graft);
	spin_unlock(&graft_lock);
	if (mine)
		bury(graft);
	return true;
}

static const struct mmu_interval_notifier_ops notifier_ops = {
	.invalidate = on_invalidate,
};

static struct shk_graft *graft_alloc(struct mm_struct *mm)
{
	struct shk_graft *graft = kzalloc(sizeof(*graft), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!graft)
		return ERR_PTR(-ENOMEM);
	graft->mm = mm;
	INIT_LIST_HEAD(&graft->births);
	INIT_LIST_HEAD(&graft->birth);
	INIT_WORK(&graft->free, graft_free_work);
	ret = mmu_interval_notifier_insert(&graft->notifier, mm, PAGE_MASK, PAGE_SIZE,
					   &notifier_ops);
	if (ret) {
		kfree(graft);
		/* It locks all of the mm; a signal to us ends that. */
		return ERR_PTR(ret == -EINTR ? -ERESTARTSYS : ret);
	}
	mmdrop(mm);
	/* A handle or a graft holds the module at this moment. */
	__module_get(THIS_MODULE);
	return graft;
}

/*
 * @mm joins @shadow, with the graft that it has or with *@new, which is used up
 * then. Returns 1 if its entry was written, 0 if it is inside already; -EPERM;
 * -EAGAIN: the graft that it had is gone, for exec leaves without asking
 * shk_config_lock.
 */
static int join(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
		struct shk_graft **new, struct shk_shadow **left)
{
	struct shk_graft *graft = find(mm);

	if (!graft && !*new)
		return -EAGAIN;
	if (!graft) {
		graft = *new;
		*new = NULL;
		hash_add(grafts, &graft->by_mm, (unsigned long)mm);
	} else if (graft->shadow == shadow) {
		graft->delegated &= delegated;
		return 0;
	} else {
		if (delegated && !graft->delegated)
			return -EPERM;
		*left = graft->shadow;
		unlink(graft);
	}
	graft->delegated = delegated;
	link(graft, shadow);
	return 1;
}

int shk_graft_attach(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
		     struct shk_shadow **left)
{
	bool was_built = shadow->text.built, was_hooked = shadow->hooked;
	struct shk_graft *new = NULL;
	bool known;
	int ret;

	lockdep_assert_held(&shk_config_lock);
	*left = NULL;
	if (shadow->dead)
		return -ESTALE;
	ret = shk_text_build(&shadow->text);
	if (ret)
		return ret;
	ret = shk_hooks_apply(shadow);
	if (ret)
		goto destroy;

	do {
		/* Others attach under shk_config_lock, a child's mm has its graft already. */
		spin_lock(&graft_lock);
		known = find(mm);
		spin_unlock(&graft_lock);
		if (!known) {
			new = graft_alloc(mm);
			if (IS_ERR(new)) {
				ret = PTR_ERR(new);
				goto revert;
			}
		}

		/* Nobody is in what hooks.c makes run in the base. */
		mutex_lock(shk_symbols.text_mutex);
		spin_lock(&graft_lock);
		ret = join(shadow, mm, delegated, &new, left);
		spin_unlock(&graft_lock);
		if (ret > 0)
			flush(mm);
		mutex_unlock(shk_symbols.text_mutex);
	} while (ret == -EAGAIN);
	if (WARN_ON_ONCE(new)) {
		mmgrab(new->mm);
		graft_free(new);
	}
	return min(ret, 0);
revert:
	if (!was_hooked)
		shk_hooks_revert(shadow);
destroy:
	/* Nobody has been grafted to what was just built. */
	if (!was_built)
		shk_text_destroy(&shadow->text);
	return ret;
}

/*
 * Is somebody in @mm between pgd_alloc() and where a failure of fork or exec
 * ends the new mm with exit_mmap()? By then it has a mapping (dup_mmap(),
 * __bprm_mm_init()). Until then it cannot be freed while graft_lock is held,
 * since shk_graft_abort() comes first.
 */
static bool gives_birth(struct mm_struct *mm)
{
	struct shk_graft *graft, *child, *next;
	bool found = false;

	spin_lock(&graft_lock);
	graft = find(mm);
	if (graft) {
		list_for_each_entry_safe (child, next, &graft->births, birth)
			if (READ_ONCE(child->mm->map_count))
				list_del_init(&child->birth);
		found = !list_empty(&graft->births);
	}
	spin_unlock(&graft_lock);
	return found;
}

/* The graft of @mm that the caller may end, or why not. */
static struct shk_graft *find_to_end(struct mm_struct *mm, const struct shk_shadow *from,
				     bool delegated)
{
	struct shk_graft *graft = find(mm);

	if (!graft || (from && graft->shadow != from))
		return ERR_PTR(-ENOENT);
	if (delegated && !graft->delegated)
		return ERR_PTR(-EPERM);
	return graft;
}

/* The children of @mm are born outside, or inside again. */
static int set_leaving(struct mm_struct *mm, const struct shk_shadow *from, bool delegated,
		       bool leaving)
{
	struct shk_graft *graft;

	spin_lock(&graft_lock);
	graft = find_to_end(mm, from, delegated);
	if (!IS_ERR(graft))
		graft->leaving = leaving;
	spin_unlock(&graft_lock);
	return PTR_ERR_OR_ZERO(graft);
}

int shk_graft_detach(struct mm_struct *mm, const struct shk_shadow *from, bool delegated)
{
	struct shk_graft *graft;
	int ret;

	lockdep_assert_held(&shk_config_lock);
	ret = set_leaving(mm, from, delegated, true);
	if (ret)
		return ret;
	while (gives_birth(mm)) {
		if (signal_pending(current)) {
			set_leaving(mm, from, delegated, false);
			return -ERESTARTSYS;
		}
		schedule_timeout_interruptible(1);
	}

	mutex_lock(shk_symbols.text_mutex);
	spin_lock(&graft_lock);
	/* Exec leaves without asking shk_config_lock. */
	graft = find_to_end(mm, from, delegated);
	if (!IS_ERR(graft))
		cut(graft);
	spin_unlock(&graft_lock);
	if (!IS_ERR(graft))
		bury(graft);
	mutex_unlock(shk_symbols.text_mutex);
	return PTR_ERR_OR_ZERO(graft);
}

/*
 * text_mutex, which would say that nobody in this mm is in what hooks.c makes
 * run in the base, is not needed: nobody else is in this mm, and we are here.
 */
void shk_graft_leave(struct mm_struct *mm)
{
	struct shk_graft *graft;

	spin_lock(&graft_lock);
	graft = find(mm);
	if (graft && graft->delegated)
		cut(graft);
	else
		graft = NULL;
	spin_unlock(&graft_lock);
	if (graft)
		bury(graft);
}

struct shk_shadow *shk_graft_shadow(struct mm_struct *mm)
{
	struct shk_graft *graft;
	struct shk_shadow *shadow;

	spin_lock(&graft_lock);
	graft = find(mm);
	shadow = graft ? shk_shadow_get(graft->shadow) : NULL;
	spin_unlock(&graft_lock);
	return shadow;
}

struct mm_struct *shk_graft_next(struct shk_shadow *shadow, u64 *cursor)
{
	struct mm_struct *mm = NULL;
	struct shk_graft *graft;

	spin_lock(&graft_lock);
	list_for_each_entry (graft, &shadow->grafts, node) {
		/* One that is just going: take the next. */
		if (graft->order <= *cursor || !mmget_not_zero(graft->mm))
			continue;
		mm = graft->mm;
		*cursor = graft->order;
		break;
	}
	spin_unlock(&graft_lock);
	return mm;
}

unsigned int shk_graft_count(struct shk_shadow *shadow)
{
	unsigned int count;

	spin_lock(&graft_lock);
	count = shadow->nr_grafts;
	spin_unlock(&graft_lock);
	return count;
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
	struct shk_graft *parent = current->mm ? find(current->mm) : NULL;

	return parent && !parent->leaving ? parent : NULL;
}

int shk_graft_inherit(struct mm_struct *mm)
{
	struct shk_graft *graft, *parent;

	spin_lock(&graft_lock);
	parent = find_parent();
	spin_unlock(&graft_lock);
	if (!parent)
		return 0;

	graft = graft_alloc(mm);
	if (IS_ERR(graft))
		return PTR_ERR(graft);

	spin_lock(&graft_lock);
	/* It may have been detached or moved meanwhile. */
	parent = find_parent();
	if (parent) {
		list_add(&graft->birth, &parent->births);
		graft->delegated = parent->delegated;
		hash_add(grafts, &graft->by_mm, (unsigned long)mm);
		link(graft, parent->shadow);
	}
	spin_unlock(&graft_lock);
	if (!parent) {
		mmgrab(mm);
		graft_free(graft);
		forget_subscriptions(mm);
	}
	return 0;
}

void shk_graft_abort(struct mm_struct *mm)
{
	struct shk_graft *graft;

	spin_lock(&graft_lock);
	graft = find(mm);
	if (graft) {
		list_del(&graft->birth);
		hash_del(&graft->by_mm);
		unlink(graft);
	}
	spin_unlock(&graft_lock);
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
	shk_shadow_put(graft->shadow);
	kfree(graft);
	module_put(THIS_MODULE);
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
	graft_wq = alloc_workqueue("shadowk", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return graft_wq ? 0 : -ENOMEM;
}

void shk_graft_exit(void)
{
	destroy_workqueue(graft_wq);
}
