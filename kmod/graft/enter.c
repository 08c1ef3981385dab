// SPDX-License-Identifier: GPL-2.0-only
/*
 * Begin and end of stretches: attaches of current's mm that remember where it was. See enter.h,
 * and stretch.h for what a stretch is.
 */
#include "graft/change_text.h"
#include "graft/enter.h"

/*
 * Begins a stretch (SHK_ENTER to SHK_LEAVE) in @shadow: a SHK_THREAD stretch with *@thread, or an
 * ordinary one if @thread is NULL. @delegated: the caller acts by a right of its handle, without
 * CAP_SYS_ADMIN. Uses the memory that the UNUSED graft @change->deferred.graft keeps for a stretch,
 * if it has some. @shadow's lock is held; sleeps. Returns 0, -ENOMEM, or an error of
 * shk_graft_do_attach().
 */
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
	/*
	 * An edit tests current. In an interrupt that is any thread, and a kernel thread is in no
	 * list.
	 */
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

/*
 * Returns the stretch to whose .back the mm of @graft returns when current ends the innermost
 * stretch by SHK_LEAVE. Returns NULL if the mm returns to the base. Takes no reference.
 * shk_graft_lock is held. Returns an ERR_PTR() of NO_STRETCH if one of these is true:
 * - @graft is NULL, or its mm is not in @from
 * - the mm is in no stretch
 * - edits act on other threads of the process only, so current has begun no stretch
 */
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

/* One end of a stretch that began in a shadow. */
struct return_args {
	struct shk_change *change;
	const struct shk_shadow *from; /* the shadow in which the mm must be */
	const struct shk_shadow *back; /* the shadow that the mm returns to; locked */
};

/*
 * Ends a stretch (SHK_LEAVE): moves @graft back to the shadow .back of @arg, the struct
 * return_args. The lock of that shadow, text_mutex and shk_graft_lock are held. Returns 1 if the
 * entry was written, 0 if the mm is in that shadow already, or an error after which nothing has
 * changed:
 *   NO_STRETCH   current can end no stretch
 *   -EAGAIN      the innermost stretch returns to another place by now
 *   XEN          Xen refused the write
 */
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

/*
 * Ends a stretch (SHK_LEAVE): locks @back, and moves the mm from @from to @back. Sleeps. Returns 0,
 * or an error after which nothing has changed:
 *   NO_STRETCH     current can end no stretch
 *   -EAGAIN        the stretch returns to another place by now, or a thread is in the way
 *   -ERESTARTSYS   the caller was killed while it waited for the lock
 *   XEN            Xen refused a change of page tables
 */
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

/*
 * Ends the innermost stretch of @change->mm (SHK_LEAVE). It is in @from and returns to another
 * shadow, not to the base. Sleeps. Returns 0 or
 *   NO_STRETCH     current can end no stretch
 *   -EAGAIN        the stretch returns to the base or to another place by now, or a thread is in
 *                  the way
 *   -ERESTARTSYS   the caller was killed
 *   XEN            Xen refused a change of page tables
 */
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

/*
 * Decides whether a detach ends the innermost stretch (SHK_LEAVE): callback shk_change.check.
 * @graft: the mm's graft, or NULL. Returns 0: the stretch returns to the base; -EXDEV: it returns
 * to a shadow; NO_STRETCH: current can end no stretch. shk_graft_lock is held.
 */
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
	/*
	 * If the detach has stored a shadow in .in_place already, the caller tries again with a new
	 * @change.
	 */
	if (ret == -EXDEV)
		return change->deferred.in_place ? -EAGAIN : enter_return_to_shadow(from, change);
	return ret == SHK_E(NOT_INSIDE) ? SHK_E(NO_STRETCH) : ret;
}
