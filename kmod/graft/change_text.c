// SPDX-License-Identifier: GPL-2.0-only
/*
 * The change of an mm's text: see change_text.h for the order of its steps.
 */
#include <linux/cpu.h>
#include <linux/mutex.h>

#include "graft/change_text.h"
#include "graft/graft.h"
#include "graft/stack_check.h"

/* One call of shk_graft_change_text(). */
struct text_change {
	const struct shk_change *change;
	/*
	 * The shadow in which the mm was when the change began, if that shadow replaces code in
	 * place (shk_shadow.bodies); else NULL.
	 */
	const struct shk_shadow *from;
	/* Writes the entry: parameter of shk_graft_change_text(), with its argument. */
	int (*fn)(struct shk_graft *graft, void *arg);
	void *arg;
};

/*
 * Returns true if @shadow is not NULL and replaces the code of a function in place
 * (shk_shadow.bodies), so that a task may be in the middle of it. The caller holds the shadow's
 * lock, text_mutex or shk_graft_lock.
 */
static bool change_text_has_bodies(const struct shk_shadow *shadow)
{
	return shadow && !list_empty(&shadow->bodies);
}

/*
 * Returns @graft's shadow if that replaces the code of a function in place (shk_shadow.bodies),
 * else NULL. Takes no reference. If @graft is NULL, returns NULL. shk_graft_lock is held.
 */
static struct shk_shadow *change_text_current_bodies(const struct shk_graft *graft)
{
	return graft && change_text_has_bodies(graft->shadow) ? graft->shadow : NULL;
}

/*
 * Calls @c->fn, if the change may be made. shk_graft_lock is held. Returns the result of @c->fn,
 * the error of @c->change->check(), or -EAGAIN: since the change began the mm has left or entered a
 * shadow that replaces code in place (shk_shadow.bodies).
 */
static int change_text_locked(const struct text_change *c)
{
	const struct shk_change *change = c->change;
	struct shk_graft *graft = shk_graft_find(change->mm);
	int ret;

	/* The shadow was not locked: both the mm's shadow and its bodies can have changed. */
	if (change_text_current_bodies(graft) != c->from)
		return -EAGAIN;
	ret = change->check ? change->check(change, graft) : 0;
	return ret ?: c->fn(graft, c->arg);
}

/*
 * Makes the change under shk_graft_lock, which it takes: calls change_text_locked(). Called
 * directly, or while the machine is stopped. @arg is the struct text_change. Returns the result of
 * change_text_locked(). Does not sleep.
 */
static int change_text_fn(void *arg)
{
	int ret;

	spin_lock(&shk_graft_lock);
	ret = change_text_locked(arg);
	spin_unlock(&shk_graft_lock);
	return ret;
}

/*
 * Stops the machine, and calls change_text_fn() if no thread of the mm is in a function whose code
 * @c->from or @to replaces in place (shk_shadow.bodies). Each of these two may be NULL.
 * cpus_read_lock() and text_mutex are held. On return every CPU has flushed. Returns the result of
 * change_text_fn(), or -EAGAIN: the thread @change->busy is in such a function.
 */
static int change_text_stopped(struct text_change *c, struct shk_change *change,
			       const struct shk_shadow *to)
{
	struct shk_stack_check check = {
		.mm = change->mm,
		.bodies = { c->from ? &c->from->bodies : NULL,
			    change_text_has_bodies(to) ? &to->bodies : NULL },
		.extra_bodies = LIST_HEAD_INIT(check.extra_bodies),
	};
	int ret = shk_stack_check_and_change(&check, change_text_fn, c);

	change->busy = check.busy;
	return ret;
}

int shk_graft_change_text(struct shk_change *change, struct shk_shadow *to,
			  int (*fn)(struct shk_graft *graft, void *arg), void *arg)
{
	struct text_change c = { .change = change, .fn = fn, .arg = arg };
	struct mm_struct *mm = change->mm;
	struct shk_shadow *from;
	bool must_stop;
	int ret;

	if (to)
		lockdep_assert_held(&to->lock);
	change->busy = 0;
	spin_lock(&shk_graft_lock);
	from = change_text_current_bodies(shk_graft_find(mm));
	if (from && !WARN_ON_ONCE(change->deferred.in_place))
		change->deferred.in_place = shk_shadow_get(from);
	spin_unlock(&shk_graft_lock);
	c.from = from;
	/* Bodies of @to stay, since it is locked. change_text_locked() looks at @from again. */
	must_stop = from != to && (from || change_text_has_bodies(to));

	if (must_stop)
		cpus_read_lock(); /* before text_mutex, as the kernel does */
	/* No task of the mm is in a function that hooks/hooks.c makes run in the base. */
	mutex_lock(shk_symbols.text_mutex);
	/*
	 * An mm that can come out of the base has a spare graft. An mm that is inside has no lazy
	 * TLB users: the hook in enter_lazy_tlb() has made them load init_mm.
	 */
	if (change->deferred.graft)
		shk_graft_pre_attach(mm);
	if (must_stop)
		ret = change_text_stopped(&c, change, to);
	else
		ret = change_text_fn(&c);
	if (ret > 0 && !must_stop)
		shk_mmu->flush_mm(mm);
	shk_graft_post_detach(mm);
	mutex_unlock(shk_symbols.text_mutex);
	if (must_stop)
		cpus_read_unlock();
	return ret;
}
