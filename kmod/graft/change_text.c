// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpu.h>
#include <linux/mutex.h>

#include "graft/change_text.h"
#include "graft/graft.h"
#include "graft/stack_check.h"

/* @fn(@arg) lets the mm have another text. */
struct text_change {
	const struct shk_change *change;
	const struct shk_shadow *from; /* where the mm was seen, with bodies in place; or NULL */
	int (*fn)(struct shk_graft *graft, void *arg);
	void *arg;
};

static bool change_text_has_bodies(const struct shk_shadow *shadow)
{
	return shadow && !list_empty(&shadow->bodies);
}

/* The shadow that @graft, or NULL, is in, if that has bodies in place; else NULL. */
static struct shk_shadow *change_text_current_bodies(const struct shk_graft *graft)
{
	return graft && change_text_has_bodies(graft->shadow) ? graft->shadow : NULL;
}

static int change_text_locked(const struct text_change *c)
{
	const struct shk_change *change = c->change;
	struct shk_graft *graft = shk_graft_find(change->mm);
	int ret;

	/* Nothing has kept the mm where it was, nor what that shadow has in place. */
	if (change_text_current_bodies(graft) != c->from)
		return -EAGAIN;
	ret = change->check ? change->check(change, graft) : 0;
	return ret ?: c->fn(graft, c->arg);
}

static int change_text_fn(void *arg)
{
	int ret;

	spin_lock(&shk_graft_lock);
	ret = change_text_locked(arg);
	spin_unlock(&shk_graft_lock);
	return ret;
}

/* While the machine stands still. cpus_read_lock() and text_mutex are held. */
static int change_text_stopped(struct text_change *c, struct shk_change *change,
			       const struct shk_shadow *to)
{
	struct shk_stack_check check = {
		.mm = change->mm,
		.bodies = { c->from ? &c->from->bodies : NULL,
			    change_text_has_bodies(to) ? &to->bodies : NULL },
		.others = LIST_HEAD_INIT(check.others),
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
	/* What is in place in these stays so while text_mutex is held. */
	must_stop = from != to && (from || change_text_has_bodies(to));

	if (must_stop)
		cpus_read_lock(); /* outside of text_mutex, as everywhere */
	/* Nobody is in what hooks/hooks.c makes run in the base. */
	mutex_lock(shk_symbols.text_mutex);
	/* Only who has a spare graft comes out of the base; the mm of who is inside nobody borrows. */
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
