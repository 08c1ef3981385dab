// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach, move, detach, and the return after a cgroup's trial that failed.
 *
 * Locks, outermost first: cgroups_lock (for a placement), cred_guard_mutex of the process,
 * shk_shadow.lock of the shadow that the mm goes to, shk_graft_lock. The shadow that the mm leaves
 * is not locked. Several processes can share an mm, each with its own cred_guard_mutex, so other
 * tasks may attach or detach the mm at the same time.
 *
 * So nothing that was seen of a graft is valid once shk_graft_lock was released. attach_fn(),
 * detach_fn() and restore_fn(), which shk_graft_change_text() calls, look again and make the whole
 * change under one hold of that lock. They return -EAGAIN if the graft no longer fits what was
 * prepared. The callers of the exported functions, in scope/, then release their locks, wait, and
 * try again until a deadline. A static function is called with shk_graft_lock held, unless its
 * comment says otherwise.
 */
#include <linux/sched/mm.h>

#include "graft/attach.h"
#include "graft/change_text.h"
#include "graft/inherit.h"
#include "graft/stack_check.h"

/*
 * Returns the place to which shk_graft_restore() is to move @graft: the shadow @was, and the
 * present .stretch and .origin of @graft. @was is the parameter of attach_end_stretches(); if it is
 * NULL, returns an empty place. SHK_THREAD stretches, those of single threads, cannot be restored:
 * if @graft is in some, returns the shadow and the stretch in which the outermost of them began.
 * Takes new references to the shadow and the stretch. shk_graft_lock is held.
 */
static struct shk_previous attach_previous_of(const struct shk_graft *graft, struct shk_shadow *was)
{
	const struct shk_stretch *alone = shk_stretch_outermost_thread_only(graft->stretch);
	struct shk_shadow *shadow = alone ? alone->back : was;

	if (!shadow)
		return (struct shk_previous){};
	return (struct shk_previous){
		.shadow = shk_shadow_get(shadow),
		.stretch = shk_stretch_get(alone ? alone->outer : graft->stretch),
		.origin = alone ? alone->origin : graft->origin,
	};
}

/*
 * Returns 0 if @args->stretch, the time from SHK_ENTER to SHK_LEAVE, is NULL or can begin.
 * Otherwise returns STRETCHES_FULL: @graft has SHK_ENTER_DEPTH stretches; or THREAD_STRETCH: @graft
 * is in a SHK_THREAD stretch, in which only stretches of that kind, and for the same shadow, can
 * begin. shk_graft_lock is held.
 */
static int attach_check_stretch(const struct shk_attach_args *args, const struct shk_graft *graft)
{
	const struct shk_stretch *stretch = graft->stretch;

	if (!args->stretch || !stretch)
		return 0;
	if (stretch->depth == SHK_ENTER_DEPTH)
		return SHK_E(STRETCHES_FULL);
	return stretch->thread && (!args->thread || graft->shadow != args->to)
		       ? SHK_E(THREAD_STRETCH)
		       : 0;
}

/*
 * Begins @args->stretch (SHK_ENTER): makes it the innermost stretch of @graft. The caller has
 * attached @graft to @args->to, and passes the shadow in which the mm was before as @was (NULL: the
 * base). @thread: the stretch is a SHK_THREAD stretch of current. The graft takes over the caller's
 * reference to the stretch. shk_graft_lock is held.
 */
static void attach_begin_stretch(const struct shk_attach_args *args, struct shk_graft *graft,
				 struct shk_shadow *was, bool thread)
{
	struct shk_stretch *stretch = args->stretch;

	stretch->back = was ? shk_shadow_get(was) : NULL;
	stretch->origin = graft->origin;
	stretch->outer = graft->stretch;
	stretch->depth = stretch->outer ? stretch->outer->depth + 1 : 1;
	stretch->thread = thread;
	graft->stretch = stretch;
	if (thread)
		shk_threads_enter(&graft->threads, args->thread, graft->mm, graft->shadow);
}

/*
 * Ends all stretches (SHK_ENTER to SHK_LEAVE) of @graft, after an attach that begins none. @was is
 * the shadow in which the mm was before the attach, or else the shadow of its pending attach, or
 * else NULL.
 *
 * Also sets @graft->previous, the place to which shk_graft_restore() returns the mm if the call
 * that binds its cgroup fails. While that is possible, the attach is "on trial":
 *
 *   the attach is not on trial               cleared
 *   on trial, .previous is not empty         kept: it is from a trial that has not ended
 *   on trial, .previous is empty, and the    left empty: this binding has placed the mm before
 *   origin of @graft is the binding of @args
 *   on trial, other cases                    attach_previous_of(): the place before this attach
 *
 * @deferred gets the references that @graft gives up.
 *
 * shk_graft_lock is held.
 */
static void attach_end_stretches(const struct shk_attach_args *args, struct shk_graft *graft,
				 struct shk_shadow *was, struct shk_deferred_put *deferred)
{
	if (!args->trial || !*args->trial) {
		deferred->previous = graft->previous;
		graft->previous = (struct shk_previous){};
	} else if (!graft->previous.shadow && graft->origin.binding != args->origin.binding) {
		graft->previous = attach_previous_of(graft, was);
	}
	deferred->stretch = graft->stretch;
	graft->stretch = NULL;
	shk_threads_clear(&graft->threads);
}

/*
 * Returns the new origin of @graft after an attach. @was is the shadow in which the mm was before
 * (NULL: the base). The result depends on the kind of @args->origin:
 *
 *   SHK_BY_CGROUP     @args->origin
 *   SHK_BY_DELEGATE   @args->origin if the mm moves; otherwise @graft's origin
 *   SHK_BY_USER       @graft's origin, if its kind is SHK_BY_CGROUP, and a stretch begins or the
 *                     mm does not move; otherwise @args->origin
 *
 * shk_graft_lock is held.
 */
static struct shk_origin attach_origin(const struct shk_attach_args *args,
				       const struct shk_graft *graft, const struct shk_shadow *was)
{
	bool moves = was != args->to;

	switch (args->origin.kind) {
	case SHK_BY_USER:
		/* A stretch is for a while, and the cgroup's decision remains in effect. */
		if (graft->origin.kind == SHK_BY_CGROUP && (args->stretch || !moves))
			return graft->origin;
		break;
	case SHK_BY_DELEGATE:
		if (!moves)
			return graft->origin;
		break;
	case SHK_BY_CGROUP:
		break;
	}
	return args->origin;
}

/*
 * Attaches the mm of @graft to the shadow @args->to. @arg is the struct shk_attach_args, called
 * @args here. If @graft is NULL, the mm has no graft: then uses @args->change->deferred.graft, the
 * UNUSED graft of shk_graft_prealloc(). The graft takes over @args->stretch, if any.
 *
 * Returns 1 if the mm's page-table entry was written. Returns 0 if the mm was in @args->to already:
 * only its stretches, its origin and shk_graft.previous can have changed. After an error nothing
 * has changed:
 *   STRETCHES_FULL, THREAD_STRETCH  see attach_check_stretch()
 *   NOT_DELEGATED  the request is SHK_BY_DELEGATE, and the mm has a pending attach (always a
 *                  user's), or is in another shadow and its origin is not SHK_BY_DELEGATE
 *   XEN            Xen refused the write
 *   -EAGAIN        @graft is NULL and there is no UNUSED graft: the mm was in a shadow when
 *                  shk_graft_prealloc() looked, and has left it since
 *
 * shk_graft_lock and text_mutex are held; does not sleep.
 */
static int attach_fn(struct shk_graft *graft, void *arg)
{
	const struct shk_attach_args *args = arg;
	struct shk_deferred_put *deferred = &args->change->deferred;
	struct shk_shadow *was, *previous = NULL;
	struct shk_pending_attach *pending;
	bool moves, thread;
	int ret;

	graft = graft ?: deferred->graft;
	if (!graft)
		return -EAGAIN;
	ret = attach_check_stretch(args, graft);
	if (ret)
		return ret;
	was = graft->shadow;
	moves = was != args->to;
	/* An mm with a pending attach is in the base. This attach replaces the pending one. */
	pending = was ? NULL : shk_pending_attach_find(graft->mm);
	if (args->origin.kind == SHK_BY_DELEGATE &&
	    (pending || (moves && was && graft->origin.kind != SHK_BY_DELEGATE)))
		return SHK_E(NOT_DELEGATED);
	/* If the mm is in @args->to with all its threads already, the stretch is ordinary. */
	thread = args->thread && (moves || !list_empty(&graft->threads));
	if (moves) {
		ret = shk_graft_attach_entry(graft, args->to, false);
		if (ret)
			return ret;
		if (was)
			deferred->shadow = was;
		else
			deferred->graft = NULL;
	}
	if (pending) {
		/* It stays valid after the cancel: the task work of exec has a reference. */
		previous = pending->shadow;
		shk_pending_attach_cancel(pending);
	}
	if (args->stretch)
		attach_begin_stretch(args, graft, was, thread);
	else
		attach_end_stretches(args, graft, was ?: previous, deferred);
	shk_graft_set_origin(graft, attach_origin(args, graft, was));
	return moves;
}

int shk_graft_do_attach(struct shk_attach_args *args)
{
	struct shk_shadow *shadow = args->to;
	struct shk_prepared was;
	int ret;

	ret = shk_shadow_prepare(shadow, &was);
	if (ret)
		return ret;
	ret = shk_graft_change_text(args->change, shadow, attach_fn, args);
	if (ret >= 0)
		return 0;
	shk_shadow_unprepare(shadow, &was);
	return ret;
}

int shk_graft_attach(struct shk_shadow *shadow, bool delegated, struct shk_change *change)
{
	struct shk_attach_args args = {
		.change = change,
		.to = shadow,
		.origin.kind = delegated ? SHK_BY_DELEGATE : SHK_BY_USER,
	};

	return shk_graft_do_attach(&args);
}

int shk_graft_place(struct shk_shadow *shadow, u64 binding, const bool *trial,
		    struct shk_change *change)
{
	struct shk_attach_args args = {
		.change = change,
		.to = shadow,
		.origin = { SHK_BY_CGROUP, binding },
		.trial = trial,
	};

	return shk_graft_do_attach(&args);
}

/* shk_graft.no_inherit_until while a detach is in progress. */
#define NO_INHERIT_FOREVER ULONG_MAX

/* One detach. */
struct detach_args {
	struct shk_change *change;
	const struct shk_shadow *from; /* the shadow in which the mm must be; NULL: any */
	bool delegated;		       /* the caller acts by SHK_RIGHT_ATTACH of a handle */
	struct shk_graft *graft;       /* out: the graft, which is DETACHED */
	struct list_head execs;	       /* out: detached grafts of mms that exec has created */
};

/*
 * Returns 0 if @e may detach @graft. Otherwise returns NOT_INSIDE: @graft is NULL, or in another
 * shadow than @e->from; or NOT_DELEGATED: @e->delegated is set, and the origin of @graft is not
 * SHK_BY_DELEGATE. shk_graft_lock is held.
 */
static int detach_check(const struct detach_args *e, const struct shk_graft *graft)
{
	if (!graft || (e->from && graft->shadow != e->from))
		return SHK_E(NOT_INSIDE);
	return e->delegated && graft->origin.kind != SHK_BY_DELEGATE ? SHK_E(NOT_DELEGATED) : 0;
}

/*
 * Cancels the pending attach of @e's mm, so that exec does not attach the mm at its end. The caller
 * has made sure that the mm has no graft. Returns 0; NOT_INSIDE: there is no pending attach, or it
 * is not to @e->from; NOT_DELEGATED: @e->delegated is set, but a pending attach is always a user's.
 * shk_graft_lock is held.
 */
static int detach_cancel_pending(const struct detach_args *e)
{
	struct shk_pending_attach *pending = shk_pending_attach_find(e->change->mm);

	if (!pending || (e->from && pending->shadow != e->from))
		return SHK_E(NOT_INSIDE);
	if (e->delegated)
		return SHK_E(NOT_DELEGATED);
	shk_pending_attach_cancel(pending);
	return 0;
}

/*
 * Returns 0 if no fork or exec in @graft's mm is creating an mm that has no mapping yet
 * (shk_graft_has_unfinished_child()). Otherwise returns -EAGAIN, and makes fork and exec create mms
 * in the base only, for twice the time that scope/ waits between two tries. So the next try can
 * succeed, even in a process that forks all the time. shk_graft_lock is held.
 */
static int detach_check_children(struct shk_graft *graft)
{
	if (!shk_graft_has_unfinished_child(graft))
		return 0;
	graft->no_inherit_until = jiffies + SHK_BUSY_TASK_PAUSE * 2;
	return -EAGAIN;
}

/*
 * Begins the detach of the mm of @e, if @e->change->check() and detach_check() allow it and no fork
 * or exec is creating an mm that has no mapping yet. From here on fork and exec in the mm create
 * mms in the base. If the mm has no graft, cancels its pending attach instead. The caller holds
 * shk_graft_lock. Returns 1: the detach has begun; 0: the pending attach is cancelled, and nothing
 * is left to do; or an error of detach_begin().
 */
static int detach_try_begin(const struct detach_args *e)
{
	const struct shk_change *change = e->change;
	struct shk_graft *graft = shk_graft_find(change->mm);
	int ret = change->check ? change->check(change, graft) : 0;

	if (ret)
		return ret;
	if (!graft)
		return detach_cancel_pending(e);
	ret = detach_check(e, graft) ?: detach_check_children(graft);
	if (ret)
		return ret;
	graft->no_inherit_until = NO_INHERIT_FOREVER;
	return 1;
}

/*
 * Begins a detach: from here on fork and exec in the mm create mms in the base. Takes
 * shk_graft_lock. Returns 1: the detach has begun; 0: the mm had no graft, and its pending attach
 * was cancelled, so the detach is complete; or
 *   NOT_INSIDE      the mm is not in @e->from, or in no shadow
 *   NOT_DELEGATED   a delegate may not detach the mm (detach_check())
 *   -EAGAIN         fork or exec is creating an mm that has no mapping yet
 *   any             the error that @e->change->check() returned
 */
static int detach_begin(const struct detach_args *e)
{
	int ret;

	spin_lock(&shk_graft_lock);
	ret = detach_try_begin(e);
	spin_unlock(&shk_graft_lock);
	return ret;
}

/*
 * Called after a detach that failed after detach_begin(). Lets fork and exec in @mm create mms
 * inside again: at once, or after the time that detach_check_children() has set. Takes
 * shk_graft_lock.
 */
static void detach_allow_inherit(struct mm_struct *mm)
{
	struct shk_graft *graft;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	if (graft && graft->no_inherit_until == NO_INHERIT_FOREVER)
		graft->no_inherit_until = 0;
	spin_unlock(&shk_graft_lock);
}

/*
 * Detaches @graft, and the grafts of the mms that exec in this process has created but does not use
 * yet. @arg is the struct detach_args. Returns 1, or an error after which the mm is where it was:
 * NOT_INSIDE; NOT_DELEGATED; or -EAGAIN: fork or exec is creating an mm that has no mapping yet.
 * detach_begin() has stopped that inheritance, but another task's detach that failed, or a new
 * attach, can have allowed it again. shk_graft_lock is held.
 */
static int detach_fn(struct shk_graft *graft, void *arg)
{
	struct detach_args *e = arg;
	int ret = detach_check(e, graft) ?: detach_check_children(graft);

	if (ret)
		return ret;
	e->graft = graft;
	shk_graft_detach_execs(graft, &e->execs);
	shk_graft_detach_entry(graft);
	return 1;
}

int shk_graft_detach(const struct shk_shadow *from, bool delegated, struct shk_change *change)
{
	struct detach_args args = { .change = change, .from = from, .delegated = delegated };
	int ret;

	change->busy = 0;
	ret = detach_begin(&args);
	if (ret <= 0)
		return ret;

	INIT_LIST_HEAD(&args.execs);
	ret = shk_graft_change_text(change, NULL, detach_fn, &args);
	if (ret < 0) {
		detach_allow_inherit(change->mm);
		return ret;
	}
	shk_graft_unaccount(args.graft);
	shk_graft_queue_free_execs(&args.execs);
	/*
	 * If the mm was attached after shk_graft_prealloc(), @change still has an unused graft.
	 * That one stays in .deferred, which has room for one. This function queues the detached
	 * graft.
	 */
	if (change->deferred.graft)
		shk_graft_queue_free(args.graft);
	else
		change->deferred.graft = args.graft;
	return 0;
}

int shk_graft_attach_returning(struct shk_graft *graft, struct shk_shadow *back,
			       struct shk_stretch *stretch, struct shk_origin origin,
			       struct shk_deferred_put *deferred)
{
	struct shk_shadow *was = graft->shadow;
	int ret;

	lockdep_assert_held(&shk_graft_lock);
	if (was != back) {
		ret = shk_graft_attach_entry(graft, back, false);
		if (ret)
			return ret;
		deferred->shadow = was;
	}
	deferred->stretch = graft->stretch;
	graft->stretch = shk_stretch_get(stretch);
	shk_graft_set_origin(graft, origin);
	return was != back;
}

/* One return of an mm to where it was before a trial. */
struct restore_args {
	struct shk_change *change;
	u64 binding;	       /* id of the binding that applies now; 0: none */
	struct shk_shadow *to; /* the shadow that the mm returns to; .change has a reference */
};

/*
 * Returns the shadow of @graft->previous, if a cgroup's binding with the id @binding had put the mm
 * there (0: no binding had). Returns NULL if another binding had, if @graft is NULL, or if
 * @graft->previous is empty. Takes no reference. shk_graft_lock is held.
 */
static struct shk_shadow *restore_find_previous(const struct shk_graft *graft, u64 binding)
{
	return graft && graft->previous.origin.binding == binding ? graft->previous.shadow : NULL;
}

/*
 * Moves @graft back to @graft->previous: the shadow and the stretch in which it was before a cgroup
 * placed it. @arg is the struct restore_args, whose .to is that shadow. The lock of .to, text_mutex
 * and shk_graft_lock are held; does not sleep.
 *
 *   1        the mm's page-table entry was written
 *   0        @graft is in that shadow already
 *   XEN      nothing has changed
 *   -EAGAIN  nothing has changed: the place is no longer in .to (restore_find_previous())
 */
static int restore_fn(struct shk_graft *graft, void *arg)
{
	struct restore_args *r = arg;
	struct shk_deferred_put *deferred = &r->change->deferred;
	struct shk_previous previous;
	int ret;

	if (restore_find_previous(graft, r->binding) != r->to)
		return -EAGAIN;
	previous = graft->previous;
	ret = shk_graft_attach_returning(graft, previous.shadow, previous.stretch, previous.origin,
					 deferred);
	if (ret < 0)
		return ret;
	shk_threads_clear(&graft->threads);
	deferred->previous = previous;
	graft->previous = (struct shk_previous){};
	return ret;
}

/*
 * Moves the mm back to the shadow @r->to, in which it was before a cgroup placed it. Only tries the
 * lock of that shadow: a wait for it would also delay tasks that wait for the caller's locks
 * (cred_guard_mutex, cgroups_lock). Called without shk_graft_lock; releases the locks that it
 * takes. Returns 0, the error of @r->change->check(), or XEN; -EAGAIN: another task has the
 * shadow's lock, or restore_fn() returned it; -ESTALE: the shadow was destroyed.
 */
static int restore_mm(struct restore_args *r)
{
	int ret = -ESTALE;

	if (!shk_shadow_trylock(r->to))
		return -EAGAIN;
	if (!shk_shadow_is_gone(r->to))
		ret = shk_graft_change_text(r->change, r->to, restore_fn, r);
	shk_shadow_unlock(r->to);
	return min(ret, 0);
}

int shk_graft_restore(u64 binding, struct shk_change *change)
{
	struct restore_args restoring = { .change = change, .binding = binding };
	struct shk_shadow *to;
	int ret;

	change->busy = 0;
	spin_lock(&shk_graft_lock);
	to = restore_find_previous(shk_graft_find(change->mm), binding);
	if (to)
		change->deferred.to = shk_shadow_get(to);
	spin_unlock(&shk_graft_lock);
	if (!to)
		return -ENOENT;
	restoring.to = to;
	ret = restore_mm(&restoring);
	if (ret != -ESTALE)
		return ret;
	ret = shk_graft_detach(NULL, false, change);
	/* The shadow is gone, so the mm is in the base now. The caller tries again to place it. */
	return !ret || ret == SHK_E(NOT_INSIDE) ? -EAGAIN : ret;
}

/*
 * Removes shk_graft.previous, the record of where the mm was before, from one graft that the
 * binding with the id @binding has placed. Sets *@trial to false first, so that later attaches by
 * the binding store no previous place. If a graft has one, moves it, with its references, to
 * *@previous and returns true. The caller drops the references (shk_previous_put()), and repeats
 * the call until it returns false: no graft has a record. Takes shk_graft_lock.
 */
static bool trial_take_previous(u64 binding, bool *trial, struct shk_previous *previous)
{
	struct shk_graft *graft;

	spin_lock(&shk_graft_lock);
	*trial = false;
	graft = shk_graft_find_on_trial(binding);
	if (graft) {
		*previous = graft->previous;
		graft->previous = (struct shk_previous){};
	}
	spin_unlock(&shk_graft_lock);
	return graft;
}

void shk_graft_end_trial(u64 binding, bool *trial)
{
	struct shk_previous previous;

	while (trial_take_previous(binding, trial, &previous))
		shk_previous_put(&previous);
}
