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
#include <linux/cpu.h>
#include <linux/freezer.h>
#include <linux/hashtable.h>
#include <linux/kprobes.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "shadow/shadow.h"
#include "shadow/thread.h"

/*
 * What a stretch of system calls comes back to. It never changes, so a child
 * shares its parent's, and each comes back by itself.
 */
struct shk_visit {
	refcount_t ref;		 /* grafts in it, stretches that began in it */
	struct shk_visit *outer; /* that it began in, holds a reference; or NULL */
	unsigned int depth;
	struct shk_shadow *back; /* holds a reference; NULL: the base */
	bool delegated;		 /* it was there by delegation */
	bool thread;		 /* for a thread alone, or several */
};

struct shk_graft {
	struct mmu_interval_notifier notifier;
	struct mm_struct *mm;
	struct shk_shadow *shadow; /* holds a reference */
	struct shk_visit *visit;   /* the innermost, holds a reference; NULL: attached */
	struct list_head threads;  /* who alone acts on edits, if any */
	u64 order;		   /* grows with each that comes into a shadow */
	unsigned int nr_calls;	   /* for which it executes its shadow's target */
	bool calls_flushed;	   /* and every CPU knows */
	struct list_head births;   /* what is made from it, while that may still fail ... */
	struct list_head birth;	   /* ... by this; what has come to life stays until looked at */
	/* Who makes it in exec, and takes it out of .births itself; NULL of fork's. */
	const struct task_struct *exec;
	bool leaving;	       /* its children are born outside */
	bool delegated;	       /* it, or a parent, attached itself unprivileged */
	u64 placed;	       /* which binding of a cgroup has put it, or a parent, in; or 0 */
	bool borrowing;	       /* made by exec of who ran in its parent's mm until then */
	struct list_head node; /* shk_shadow.grafts, by order */
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
static unsigned int nr_placed;
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

static void set_placed(struct shk_graft *graft, u64 placed)
{
	lockdep_assert_held(&graft_lock);
	if (!graft->placed != !placed)
		nr_placed += placed ? 1 : -1;
	graft->placed = placed;
}

static void count(struct shk_shadow *shadow, int change)
{
	lockdep_assert_held(&graft_lock);
	shadow->nr_grafts += change;
	if (shadow->target)
		shadow->target->nr_grafts += change;
}

static void unlink(struct shk_graft *graft)
{
	list_del(&graft->node);
	count(graft->shadow, -1);
}

/* Come into @shadow, out of another if it is in one; the caller puts that. -EIO. */
static int link(struct shk_graft *graft, struct shk_shadow *shadow)
{
	int ret = shk_mmu->graft(graft->mm, &shadow->text.tables);

	if (ret)
		return ret;
	if (graft->shadow)
		unlink(graft);
	else
		hash_add(grafts, &graft->by_mm, (unsigned long)graft->mm);
	graft->shadow = shk_shadow_get(shadow);
	graft->order = ++last_order;
	graft->nr_calls = 0;
	list_add_tail(&graft->node, &shadow->grafts);
	count(shadow, 1);
	return 0;
}

static struct shk_visit *visit_get(struct shk_visit *visit)
{
	if (visit)
		refcount_inc(&visit->ref);
	return visit;
}

/* As shk_shadow_put(). */
static void visit_put(struct shk_visit *visit)
{
	while (visit && refcount_dec_and_test(&visit->ref)) {
		struct shk_visit *outer = visit->outer;

		if (visit->back)
			shk_shadow_put(visit->back);
		kfree(visit);
		visit = outer;
	}
}

/* @visit begins where @graft, which has come out of @was, is; uses the caller's reference up. */
static void visit_begin(struct shk_graft *graft, struct shk_visit *visit, struct shk_shadow *was)
{
	lockdep_assert_held(&graft_lock);
	visit->back = was ? shk_shadow_get(was) : NULL;
	visit->delegated = graft->delegated;
	visit->outer = graft->visit;
	visit->depth = visit->outer ? visit->outer->depth + 1 : 1;
	graft->visit = visit;
}

/* All threads act on edits. */
static void drop_threads(struct shk_graft *graft)
{
	struct shk_thread *thread, *next;

	lockdep_assert_held(&graft_lock);
	list_for_each_entry_safe (thread, next, &graft->threads, node)
		shk_thread_remove(thread);
}

/* current acts; uses *@new up if it did not before. */
static void thread_enter(struct shk_graft *graft, struct shk_thread **new)
{
	struct shk_thread *thread = shk_thread_find(&graft->threads);

	if (thread) {
		thread->depth++;
		return;
	}
	shk_thread_add(&graft->threads, *new, graft->mm, graft->shadow);
	*new = NULL;
}

/* A stretch of current's is over. */
static void thread_leave(struct shk_graft *graft)
{
	struct shk_thread *thread = shk_thread_find(&graft->threads);

	if (thread && !--thread->depth)
		shk_thread_remove(thread);
	if (!graft->visit || !graft->visit->thread)
		drop_threads(graft);
}

/* Others of current's process act on edits, and it does not. */
static bool is_left_out(const struct shk_graft *graft)
{
	return !list_empty(&graft->threads) && !shk_thread_find(&graft->threads);
}

/* The notifier's reference to the mm, which graft_alloc() gave up, was taken again. */
static void graft_free(struct shk_graft *graft)
{
	mmu_interval_notifier_remove(&graft->notifier);
	kfree(graft);
	module_put(THIS_MODULE);
}

static void graft_put_all(struct shk_graft *graft)
{
	visit_put(graft->visit);
	shk_shadow_put(graft->shadow);
	graft_free(graft);
}

static void graft_free_work(struct work_struct *work)
{
	graft_put_all(container_of(work, struct shk_graft, free));
}

void shk_left_put(struct shk_left *left)
{
	if (left->graft)
		graft_put_all(left->graft);
	if (left->shadow)
		shk_shadow_put(left->shadow);
	visit_put(left->visit);
}

/* @graft's mm executes the base from the next flush on: it is the caller's to bury() or entomb(). */
static void cut(struct shk_graft *graft)
{
	struct shk_graft *child, *next;

	lockdep_assert_held(&graft_lock);
	list_for_each_entry_safe (child, next, &graft->births, birth)
		list_del_init(&child->birth);
	list_del_init(&graft->birth);
	hash_del(&graft->by_mm);
	set_placed(graft, 0);
	drop_threads(graft);
	WARN_ON_ONCE(shk_mmu->graft(graft->mm, NULL));
}

/* Its mm was flushed: only now may tables and pages be thought unused. */
static void entomb(struct shk_graft *graft)
{
	spin_lock(&graft_lock);
	unlink(graft);
	spin_unlock(&graft_lock);
	mmgrab(graft->mm);
}

/* Where neither the notifier nor the shadow may be given up. */
static void bury(struct shk_graft *graft)
{
	shk_mmu->flush_mm(graft->mm);
	entomb(graft);
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
	/* A handle or a graft holds the module at this moment. */
	__module_get(THIS_MODULE);
	return graft;
}

/* How an mm comes into a shadow. */
struct coming {
	struct shk_shadow *to;
	bool delegated;		 /* by the right of a handle */
	u64 placed;		 /* by this binding of its cgroup, or 0 */
	struct shk_visit *visit; /* for a stretch, which is this; or NULL */
	/* Of current alone; *@thread is used up if it is in none yet. */
	struct shk_thread **thread;
};

/* -EBUSY: it cannot be in that stretch while it is in this one. */
static int check_stretch(const struct coming *coming, const struct shk_graft *graft)
{
	const struct shk_visit *visit = graft->visit;

	if (!coming->visit || !visit)
		return 0;
	if (visit->depth == SHK_ENTER_DEPTH)
		return -ENOSPC;
	return visit->thread && (!coming->thread || graft->shadow != coming->to) ? -EBUSY : 0;
}

/*
 * @mm joins, with the graft that it has or with *@new, which is used up then; so
 * is the stretch, if one is to begin. Returns 1 if its entry was written, 0 if it
 * is inside already; -EPERM; -EIO; -ENOSPC; -ENOENT: the graft that it had is
 * gone, for exec leaves without asking shk_config_lock.
 */
static int join(const struct coming *coming, struct mm_struct *mm, struct shk_graft **new,
		struct shk_left *left)
{
	struct shk_graft *graft = find(mm) ?: *new;
	bool delegated = coming->delegated;
	struct shk_shadow *shadow = coming->to, *was;
	bool thread;
	int ret;

	if (!graft)
		return -ENOENT;
	ret = check_stretch(coming, graft);
	if (ret)
		return ret;
	was = graft->shadow;
	/* Where all of the process act already, no thread does alone. */
	thread = coming->thread && (was != shadow || !list_empty(&graft->threads));
	if (was == shadow) {
		delegated &= graft->delegated;
	} else {
		if (was && delegated && !graft->delegated)
			return -EPERM;
		ret = link(graft, shadow);
		if (ret)
			return ret;
		if (was)
			left->shadow = was;
		else
			*new = NULL;
	}
	if (coming->visit) {
		visit_begin(graft, coming->visit, was);
		graft->visit->thread = thread;
		if (thread)
			thread_enter(graft, coming->thread);
	} else {
		left->visit = graft->visit;
		graft->visit = NULL;
		drop_threads(graft);
	}
	graft->delegated = delegated;
	if (coming->placed || (!coming->visit && was != shadow))
		set_placed(graft, coming->placed);
	return was != shadow;
}

bool shk_graft_is_in(struct mm_struct *mm, const struct shk_shadow *shadow)
{
	struct shk_graft *graft;
	bool is_in;

	spin_lock(&graft_lock);
	graft = find(mm);
	is_in = graft && graft->shadow == shadow;
	spin_unlock(&graft_lock);
	return is_in;
}

/* @change(@arg) lets @mm have another text. */
struct changing {
	struct mm_struct *mm;
	const struct list_head *bodies; /* that it was seen to have in place */
	int (*change)(void *arg);
	void *arg;
	bool moved; /* out: it has others, nothing was done */
};

/* What @shadow has in place, NULL if that is nothing. Under shk_config_lock it stays so. */
static struct list_head *bodies_of(struct shk_shadow *shadow)
{
	return shadow && !list_empty(&shadow->bodies) ? &shadow->bodies : NULL;
}

static struct list_head *bodies_in(struct mm_struct *mm)
{
	struct shk_graft *graft = find(mm);

	return graft ? bodies_of(graft->shadow) : NULL;
}

static int do_change(void *arg)
{
	struct changing *c = arg;
	int ret = 0;

	spin_lock(&graft_lock);
	/* exec asks no lock that would keep the mm where it was. */
	c->moved = bodies_in(c->mm) != c->bodies;
	if (!c->moved)
		ret = c->change(c->arg);
	spin_unlock(&graft_lock);
	return ret;
}

static int try_change(struct changing *c, struct list_head *to, pid_t *busy)
{
	struct shk_still still = { .mm = c->mm, .bodies = { NULL, to } };
	bool must_stop, comes;
	int ret;

	c->moved = false;
	spin_lock(&graft_lock);
	still.bodies[0] = bodies_in(c->mm);
	comes = !find(c->mm);
	spin_unlock(&graft_lock);
	c->bodies = still.bodies[0];
	must_stop = still.bodies[0] != still.bodies[1];

	if (must_stop)
		cpus_read_lock(); /* outside of text_mutex, as everywhere */
	/* Nobody is in what hooks.c makes run in the base. */
	mutex_lock(shk_symbols.text_mutex);
	/*
	 * What an idle CPU borrows must not change under it: it goes before. That of who is
	 * inside already none borrows.
	 */
	if (comes && !must_stop)
		shk_mmu->flush_mm(c->mm);
	ret = must_stop ? shk_still_change(&still, do_change, c) : do_change(c);
	if (ret > 0 && !must_stop)
		shk_mmu->flush_mm(c->mm);
	mutex_unlock(shk_symbols.text_mutex);
	if (must_stop)
		cpus_read_unlock();
	*busy = still.busy;
	return ret;
}

/*
 * @change(@arg), under graft_lock, lets @mm have the text of @to, or of the base if
 * that is NULL. All ways lead through here but those of a task that changes its own,
 * and is where nothing may be in place, and those of system calls into a target, which
 * has nothing in place (edit/inplace.c). If what @mm leaves or
 * where it comes to has bodies in place: while the machine stands still, and no task
 * of @mm is in one. Returns what @change does, 1 if the text is another; -EAGAIN:
 * @busy is in one.
 */
static int change_text(struct mm_struct *mm, struct shk_shadow *to, int (*change)(void *arg),
		       void *arg, pid_t *busy)
{
	struct changing c = { .mm = mm, .change = change, .arg = arg };
	int ret;

	lockdep_assert_held(&shk_config_lock);
	do {
		ret = try_change(&c, bodies_of(to), busy);
	} while (c.moved);
	return ret;
}

int shk_graft_prepare(struct shk_shadow *shadow)
{
	bool was_built = shadow->text.built;
	int ret;

	lockdep_assert_held(&shk_config_lock);
	if (shadow->dead || (shadow->target && shadow->target->dead))
		return -ESTALE;
	ret = shk_text_build(&shadow->text);
	if (ret)
		return ret;
	ret = shk_hooks_apply(shadow);
	if (ret && !was_built)
		shk_text_destroy(&shadow->text);
	return ret;
}

void shk_graft_unprepare(struct shk_shadow *shadow, bool was_built, bool was_hooked)
{
	lockdep_assert_held(&shk_config_lock);
	if (!was_hooked)
		shk_hooks_revert(shadow);
	if (!was_built)
		shk_text_destroy(&shadow->text);
}

struct joining {
	const struct coming *coming;
	struct mm_struct *mm;
	struct shk_graft *new;
	struct shk_left *left;
};

static int do_join(void *arg)
{
	struct joining *j = arg;

	return join(j->coming, j->mm, &j->new, j->left);
}

static int attach(const struct coming *coming, struct mm_struct *mm, struct shk_left *left,
		  pid_t *busy)
{
	struct shk_shadow *shadow = coming->to;
	bool was_built = shadow->text.built, was_hooked = shadow->hooked;
	struct joining joining = { .coming = coming, .mm = mm, .left = left };
	bool known;
	int ret;

	lockdep_assert_held(&shk_config_lock);
	*left = (struct shk_left){};
	*busy = 0;
	ret = shk_graft_prepare(shadow);
	if (ret)
		return ret;

	do {
		/* Others attach under shk_config_lock, a child's mm has its graft already. */
		spin_lock(&graft_lock);
		known = find(mm);
		spin_unlock(&graft_lock);
		if (!known) {
			struct shk_graft *new = graft_alloc(mm);

			if (IS_ERR(new)) {
				ret = PTR_ERR(new);
				goto revert;
			}
			joining.new = new;
		}
		ret = change_text(mm, shadow, do_join, &joining, busy);
	} while (ret == -ENOENT);
	if (joining.new) {
		mmgrab(mm);
		graft_free(joining.new);
	}
	if (ret >= 0)
		return 0;
revert:
	shk_graft_unprepare(shadow, was_built, was_hooked);
	return ret;
}

int shk_graft_attach(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
		     struct shk_left *left, pid_t *busy)
{
	struct coming coming = { .to = shadow, .delegated = delegated };

	return attach(&coming, mm, left, busy);
}

int shk_graft_place(struct shk_shadow *shadow, struct mm_struct *mm, u64 binding,
		    struct shk_left *left, pid_t *busy)
{
	struct coming coming = { .to = shadow, .placed = binding };

	return attach(&coming, mm, left, busy);
}

bool shk_graft_misplaced(struct mm_struct *mm, u64 binding, const struct shk_shadow *shadow,
			 bool moved)
{
	struct shk_graft *graft;
	bool misplaced;

	spin_lock(&graft_lock);
	graft = find(mm);
	if (!graft || graft->placed != binding)
		misplaced = binding || (graft && graft->placed);
	else if (graft->visit)
		misplaced = binding && moved;
	else
		misplaced = shadow && graft->shadow != shadow;
	spin_unlock(&graft_lock);
	return misplaced;
}

bool shk_graft_was_borrowing(struct mm_struct *mm)
{
	struct shk_graft *graft;
	bool borrowing;

	spin_lock(&graft_lock);
	graft = find(mm);
	borrowing = graft && graft->borrowing;
	spin_unlock(&graft_lock);
	return borrowing;
}

unsigned int shk_graft_count_placed(void)
{
	return READ_ONCE(nr_placed);
}

static int enter(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
		 struct shk_thread **thread, struct shk_left *left, pid_t *busy)
{
	struct coming coming = {
		.to = shadow,
		.delegated = delegated,
		.visit = kzalloc(sizeof(*coming.visit), GFP_KERNEL_ACCOUNT),
		.thread = thread,
	};
	int ret;

	*left = (struct shk_left){};
	*busy = 0;
	if (!coming.visit)
		return -ENOMEM;
	refcount_set(&coming.visit->ref, 1);
	ret = attach(&coming, mm, left, busy);
	if (ret)
		kfree(coming.visit);
	return ret;
}

int shk_graft_enter(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
		    struct shk_left *left, pid_t *busy)
{
	return enter(shadow, mm, delegated, NULL, left, busy);
}

int shk_graft_enter_thread(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
			   struct shk_left *left, pid_t *busy)
{
	struct shk_thread *thread;
	int ret;

	*left = (struct shk_left){};
	/* Who asks whether to act asks for current, which is none of those. */
	if (shadow->flags & (SHK_ASYNC_OWNER | SHK_ASYNC_CAUSAL))
		return -EMEDIUMTYPE;
	if (shadow->nr_common)
		return -EXDEV;
	if (shadow->target)
		return -EOPNOTSUPP;
	thread = shk_thread_alloc(current);
	if (!thread)
		return -ENOMEM;
	ret = enter(shadow, mm, delegated, &thread, left, busy);
	shk_thread_free(thread);
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
		list_for_each_entry_safe (child, next, &graft->births, birth) {
			if (!READ_ONCE(child->mm->map_count))
				found = true;
			else if (!child->exec)
				list_del_init(&child->birth);
		}
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

/* The mms that execs of @graft's process will take into use, each with a reference. */
static void cut_execs(struct shk_graft *graft, struct list_head *gone)
{
	struct shk_graft *child, *next;

	list_for_each_entry_safe (child, next, &graft->births, birth) {
		/* One whose exec has failed goes by itself. */
		if (!child->exec || !mmget_not_zero(child->mm))
			continue;
		cut(child);
		list_add(&child->birth, gone);
	}
}

static void bury_execs(struct list_head *gone)
{
	struct shk_graft *child, *next;

	list_for_each_entry_safe (child, next, gone, birth) {
		struct mm_struct *mm = child->mm;

		bury(child);
		mmput(mm);
	}
}

struct ending {
	struct mm_struct *mm;
	const struct shk_shadow *from;
	bool delegated;
	struct shk_graft *graft;
	struct list_head execs;
};

static int do_end(void *arg)
{
	struct ending *e = arg;

	/* Exec leaves without asking shk_config_lock. */
	e->graft = find_to_end(e->mm, e->from, e->delegated);
	if (IS_ERR(e->graft))
		return PTR_ERR(e->graft);
	cut_execs(e->graft, &e->execs);
	cut(e->graft);
	return 1;
}

/* @mm executes the base. The graft that it had, to be freed, or an error as shk_graft_detach(). */
static struct shk_graft *end(struct mm_struct *mm, const struct shk_shadow *from, bool delegated,
			     pid_t *busy)
{
	struct ending ending = { .mm = mm, .from = from, .delegated = delegated };
	int ret;

	lockdep_assert_held(&shk_config_lock);
	*busy = 0;
	ret = set_leaving(mm, from, delegated, true);
	if (ret)
		return ERR_PTR(ret);
	while (gives_birth(mm)) {
		if (signal_pending(current)) {
			set_leaving(mm, from, delegated, false);
			return ERR_PTR(-ERESTARTSYS);
		}
		schedule_timeout_interruptible(1);
	}

	INIT_LIST_HEAD(&ending.execs);
	ret = change_text(mm, NULL, do_end, &ending, busy);
	if (ret < 0) {
		set_leaving(mm, from, delegated, false);
		return ERR_PTR(ret);
	}
	entomb(ending.graft);
	bury_execs(&ending.execs);
	return ending.graft;
}

int shk_graft_detach(struct mm_struct *mm, const struct shk_shadow *from, bool delegated,
		     pid_t *busy)
{
	struct shk_graft *graft = end(mm, from, delegated, busy);

	if (!IS_ERR(graft))
		queue_work(graft_wq, &graft->free);
	return PTR_ERR_OR_ZERO(graft);
}

/*
 * The innermost stretch of @graft that has something to come back to: what was
 * destroyed meanwhile is passed over. NULL: nothing is left but the base.
 */
static struct shk_visit *find_back(const struct shk_graft *graft)
{
	struct shk_visit *visit = graft->visit;

	lockdep_assert_held(&shk_config_lock);
	while (visit && visit->back && visit->back->dead)
		visit = visit->outer;
	return visit;
}

struct returning {
	struct shk_graft *graft;
	const struct shk_visit *visit;
	struct shk_left *left;
};

/* To what @visit says, which is a shadow. -EIO. */
static int do_return(void *arg)
{
	struct returning *r = arg;
	struct shk_graft *graft = r->graft;
	struct shk_shadow *was = graft->shadow;
	int ret;

	if (was != r->visit->back) {
		ret = link(graft, r->visit->back);
		if (ret)
			return ret;
		r->left->shadow = was;
	}
	r->left->visit = graft->visit;
	graft->visit = visit_get(r->visit->outer);
	thread_leave(graft);
	graft->delegated = r->visit->delegated;
	return was != r->visit->back;
}

int shk_graft_return(struct mm_struct *mm, const struct shk_shadow *from, struct shk_left *left,
		     pid_t *busy)
{
	struct returning returning = { .left = left };
	struct shk_visit *visit;
	struct shk_graft *graft;
	bool left_out;
	int ret;

	lockdep_assert_held(&shk_config_lock);
	*left = (struct shk_left){};
	*busy = 0;
	/* It stays: exec leaves with another mm, and detach wants shk_config_lock. */
	spin_lock(&graft_lock);
	graft = find(mm);
	left_out = graft && is_left_out(graft);
	spin_unlock(&graft_lock);
	if (!graft || graft->shadow != from || !graft->visit || left_out)
		return -ENOENT;

	visit = find_back(graft);
	if (visit && visit->back) {
		returning.graft = graft;
		returning.visit = visit;
		ret = change_text(mm, visit->back, do_return, &returning, busy);
		return min(ret, 0);
	}
	graft = end(mm, from, false, busy);
	if (!IS_ERR(graft))
		left->graft = graft;
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

/* The first behind @order that is not just going, with a reference on its mm. */
static struct shk_graft *find_behind(struct shk_shadow *shadow, u64 order)
{
	struct shk_graft *graft;

	list_for_each_entry (graft, &shadow->grafts, node)
		if (graft->order > order && mmget_not_zero(graft->mm))
			return graft;
	return NULL;
}

struct mm_struct *shk_graft_next(struct shk_shadow *shadow, u64 *cursor)
{
	struct shk_shadow *caller;
	struct shk_graft *graft;
	u64 order = *cursor;

	spin_lock(&graft_lock);
	graft = find_behind(shadow, order);
	/* Those of callers follow, one caller after the other. */
	list_for_each_entry (caller, &shadow->callers, caller)
		if (!graft)
			graft = find_behind(caller, order);
	if (graft)
		*cursor = graft->order;
	spin_unlock(&graft_lock);
	return graft ? graft->mm : NULL;
}

void shk_graft_link_target(struct shk_shadow *caller, struct shk_shadow *target)
{
	lockdep_assert_held(&shk_config_lock);
	spin_lock(&graft_lock);
	caller->target = shk_shadow_get(target);
	list_add_tail(&caller->caller, &target->callers);
	spin_unlock(&graft_lock);
}

void shk_graft_unlink_target(struct shk_shadow *caller)
{
	lockdep_assert_held(&shk_config_lock);
	spin_lock(&graft_lock);
	list_del_init(&caller->caller);
	spin_unlock(&graft_lock);
}

/* The first of @graft's threads that is in such a call takes the mm along. */
static bool call_begin(struct shk_graft *graft, unsigned int nr)
{
	struct shk_shadow *target = graft->shadow->target;

	if (!target || !test_bit(nr, graft->shadow->calls))
		return false;
	if (!graft->nr_calls) {
		if (shk_mmu->graft(graft->mm, &target->text.tables))
			return false;
		graft->calls_flushed = false;
	}
	graft->nr_calls++;
	return true;
}

/*
 * Both texts have the same hooks, so text_mutex is not needed to change from one to
 * the other: who is in what hooks.c makes run in the base stays there.
 */
u64 shk_graft_call_begin(unsigned int nr)
{
	struct mm_struct *mm = current->mm;
	struct shk_graft *graft;
	bool flush = false;
	u64 call = 0;

	spin_lock(&graft_lock);
	graft = find(mm);
	if (graft && call_begin(graft, nr)) {
		call = graft->order;
		flush = !graft->calls_flushed;
	}
	spin_unlock(&graft_lock);
	if (!flush)
		return call;
	/* Also for a thread whose CPU has yet to hear of it from the first one's. */
	shk_mmu->flush_mm(mm);
	spin_lock(&graft_lock);
	graft = find(mm);
	if (graft && graft->order == call)
		graft->calls_flushed = true;
	spin_unlock(&graft_lock);
	return call;
}

void shk_graft_call_end(u64 call)
{
	struct mm_struct *mm = current->mm;
	struct shk_graft *graft;
	bool last = false;

	spin_lock(&graft_lock);
	graft = find(mm);
	/* Otherwise it was detached, or came into this or another shadow anew. */
	if (graft && graft->order == call)
		last = !--graft->nr_calls;
	if (last)
		WARN_ON_ONCE(shk_mmu->graft(mm, &graft->shadow->text.tables));
	spin_unlock(&graft_lock);
	if (last)
		shk_mmu->flush_mm(mm);
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

/* What the threads of @graft come back to that have entered by themselves, in the end. */
static struct shk_shadow *back_of_threads(const struct shk_graft *graft)
{
	const struct shk_visit *visit = graft->visit;
	struct shk_shadow *back = NULL;

	for (; visit && visit->thread; visit = visit->outer)
		back = visit->back;
	return back;
}

/* The graft that a child of this process inherits, NULL if there is none. */
static struct shk_graft *find_parent(void)
{
	struct shk_graft *parent = current->mm && !shk_bare_born() ? find(current->mm) : NULL;

	if (!parent || parent->leaving)
		return NULL;
	return is_left_out(parent) && !back_of_threads(parent) ? NULL : parent;
}

int shk_graft_inherit(struct mm_struct *mm)
{
	struct shk_graft *graft, *parent;
	struct shk_thread *nobody;
	int ret = 0;

	spin_lock(&graft_lock);
	parent = find_parent();
	spin_unlock(&graft_lock);
	if (!parent)
		return 0;

	/* Another thread may enter alone at any time. */
	nobody = shk_thread_alloc(NULL);
	if (!nobody)
		return -ENOMEM;
	graft = graft_alloc(mm);
	if (IS_ERR(graft)) {
		shk_thread_free(nobody);
		return PTR_ERR(graft);
	}
	/* fork's is a copy of one that a program has been loaded into. */
	graft->exec = mm->task_size ? NULL : current;
	graft->borrowing = graft->exec && shk_borrows_mm(current);

	spin_lock(&graft_lock);
	/* It may have been detached or moved meanwhile. */
	parent = find_parent();
	if (parent) {
		graft->delegated = parent->delegated;
		ret = link(graft, parent->shadow);
	}
	if (parent && !ret) {
		list_add(&graft->birth, &parent->births);
		set_placed(graft, parent->placed);
		if (is_left_out(parent)) {
			shk_thread_add(&graft->threads, nobody, mm, parent->shadow);
			nobody = NULL;
		}
		/* A program that is executed has nothing to come back from. */
		if (!graft->exec)
			graft->visit = visit_get(parent->visit);
	}
	spin_unlock(&graft_lock);
	shk_thread_free(nobody);
	if (!parent || ret) {
		mmgrab(mm);
		graft_free(graft);
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

	spin_lock(&graft_lock);
	parent = find(current->mm);
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
	else if (parent && !parent->delegated && !parent->placed && !is_left_out(parent))
		shadow = shk_shadow_get(parent->shadow);
	if (child)
		cut(child);
	if (shadow) {
		count(shadow, 1);
		__module_get(THIS_MODULE);
	}
	spin_unlock(&graft_lock);
	if (child)
		bury(child);
	return shadow;
}

/* To register a notifier takes all locks of the mm, and any signal ends that. */
static struct shk_graft *graft_alloc_undisturbed(struct mm_struct *mm)
{
	struct shk_graft *graft;
	sigset_t all, blocked;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &blocked);
	do {
		try_to_freeze();
		graft = graft_alloc(mm);
	} while (graft == ERR_PTR(-ERESTARTSYS) && !fatal_signal_pending(current));
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	return graft;
}

int shk_graft_arrive(struct shk_shadow *shadow)
{
	struct mm_struct *mm = current->mm;
	struct shk_graft *graft = NULL;
	bool joined = false;
	int ret = 0;

	/* No mm: exec has failed past its point of no return. */
	if (mm) {
		graft = graft_alloc_undisturbed(mm);
		ret = PTR_ERR_OR_ZERO(graft);
	}
	spin_lock(&graft_lock);
	if (graft && !ret && !find(mm)) {
		ret = link(graft, shadow);
		joined = !ret;
	}
	count(shadow, -1);
	spin_unlock(&graft_lock);
	if (joined) {
		shk_mmu->flush_mm(mm);
	} else if (!IS_ERR_OR_NULL(graft)) {
		mmgrab(mm);
		graft_free(graft);
	}
	shk_shadow_put(shadow);
	module_put(THIS_MODULE);
	return ret;
}

void shk_graft_abort(struct mm_struct *mm)
{
	struct shk_graft *graft;

	spin_lock(&graft_lock);
	graft = find(mm);
	if (graft) {
		list_del(&graft->birth);
		hash_del(&graft->by_mm);
		set_placed(graft, 0);
		drop_threads(graft);
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
	visit_put(graft->visit);
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
	graft_wq = alloc_workqueue("shadowk", WQ_UNBOUND, 0);
	return graft_wq ? 0 : -ENOMEM;
}

void shk_graft_exit(void)
{
	destroy_workqueue(graft_wq);
	shk_threads_exit();
}
