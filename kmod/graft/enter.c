// SPDX-License-Identifier: GPL-2.0-only
#include "graft/change_text.h"
#include "graft/enter.h"

static int enter_shadow(struct shk_shadow *shadow, bool delegated, struct shk_thread **thread,
			struct shk_change *change)
{
	struct shk_stretch *kept = NULL;
	struct shk_graft *spare = change->deferred.graft;
	struct shk_attach_args args = {
		.change = change,
		.to = shadow,
		.origin.kind = delegated ? SHK_BY_DELEGATE : SHK_BY_USER,
		.stretch = shk_stretch_alloc(spare ? &spare->kept : &kept),
		.thread = thread,
	};
	int ret;

	if (!args.stretch)
		return -ENOMEM;
	ret = shk_graft_do_attach(&args);
	if (ret)
		shk_stretch_put(args.stretch);
	return ret;
}

int shk_graft_enter(struct shk_shadow *shadow, bool delegated, struct shk_change *change)
{
	return enter_shadow(shadow, delegated, NULL, change);
}

int shk_graft_enter_thread(struct shk_shadow *shadow, bool delegated, struct shk_change *change)
{
	struct shk_thread *thread;
	int ret;

	lockdep_assert_held(&shadow->lock);
	/* Who asks whether to act asks for current, which is none of those. */
	if (shadow->flags & (SHK_ASYNC_OWNER | SHK_ASYNC_CAUSAL))
		return SHK_E(POLICY);
	if (shadow->nr_common)
		return SHK_E(EDITS_FOR_ALL);
	if (shadow->target)
		return SHK_E(SYSCALLS_ONLY);
	thread = shk_thread_alloc(current);
	if (!thread)
		return -ENOMEM;
	ret = enter_shadow(shadow, delegated, &thread, change);
	shk_thread_free(thread);
	return ret;
}

/* The stretch whose begin current, in @graft (or NULL), comes back to; NULL: to the base. -ENOENT. */
static struct shk_stretch *enter_find_return(const struct shk_graft *graft,
					     const struct shk_shadow *from)
{
	struct shk_stretch *to;

	if (!graft || graft->shadow != from || !graft->stretch ||
	    shk_threads_exclude_current(&graft->threads))
		return ERR_PTR(SHK_E(NO_STRETCH));
	to = shk_stretch_find_live(graft->stretch);
	return to && to->back ? to : NULL;
}

struct return_args {
	struct shk_change *change;
	const struct shk_shadow *from;
	const struct shk_shadow *back; /* locked */
};

/* -EIO; -ENOENT; -EAGAIN: it comes back to somewhere else by now. */
static int enter_return_fn(struct shk_graft *graft, void *arg)
{
	struct return_args *r = arg;
	const struct shk_stretch *to = enter_find_return(graft, r->from);
	bool outer;
	int ret;

	if (IS_ERR(to))
		return PTR_ERR(to);
	if (!to || to->back != r->back)
		return -EAGAIN;
	outer = to->outer && to->outer->thread;
	ret = shk_graft_attach_returning(graft, to->back, to->outer, to->origin,
					 &r->change->deferred);
	if (ret < 0)
		return ret;
	shk_threads_leave(&graft->threads);
	if (!outer)
		shk_threads_clear(&graft->threads);
	return ret;
}

static int enter_return_to(struct shk_shadow *back, const struct shk_shadow *from,
			   struct shk_change *change)
{
	struct return_args returning = { .change = change, .from = from, .back = back };
	int ret = shk_shadow_lock(back);

	if (ret)
		return ret;
	ret = shk_graft_change_text(change, back, enter_return_fn, &returning);
	shk_shadow_unlock(back);
	return min(ret, 0);
}

static int enter_return_to_shadow(const struct shk_shadow *from, struct shk_change *change)
{
	struct shk_stretch *to;

	spin_lock(&shk_graft_lock);
	to = enter_find_return(shk_graft_find(change->mm), from);
	if (!IS_ERR_OR_NULL(to))
		change->deferred.to = shk_shadow_get(to->back);
	spin_unlock(&shk_graft_lock);
	if (IS_ERR(to))
		return PTR_ERR(to);
	return to ? enter_return_to(change->deferred.to, from, change) : -EAGAIN;
}

/* -ENOENT; -EXDEV: it comes back to a shadow. */
static int enter_check_returns_to_base(const struct shk_change *change,
				       const struct shk_graft *graft)
{
	const struct shk_stretch *to = enter_find_return(graft, graft ? graft->shadow : NULL);

	if (IS_ERR(to))
		return PTR_ERR(to);
	return to ? -EXDEV : 0;
}

int shk_graft_return(const struct shk_shadow *from, struct shk_change *change)
{
	int ret;

	change->check = enter_check_returns_to_base;
	ret = shk_graft_detach(from, false, change);
	change->check = NULL;
	return ret == -EXDEV ? enter_return_to_shadow(from, change) : ret;
}
