// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stretches of system calls: a process, or some of its threads, is in a shadow
 * from enter to leave, and comes back to where it was.
 */
#include <linux/refcount.h>
#include <linux/slab.h>

#include "shadow/graft.h"

struct shk_visit *shk_visit_get(struct shk_visit *visit)
{
	if (visit)
		refcount_inc(&visit->ref);
	return visit;
}

void shk_visit_put(struct shk_visit *visit)
{
	while (visit && refcount_dec_and_test(&visit->ref)) {
		struct shk_visit *outer = visit->outer;

		if (visit->back)
			shk_shadow_put(visit->back);
		kfree(visit);
		visit = outer;
	}
}

const struct shk_visit *shk_visit_of_threads(const struct shk_graft *graft)
{
	const struct shk_visit *visit = graft->visit, *found = NULL;

	lockdep_assert_held(&shk_graft_lock);
	for (; visit && visit->thread; visit = visit->outer)
		found = visit;
	return found;
}

struct shk_before shk_before_of(const struct shk_graft *graft, struct shk_shadow *was)
{
	const struct shk_visit *alone = shk_visit_of_threads(graft);
	struct shk_shadow *shadow = alone ? alone->back : was;

	if (!shadow)
		return (struct shk_before){};
	return (struct shk_before){
		.shadow = shk_shadow_get(shadow),
		.visit = shk_visit_get(alone ? alone->outer : graft->visit),
		.placed = graft->placed,
		.delegated = alone ? alone->delegated : graft->delegated,
	};
}

struct shk_before shk_before_inherit(const struct shk_before *before, bool exec)
{
	struct shk_before mine = *before;

	lockdep_assert_held(&shk_graft_lock);
	if (mine.shadow)
		shk_shadow_get(mine.shadow);
	/* A program that is executed has nothing to come back from. */
	mine.visit = exec ? NULL : shk_visit_get(mine.visit);
	return mine;
}

void shk_before_put(const struct shk_before *before)
{
	shk_visit_put(before->visit);
	if (before->shadow)
		shk_shadow_put(before->shadow);
}

void shk_visit_begin(struct shk_graft *graft, struct shk_visit *visit, struct shk_shadow *was)
{
	lockdep_assert_held(&shk_graft_lock);
	visit->back = was ? shk_shadow_get(was) : NULL;
	visit->delegated = graft->delegated;
	visit->outer = graft->visit;
	visit->depth = visit->outer ? visit->outer->depth + 1 : 1;
	graft->visit = visit;
}

void shk_graft_drop_threads(struct shk_graft *graft)
{
	struct shk_thread *thread, *next;

	lockdep_assert_held(&shk_graft_lock);
	list_for_each_entry_safe (thread, next, &graft->threads, node)
		shk_thread_remove(thread);
}

void shk_graft_thread_enter(struct shk_graft *graft, struct shk_thread **new)
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
		shk_graft_drop_threads(graft);
}

bool shk_graft_left_out(const struct shk_graft *graft)
{
	return !list_empty(&graft->threads) && !shk_thread_find(&graft->threads);
}

static int enter(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
		 struct shk_thread **thread, struct shk_left *left, pid_t *busy)
{
	struct shk_coming coming = {
		.to = shadow,
		.delegated = delegated,
		.visit = kzalloc(sizeof(*coming.visit), GFP_KERNEL_ACCOUNT),
		.thread = thread,
	};
	int ret;

	*busy = 0;
	if (!coming.visit)
		return -ENOMEM;
	refcount_set(&coming.visit->ref, 1);
	ret = shk_graft_come(&coming, mm, left, busy);
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

int shk_graft_come_back(struct shk_graft *graft, struct shk_shadow *back, struct shk_visit *visit,
			bool delegated, struct shk_left *left)
{
	struct shk_shadow *was = graft->shadow;
	int ret;

	lockdep_assert_held(&shk_graft_lock);
	if (was != back) {
		ret = shk_graft_link(graft, back);
		if (ret)
			return ret;
		left->shadow = was;
	}
	left->visit = graft->visit;
	graft->visit = shk_visit_get(visit);
	graft->delegated = delegated;
	return was != back;
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
	const struct shk_visit *visit = r->visit;
	int ret =
		shk_graft_come_back(r->graft, visit->back, visit->outer, visit->delegated, r->left);

	if (ret >= 0)
		thread_leave(r->graft);
	return ret;
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
	*busy = 0;
	/* It stays: exec leaves with another mm, and detach wants shk_config_lock. */
	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	left_out = graft && shk_graft_left_out(graft);
	spin_unlock(&shk_graft_lock);
	if (!graft || graft->shadow != from || !graft->visit || left_out)
		return -ENOENT;

	visit = find_back(graft);
	if (visit && visit->back) {
		returning.graft = graft;
		returning.visit = visit;
		ret = shk_graft_change_text(mm, visit->back, do_return, &returning, busy);
		return min(ret, 0);
	}
	graft = shk_graft_end(mm, from, false, busy);
	if (!IS_ERR(graft))
		left->graft = graft;
	return PTR_ERR_OR_ZERO(graft);
}
