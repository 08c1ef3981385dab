// SPDX-License-Identifier: GPL-2.0-only
/*
 * State and entry of grafts, the table of all grafts, and their end with their mm. See graft.h.
 *
 * End of an mm
 *
 * Each graft has an interval notifier on an address that no mapping can have. exit_mmap() calls it
 * once, when the last user of the mm is gone: graft_on_invalidate(). A plain MMU notifier would
 * report that, too, but it would make exit wait for an SRCU grace period.
 *
 * If fork or exec fails before the mm that it creates has a mapping, the kernel can free that mm
 * without exit_mmap(). The hook in pgd_free() reports this end (inherit.c: shk_hook_pgd_free()). It
 * runs only if the task that frees the mm executes a shadow. So the parent mm is not detached while
 * it has such a child.
 *
 * The notifier holds no reference to its mm (mmgrab). With one, an mm whose creation failed would
 * never be freed. shk_graft_unaccount() takes one, which removing the notifier drops.
 */
#include <linux/hashtable.h>
#include <linux/kprobes.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "compat/mm_lock.h"
#include "graft/graft.h"
#include "graft/subscribe.h"
#include "mmu/small_pages.h"

DEFINE_SPINLOCK(shk_graft_lock);

/* Attached and parked grafts, by mm. Under shk_graft_lock. */
static DEFINE_HASHTABLE(grafts, 10);
/* The queue of pending attaches: struct shk_pending_attach.node. Under shk_graft_lock. */
static LIST_HEAD(pending_attaches);
/* The greatest shk_graft.attach_seq. Under shk_graft_lock. */
static u64 last_attach_seq;
/* Number of attached grafts with an origin.binding. Written under shk_graft_lock, read without. */
static unsigned int nr_placed;
/* Frees the grafts in queued_to_free. */
static struct workqueue_struct *graft_wq;
/* Grafts that the worker is to free, by .queued. */
static LLIST_HEAD(queued_to_free);
/*
 * Time from the first graft in queued_to_free to the run of the worker, in jiffies. The wakeup of
 * a worker costs more than the rest of the end of a process, so many share it.
 */
#define FREE_DELAY DIV_ROUND_UP(HZ, 50)

/*
 * Returns a graft of @mm: the attached one, or, if @parked, the one that was kept when @mm was
 * detached (PARKED). Returns NULL if @mm has none of that kind. An mm can have one of each, if
 * several tasks attach and detach it at the same time. shk_graft_lock is held.
 */
static struct shk_graft *graft_find_any(struct mm_struct *mm, bool parked)
{
	struct shk_graft *graft;

	lockdep_assert_held(&shk_graft_lock);
	hash_for_each_possible (grafts, graft, by_mm, (unsigned long)mm)
		if (graft->mm == mm && (graft->state == SHK_GRAFT_PARKED) == parked)
			return graft;
	return NULL;
}

struct shk_graft *shk_graft_find(struct mm_struct *mm)
{
	return graft_find_any(mm, false);
}

void shk_pending_attach_add(struct shk_pending_attach *pending)
{
	lockdep_assert_held(&shk_graft_lock);
	pending->task = current;
	pending->from = current->mm;
	list_add(&pending->node, &pending_attaches);
}

struct shk_pending_attach *shk_pending_attach_find(struct mm_struct *mm)
{
	struct shk_pending_attach *pending;

	lockdep_assert_held(&shk_graft_lock);
	list_for_each_entry (pending, &pending_attaches, node)
		if (mm != pending->from && READ_ONCE(pending->task->mm) == mm)
			return pending;
	return NULL;
}

void shk_pending_attach_cancel(struct shk_pending_attach *pending)
{
	lockdep_assert_held(&shk_graft_lock);
	list_del_init(&pending->node);
	shk_graft_count(pending->shadow, -1);
}

struct shk_graft *shk_graft_find_on_trial(u64 binding)
{
	struct shk_graft *graft;
	unsigned int bucket;

	lockdep_assert_held(&shk_graft_lock);
	hash_for_each (grafts, bucket, graft, by_mm)
		if (graft->previous.shadow && graft->origin.binding == binding)
			return graft;
	return NULL;
}

/*
 * Sets the state of @graft, and warns if the drawing of states in graft.h does not have this
 * transition. shk_graft_lock is held.
 */
static void graft_set_state(struct shk_graft *graft, enum shk_graft_state state)
{
	static const u8 ways[] = {
		[SHK_GRAFT_UNUSED] = BIT(SHK_GRAFT_BEING_MADE) | BIT(SHK_GRAFT_INSIDE) |
				     BIT(SHK_GRAFT_PARKED),
		[SHK_GRAFT_BEING_MADE] = BIT(SHK_GRAFT_INSIDE) | BIT(SHK_GRAFT_DETACHED) |
					 BIT(SHK_GRAFT_UNACCOUNTED),
		[SHK_GRAFT_INSIDE] = BIT(SHK_GRAFT_INSIDE) | BIT(SHK_GRAFT_CALLING) |
				     BIT(SHK_GRAFT_DETACHED),
		[SHK_GRAFT_CALLING] = BIT(SHK_GRAFT_INSIDE) | BIT(SHK_GRAFT_DETACHED),
		[SHK_GRAFT_DETACHED] = BIT(SHK_GRAFT_UNACCOUNTED),
		[SHK_GRAFT_UNACCOUNTED] = BIT(SHK_GRAFT_PARKED),
		[SHK_GRAFT_PARKED] = BIT(SHK_GRAFT_UNUSED) | BIT(SHK_GRAFT_UNACCOUNTED),
	};

	lockdep_assert_held(&shk_graft_lock);
	WARN_ON_ONCE(!(ways[graft->state] & BIT(state)));
	graft->state = state;
}

/* Returns true if @graft is BEING_MADE, INSIDE or CALLING. shk_graft_lock is held. */
static bool graft_is_attached(const struct shk_graft *graft)
{
	return graft->state == SHK_GRAFT_BEING_MADE || graft->state == SHK_GRAFT_INSIDE ||
	       graft->state == SHK_GRAFT_CALLING;
}

void shk_graft_set_origin(struct shk_graft *graft, struct shk_origin origin)
{
	lockdep_assert_held(&shk_graft_lock);
	if (!graft->origin.binding != !origin.binding)
		WRITE_ONCE(nr_placed, nr_placed + (origin.binding ? 1 : -1));
	graft->origin = origin;
}

void shk_graft_count(struct shk_shadow *shadow, int change)
{
	lockdep_assert_held(&shk_graft_lock);
	/* Both pair with the acquire in shk_shadow_users(). */
	smp_store_release(&shadow->nr_grafts, shadow->nr_grafts + change);
	if (shadow->target)
		smp_store_release(&shadow->target->nr_grafts, shadow->target->nr_grafts + change);
}

/* Removes @graft from the list and the count of its shadow. shk_graft_lock is held. */
static void graft_leave_shadow(struct shk_graft *graft)
{
	list_del(&graft->node);
	shk_graft_count(graft->shadow, -1);
}

int shk_graft_attach_entry(struct shk_graft *graft, struct shk_shadow *shadow, bool being_made)
{
	int ret = shk_mmu->graft(graft->mm, &shadow->text.tables);

	if (ret)
		return ret;
	if (graft->state == SHK_GRAFT_UNUSED)
		hash_add(grafts, &graft->by_mm, (unsigned long)graft->mm);
	else
		graft_leave_shadow(graft);
	list_del_init(&graft->sibling);
	graft_set_state(graft, being_made ? SHK_GRAFT_BEING_MADE : SHK_GRAFT_INSIDE);
	graft->shadow = shk_shadow_get(shadow);
	graft->attach_seq = ++last_attach_seq;
	graft->role = SHK_ROLE_NONE;
	graft->nr_calls = 0;
	/* A detach that has begun looks for unfinished children again: detach_fn(). */
	graft->no_inherit_until = 0;
	list_add_tail(&graft->node, &shadow->grafts);
	shk_graft_count(shadow, 1);
	return 0;
}

int shk_graft_set_calling(struct shk_graft *graft, bool calling)
{
	const struct shk_shadow *shadow = calling ? graft->shadow->target : graft->shadow;
	int ret = shk_mmu->graft(graft->mm, &shadow->text.tables);

	if (ret)
		return ret;
	/* A thread that makes a call shows that the mm is complete. */
	shk_graft_set_made(graft);
	graft_set_state(graft, calling ? SHK_GRAFT_CALLING : SHK_GRAFT_INSIDE);
	return 0;
}

void shk_graft_set_made(struct shk_graft *graft)
{
	list_del_init(&graft->sibling);
	if (graft->state == SHK_GRAFT_BEING_MADE)
		graft_set_state(graft, SHK_GRAFT_INSIDE);
}

/*
 * Removes @graft from the table, so that no task finds it by its mm. Clears .origin and .threads.
 * Calls shk_graft_set_made() for each graft in .children, the grafts of mms that fork or exec in
 * this mm have created: they become INSIDE. The caller ensures that each of those mms has a
 * mapping, so that it ends by exit_mmap(). @graft must be attached. shk_graft_lock is held.
 */
static void graft_leave_table(struct shk_graft *graft)
{
	struct shk_graft *child, *next;

	list_for_each_entry_safe (child, next, &graft->children, sibling)
		shk_graft_set_made(child);
	list_del_init(&graft->sibling);
	hash_del(&graft->by_mm);
	shk_graft_set_origin(graft, (struct shk_origin){});
	shk_threads_clear(&graft->threads);
}

void shk_graft_detach_entry(struct shk_graft *graft)
{
	graft_leave_table(graft);
	graft_set_state(graft, SHK_GRAFT_DETACHED);
	WARN_ON_ONCE(shk_mmu->graft(graft->mm, NULL));
}

int shk_graft_set_carrier(struct mm_struct *mm, const struct shk_shadow *shadow)
{
	return shk_mmu->graft(mm, shadow ? &shadow->text.tables : NULL);
}

/*
 * Drops the references .shadow, .stretch and .previous of @graft. The memory of one struct
 * shk_stretch can stay in .kept, for the next stretch (SHK_ENTER to SHK_LEAVE). @graft must be
 * UNACCOUNTED or UNUSED, so that no shadow counts it. Sleeps; no shadow's lock is held.
 */
static void graft_put_references(struct shk_graft *graft)
{
	if (graft->previous.shadow) {
		shk_previous_put(&graft->previous);
		graft->previous = (struct shk_previous){};
	}
	shk_stretch_put_recycle(graft->stretch, &graft->kept);
	graft->stretch = NULL;
	if (graft->shadow)
		shk_shadow_put(graft->shadow);
	graft->shadow = NULL;
}

/*
 * Frees @graft, and drops all its references except that to the module. @graft must hold a
 * reference to its mm. It does so while UNACCOUNTED: no shadow counts it any longer. If it is
 * UNUSED, and so not in the table, the caller has taken the reference. Sleeps:
 * mmu_interval_notifier_remove() waits for invalidations of the mm, and drops the reference to it.
 */
static void graft_free(struct shk_graft *graft)
{
	graft_put_references(graft);
	mmu_interval_notifier_remove(&graft->notifier);
	kfree(graft->kept);
	kfree(graft);
}

/* Frees the grafts in queued_to_free. Sleeps. */
static void graft_free_queued(struct work_struct *work)
{
	struct shk_graft *graft, *next;

	llist_for_each_entry_safe (graft, next, llist_del_all(&queued_to_free), queued) {
		graft_free(graft);
		cond_resched();
	}
}

static DECLARE_DELAYED_WORK(free_work, graft_free_queued);

/*
 * Has the worker free @graft, which must be UNACCOUNTED. shk_graft_drain() finds it from then on.
 * Does not sleep; needs no lock.
 */
static void graft_queue(struct shk_graft *graft)
{
	llist_add(&graft->queued, &queued_to_free);
	/* Also if the list was not empty: who has made it so may not have queued the work yet. */
	queue_delayed_work(graft_wq, &free_work, FREE_DELAY);
}

void shk_graft_free(struct shk_graft *graft)
{
	/* shk_graft_alloc() has dropped the reference that removing the notifier drops. */
	if (graft->state == SHK_GRAFT_UNUSED)
		mmgrab(graft->mm);
	graft_free(graft);
	module_put(THIS_MODULE);
}

/*
 * Parks @graft: keeps it in the table for the next attach of its mm. Drops its reference to the mm;
 * the caller drops the one to the module. @graft must be UNACCOUNTED or UNUSED: no shadow counts
 * it. Its only references are those to the mm and the module. Returns false if the mm has a parked
 * graft already: then nothing has changed, and the caller frees @graft.
 *
 * The caller has a user of the mm. So exit_mmap() comes later, and finds @graft in the table.
 */
static bool graft_park(struct shk_graft *graft)
{
	/* Once @graft is parked, another task may take and free it. */
	struct mm_struct *mm = graft->mm;
	bool over = graft->state == SHK_GRAFT_UNACCOUNTED, parked;

	spin_lock(&shk_graft_lock);
	parked = !graft_find_any(mm, true);
	if (parked) {
		graft_set_state(graft, SHK_GRAFT_PARKED);
		graft->no_inherit_until = 0;
		graft->exec = NULL;
		graft->borrowing = false;
		hash_add(grafts, &graft->by_mm, (unsigned long)mm);
	}
	spin_unlock(&shk_graft_lock);
	/* The reference of shk_graft_unaccount(): a parked graft has none. */
	if (parked && over)
		mmdrop(mm);
	return parked;
}

/*
 * Removes @graft, which must be PARKED (kept for the next attach of its mm), from the table. The
 * caller can then free it. Takes a reference to its mm (mmgrab). The state becomes UNACCOUNTED: no
 * shadow counts the graft. shk_graft_lock is held.
 */
static void graft_unpark(struct shk_graft *graft)
{
	lockdep_assert_held(&shk_graft_lock);
	hash_del(&graft->by_mm);
	graft_set_state(graft, SHK_GRAFT_UNACCOUNTED);
	mmgrab(graft->mm);
}

void shk_deferred_put_run(struct shk_deferred_put *deferred)
{
	if (deferred->graft) {
		graft_put_references(deferred->graft);
		if (graft_park(deferred->graft))
			module_put(THIS_MODULE);
		else
			shk_graft_free(deferred->graft);
	}
	if (deferred->shadow)
		shk_shadow_put(deferred->shadow);
	if (deferred->in_place)
		shk_shadow_put(deferred->in_place);
	if (deferred->to)
		shk_shadow_put(deferred->to);
	shk_stretch_put(deferred->stretch);
	shk_previous_put(&deferred->previous);
}

/*
 * Makes the entry of @mm map the base in pages of 4 KB if @small, else in large pages. Returns true
 * if that has changed the entry: the caller then flushes. Returns false if @mm is in a shadow, or
 * if the CPU does not have the erratum itlb_multihit. Takes shk_graft_lock.
 */
static bool graft_resize_pages(struct mm_struct *mm, bool small)
{
	bool changed;

	if (!shk_small_pages_needed())
		return false;
	spin_lock(&shk_graft_lock);
	changed = !shk_graft_find(mm) && shk_small_pages_resize(mm, small);
	spin_unlock(&shk_graft_lock);
	return changed;
}

void shk_graft_pre_attach(struct mm_struct *mm)
{
	if (graft_resize_pages(mm, true))
		shk_mmu->flush_mm(mm);
	else
		shk_mmu->evict(mm);
}

void shk_graft_post_detach(struct mm_struct *mm)
{
	if (graft_resize_pages(mm, false))
		shk_mmu->flush_mm(mm);
}

void shk_graft_unaccount(struct shk_graft *graft)
{
	spin_lock(&shk_graft_lock);
	graft_leave_shadow(graft);
	graft_set_state(graft, SHK_GRAFT_UNACCOUNTED);
	spin_unlock(&shk_graft_lock);
	mmgrab(graft->mm);
}

/*
 * Has a worker free @graft, which must be UNACCOUNTED: no CPU has translations of the shadow for
 * the mm, and the shadow does not count the graft. Does not sleep; needs no lock.
 *
 * The graft's reference to the module is dropped here, not by the worker, so that rmmod may follow
 * the exit of the last process at once. shk_graft_exit() waits for the worker. The worker waits for
 * the graft's call of graft_on_invalidate(), if that has not returned yet.
 */
void shk_graft_queue_free(struct shk_graft *graft)
{
	graft_queue(graft);
	module_put(THIS_MODULE);
}

void shk_graft_flush_and_queue_free(struct shk_graft *graft)
{
	shk_mmu->flush_mm(graft->mm);
	shk_graft_post_detach(graft->mm);
	shk_graft_unaccount(graft);
	shk_graft_queue_free(graft);
}

/*
 * Callback of the graft's notifier. Ignores all events but MMU_NOTIFY_RELEASE, the one of
 * exit_mmap(), by which it ends the graft:
 *
 *   attached      detaches it, and has a worker free it
 *   PARKED        has a worker free it: the graft was kept in the table for the next attach
 *   other states  does nothing, since another task ends the graft
 *
 * The task that drops the last user of the mm calls this function, which may be any task. No task
 * runs in the mm: each has left by the hook in enter_lazy_tlb(), or for another mm.
 *
 * May wait for IPIs. Always returns true: the kernel need not try again.
 */
static bool graft_on_invalidate(struct mmu_interval_notifier *notifier,
				const struct mmu_notifier_range *range, unsigned long seq)
{
	struct shk_graft *graft = container_of(notifier, struct shk_graft, notifier);
	bool mine;

	if (range->event != MMU_NOTIFY_RELEASE)
		return true;
	mmu_interval_set_seq(notifier, seq);

	spin_lock(&shk_graft_lock);
	/* If another task detaches the graft at the same time, that task frees the graft. */
	mine = graft_is_attached(graft);
	if (mine) {
		shk_graft_detach_entry(graft);
	} else if (graft->state == SHK_GRAFT_PARKED) {
		graft_unpark(graft);
		/* Under the lock: shk_graft_exit() finds it in the table or in the queue. */
		graft_queue(graft);
	}
	spin_unlock(&shk_graft_lock);
	if (mine)
		shk_graft_flush_and_queue_free(graft);
	return true;
}

static const struct mmu_interval_notifier_ops notifier_ops = {
	.invalidate = graft_on_invalidate,
};

struct shk_graft *shk_graft_alloc(struct mm_struct *mm)
{
	struct shk_graft *graft = kzalloc(sizeof(*graft), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!graft)
		return ERR_PTR(-ENOMEM);
	graft->mm = mm;
	INIT_LIST_HEAD(&graft->children);
	INIT_LIST_HEAD(&graft->sibling);
	INIT_LIST_HEAD(&graft->threads);
	ret = mmu_interval_notifier_insert(&graft->notifier, mm, PAGE_MASK, PAGE_SIZE,
					   &notifier_ops);
	/*
	 * While an invalidation is in progress the kernel defers the insertion. The end of the mm
	 * would not be reported until then.
	 */
	if (!ret && data_race(RB_EMPTY_NODE(&graft->notifier.interval_tree.rb))) {
		mmu_interval_notifier_remove(&graft->notifier);
		ret = -EAGAIN;
	}
	if (ret) {
		kfree(graft);
		/* The kernel gives up locking the whole mm when a signal is pending. */
		return ERR_PTR(ret == -EINTR ? -ERESTARTSYS : ret);
	}
	mmdrop(mm);
	/* A handle, a graft or a binding holds the module at this moment. */
	__module_get(THIS_MODULE);
	return graft;
}

/*
 * Tries once to allocate an UNUSED graft of @mm, and its notifier subscriptions if it has none.
 * @wait: waits for the mmap_lock until current is killed; otherwise only tries it. Sleeps.
 *
 * Returns the graft, or an ERR_PTR() of shk_graft_alloc_any(). -EAGAIN is possible with @wait, too:
 * mappings of @mm are being invalidated, or a page fault has not ended within some milliseconds.
 */
static struct shk_graft *graft_try_alloc(struct mm_struct *mm, bool wait)
{
	int ret = shk_mm_takes_notifiers(mm) ? 0 : shk_mm_subscribe(mm, wait);

	return ret ? ERR_PTR(ret) : shk_graft_alloc(mm);
}

struct shk_graft *shk_graft_alloc_any(struct mm_struct *mm, bool wait)
{
	struct shk_graft *graft;

	while ((graft = graft_try_alloc(mm, wait)) == ERR_PTR(-EAGAIN) && wait) {
		schedule_timeout_killable(1);
		if (fatal_signal_pending(current))
			return ERR_PTR(-ERESTARTSYS);
	}
	return graft;
}

int shk_graft_prealloc(struct mm_struct *mm, bool wait, struct shk_deferred_put *deferred)
{
	struct shk_graft *graft;
	bool known;

	shk_shadow_assert_none_locked();
	spin_lock(&shk_graft_lock);
	known = graft_find_any(mm, false);
	graft = known ? NULL : graft_find_any(mm, true);
	if (graft) {
		hash_del(&graft->by_mm);
		graft_set_state(graft, SHK_GRAFT_UNUSED);
		__module_get(THIS_MODULE);
	}
	spin_unlock(&shk_graft_lock);
	if (!known && !graft)
		graft = shk_graft_alloc_any(mm, wait);
	if (IS_ERR(graft))
		return PTR_ERR(graft);
	deferred->graft = graft;
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

/*
 * Returns true if @mm is not where the cgroup binding with the id @binding wants it. That is in
 * @shadow. If @shadow is NULL, it is any shadow in which the binding has placed @mm. With a
 * @binding of 0, returns true if a binding has placed @mm. @moved: the process has moved between
 * cgroups, so @mm counts as misplaced even while it is in a stretch (SHK_ENTER to SHK_LEAVE). See
 * the table at shk_graft_misplaced(). shk_graft_lock is held.
 */
static bool graft_is_misplaced(struct mm_struct *mm, u64 binding, const struct shk_shadow *shadow,
			       bool moved)
{
	const struct shk_graft *graft = shk_graft_find(mm);

	if (graft && shk_graft_ignores_bindings(graft))
		return false;
	if (!graft || graft->origin.binding != binding)
		return binding || (graft && graft->origin.binding);
	if (graft->stretch)
		return binding && moved;
	return shadow && graft->shadow != shadow;
}

bool shk_graft_misplaced(struct mm_struct *mm, u64 binding, const struct shk_shadow *shadow,
			 bool moved)
{
	bool misplaced;

	spin_lock(&shk_graft_lock);
	misplaced = graft_is_misplaced(mm, binding, shadow, moved);
	spin_unlock(&shk_graft_lock);
	return misplaced;
}

bool shk_graft_may_be_misplaced(struct mm_struct *mm, u64 binding)
{
	bool misplaced;

	if (!spin_trylock(&shk_graft_lock))
		return true;
	misplaced = graft_is_misplaced(mm, binding, NULL, true);
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

void shk_graft_set_armed(struct mm_struct *mm)
{
	struct shk_graft *graft;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	if (graft && shk_shadow_is_helper(graft->shadow))
		graft->role = SHK_ROLE_ARMED;
	spin_unlock(&shk_graft_lock);
}

bool shk_graft_try_workload(struct mm_struct *mm, bool *workload)
{
	const struct shk_graft *graft;

	if (!spin_trylock(&shk_graft_lock))
		return false;
	graft = shk_graft_find(mm);
	*workload = graft && graft->role == SHK_ROLE_WORKLOAD;
	spin_unlock(&shk_graft_lock);
	return true;
}

unsigned int shk_graft_count_placed(void)
{
	return READ_ONCE(nr_placed);
}

struct shk_shadow *shk_graft_get_shadow(struct mm_struct *mm)
{
	struct shk_pending_attach *pending;
	struct shk_graft *graft;
	struct shk_shadow *shadow;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	pending = graft ? NULL : shk_pending_attach_find(mm);
	shadow = graft ? graft->shadow : pending ? pending->shadow : NULL;
	if (shadow)
		shk_shadow_get(shadow);
	spin_unlock(&shk_graft_lock);
	return shadow;
}

/*
 * Returns the graft of @shadow with the lowest .attach_seq above @seq, or NULL. Includes DETACHED
 * grafts, whose CPUs may not have flushed yet. shk_graft_lock is held.
 */
static struct shk_graft *graft_above(struct shk_shadow *shadow, u64 seq)
{
	struct shk_graft *graft;

	lockdep_assert_held(&shk_graft_lock);
	list_for_each_entry (graft, &shadow->grafts, node)
		if (graft->attach_seq > seq)
			return graft;
	return NULL;
}

/*
 * Returns the graft with the lowest .attach_seq above @seq, or NULL. Looks at the grafts of @shadow
 * and of its caller shadows, those that have @shadow as their target (shk_shadow.callers). The
 * numbers are unique among the grafts of all shadows. shk_graft_lock is held.
 */
static struct shk_graft *graft_above_in_all(struct shk_shadow *shadow, u64 seq)
{
	struct shk_graft *found = graft_above(shadow, seq), *graft;
	struct shk_shadow *caller;

	list_for_each_entry (caller, &shadow->callers, caller) {
		graft = graft_above(caller, seq);
		if (graft && (!found || graft->attach_seq < found->attach_seq))
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
		*cursor = graft->attach_seq;
		/* The graft is valid under the lock only. An mm that is exiting has no user. */
		if (mmget_not_zero(graft->mm))
			mm = graft->mm;
	}
	spin_unlock(&shk_graft_lock);
	return mm;
}

struct shk_shadow *shk_current_shadow(void)
{
	struct shk_text *text = shk_current_text();

	return text ? container_of(text, struct shk_shadow, text) : NULL;
}
NOKPROBE_SYMBOL(shk_current_shadow);

void shk_graft_abort(struct mm_struct *mm)
{
	struct shk_graft *graft;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	if (graft) {
		graft_leave_table(graft);
		graft_leave_shadow(graft);
		graft_set_state(graft, SHK_GRAFT_UNACCOUNTED);
	}
	spin_unlock(&shk_graft_lock);
	if (!graft)
		return;
	/*
	 * In __mmdrop(), which bprm_mm_init() calls, mm_count is 0 already. graft_free() drops one
	 * reference, which must not be the last a second time.
	 */
	atomic_add(2, &mm->mm_count);
	shk_graft_free(graft);
	atomic_dec(&mm->mm_count);
	shk_mm_forget_subscriptions(mm);
}

void shk_graft_drain(void)
{
	flush_delayed_work(&free_work);
}

int __init shk_graft_init(void)
{
	graft_wq = alloc_workqueue("shadowk", WQ_UNBOUND, 0);
	return graft_wq ? 0 : -ENOMEM;
}

/*
 * Removes one PARKED graft, which was kept for the next attach of its mm, from the table. Returns
 * it for the caller to free; its state is then UNACCOUNTED: no shadow counts it. Returns NULL if
 * there is none. Called at unload, when all grafts in the table are PARKED. Takes shk_graft_lock.
 */
static struct shk_graft *graft_take_parked(void)
{
	struct shk_graft *graft, *found = NULL;
	unsigned int bucket;

	spin_lock(&shk_graft_lock);
	hash_for_each (grafts, bucket, graft, by_mm)
		found = graft;
	if (found)
		graft_unpark(found);
	spin_unlock(&shk_graft_lock);
	return found;
}

void shk_graft_exit(void)
{
	struct shk_graft *graft;

	while ((graft = graft_take_parked()))
		graft_free(graft);
	shk_graft_drain();
	destroy_workqueue(graft_wq);
	shk_threads_exit();
}
