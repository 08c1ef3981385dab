// SPDX-License-Identifier: GPL-2.0-only
#include "graft/enter.h"
#include "graft/switch.h"

static int enter(struct shk_shadow *shadow, bool delegated, struct shk_thread **thread,
		 struct shk_change *change)
{
	struct shk_stretch *kept = NULL;
	struct shk_graft *spare = change->left.graft;
	struct shk_coming coming = {
		.change = change,
		.to = shadow,
		.origin.kind = delegated ? SHK_BY_DELEGATE : SHK_BY_USER,
		.stretch = shk_stretch_alloc(spare ? &spare->kept : &kept),
		.thread = thread,
	};
	int ret;

	if (!coming.stretch)
		return -ENOMEM;
	ret = shk_graft_come(&coming);
	if (ret)
		shk_stretch_put(coming.stretch);
	return ret;
}

int shk_graft_enter(struct shk_shadow *shadow, bool delegated, struct shk_change *change)
{
	return enter(shadow, delegated, NULL, change);
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
	ret = enter(shadow, delegated, &thread, change);
	shk_thread_free(thread);
	return ret;
}

/* The stretch whose begin current, in @graft (or NULL), comes back to; NULL: to the base. -ENOENT. */
static struct shk_stretch *find_back(const struct shk_graft *graft, const struct shk_shadow *from)
{
	struct shk_stretch *to;

	if (!graft || graft->shadow != from || !graft->stretch ||
	    shk_threads_leave_out(&graft->threads))
		return ERR_PTR(SHK_E(NO_STRETCH));
	to = shk_stretch_find_back(graft->stretch);
	return to && to->back ? to : NULL;
}

struct returning {
	struct shk_change *change;
	const struct shk_shadow *from;
	const struct shk_shadow *back; /* locked */
};

/* -EIO; -ENOENT; -EAGAIN: it comes back to somewhere else by now. */
static int do_return(struct shk_graft *graft, void *arg)
{
	struct returning *r = arg;
	const struct shk_stretch *to = find_back(graft, r->from);
	bool outer;
	int ret;

	if (IS_ERR(to))
		return PTR_ERR(to);
	if (!to || to->back != r->back)
		return -EAGAIN;
	outer = to->outer && to->outer->thread;
	ret = shk_graft_come_back(graft, to->back, to->outer, to->origin, &r->change->left);
	if (ret < 0)
		return ret;
	shk_threads_leave(&graft->threads);
	if (!outer)
		shk_threads_drop(&graft->threads);
	return ret;
}

static int return_to(struct shk_shadow *back, const struct shk_shadow *from,
		     struct shk_change *change)
{
	struct returning returning = { .change = change, .from = from, .back = back };
	int ret = shk_shadow_lock(back);

	if (ret)
		return ret;
	ret = shk_graft_change_text(change, back, do_return, &returning);
	shk_shadow_unlock(back);
	return min(ret, 0);
}

static int return_to_shadow(const struct shk_shadow *from, struct shk_change *change)
{
	struct shk_stretch *to;

	spin_lock(&shk_graft_lock);
	to = find_back(shk_graft_find(change->mm), from);
	if (!IS_ERR_OR_NULL(to))
		change->left.to = shk_shadow_get(to->back);
	spin_unlock(&shk_graft_lock);
	if (IS_ERR(to))
		return PTR_ERR(to);
	return to ? return_to(change->left.to, from, change) : -EAGAIN;
}

/* -ENOENT; -EXDEV: it comes back to a shadow. */
static int comes_back_to_base(const struct shk_change *change, const struct shk_graft *graft)
{
	const struct shk_stretch *to = find_back(graft, graft ? graft->shadow : NULL);

	if (IS_ERR(to))
		return PTR_ERR(to);
	return to ? -EXDEV : 0;
}

int shk_graft_return(const struct shk_shadow *from, struct shk_change *change)
{
	int ret;

	change->check = comes_back_to_base;
	ret = shk_graft_detach(from, false, change);
	change->check = NULL;
	return ret == -EXDEV ? return_to_shadow(from, change) : ret;
}
