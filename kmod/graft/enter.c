// SPDX-License-Identifier: GPL-2.0-only
#include "graft/enter.h"
#include "graft/switch.h"

static int enter(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
		 struct shk_thread **thread, struct shk_left *left, pid_t *busy)
{
	struct shk_stretch *kept = NULL;
	struct shk_coming coming = {
		.to = shadow,
		.origin.kind = delegated ? SHK_BY_DELEGATE : SHK_BY_USER,
		.stretch = shk_stretch_alloc(left->graft ? &left->graft->kept : &kept),
		.thread = thread,
	};
	int ret;

	*busy = 0;
	if (!coming.stretch)
		return -ENOMEM;
	ret = shk_graft_come(&coming, mm, left, busy);
	if (ret)
		shk_stretch_put(coming.stretch);
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

struct returning {
	struct shk_graft *graft;
	const struct shk_stretch *to;
	struct shk_left *left;
};

/* To where @to began, which is in a shadow. -EIO. */
static int do_return(void *arg)
{
	struct returning *r = arg;
	const struct shk_stretch *to = r->to;
	int ret = shk_graft_come_back(r->graft, to->back, to->outer, to->origin, r->left);

	if (ret < 0)
		return ret;
	shk_threads_leave(&r->graft->threads);
	if (!to->outer || !to->outer->thread)
		shk_threads_drop(&r->graft->threads);
	return ret;
}

int shk_graft_return(struct mm_struct *mm, const struct shk_shadow *from, struct shk_left *left,
		     pid_t *busy)
{
	struct returning returning = { .left = left };
	struct shk_stretch *to;
	struct shk_graft *graft;
	bool left_out;
	int ret;

	lockdep_assert_held(&shk_config_lock);
	*busy = 0;
	/* It stays: exec leaves with another mm, and detach wants shk_config_lock. */
	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	left_out = graft && shk_threads_leave_out(&graft->threads);
	spin_unlock(&shk_graft_lock);
	if (!graft || graft->shadow != from || !graft->stretch || left_out)
		return -ENOENT;

	to = shk_stretch_find_back(graft->stretch);
	if (to && to->back) {
		returning.graft = graft;
		returning.to = to;
		ret = shk_graft_change_text(mm, to->back, do_return, &returning, busy);
		return min(ret, 0);
	}
	return shk_graft_detach(mm, from, false, left, busy);
}
