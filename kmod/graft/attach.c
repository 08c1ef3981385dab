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
 * detach_fn() and restore_fn() look again and make the whole change under one hold of that lock.
 * shk_graft_change_text() calls them. They return -EAGAIN if the graft is not what the exported
 * functions below saw. Their callers, in scope/, then release their locks, wait, and try again
 * until a deadline. A static function is called with shk_graft_lock held, unless its comment says
 * otherwise.
 */
#include <linux/sched/mm.h>

#include "graft/attach.h"
#include "graft/change_text.h"
#include "graft/inherit.h"
#include "graft/stack_check.h"

/*
 * Returns the place that shk_graft_restore() returns @graft to. The place is the shadow @was that
 * @graft has just left (NULL: the base, an empty place), and the graft's innermost stretch there.
 * SHK_THREAD stretches cannot be restored: if @graft is in some, the place is the one before the
 * outermost of them. Takes new references to the shadow and the stretch.
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
 * Returns 0 if @args->stretch is NULL, or if it can begin. Errors: STRETCHES_FULL: @graft has
 * SHK_ENTER_DEPTH stretches; THREAD_STRETCH: a thread is in a SHK_THREAD stretch, and
 * @args->stretch is not of that kind, or is for another shadow.
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
 * Makes @args->stretch the innermost stretch of @graft, which was in the shadow @was (NULL: the
 * base) and is in @args->to now. @thread: it is a SHK_THREAD stretch of current.
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
 * Ends all stretches of @graft, after an attach that begins none. @was is the shadow that the mm
 * was in, or that its pending attach was to; NULL: the base.
 *
 * Also sets @graft->previous, the place for shk_graft_restore():
 *
 *   the attach is not on trial               cleared
 *   on trial, .previous is set already       kept: a trial that has not ended has set it
 *   on trial, @graft has this binding as its
 *   origin already                           stays empty: there is nothing to undo
 *   on trial, other cases                    the place that the mm has just left, which is empty
 *                                            for the base
 *
 * @deferred gets the references that @graft gives up.
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
 * Returns the new origin of @graft, which was in the shadow @was (NULL: the base). It depends on
 * the kind of @args->origin:
 *
 *   SHK_BY_CGROUP     @args->origin
 *   SHK_BY_DELEGATE   @args->origin if the mm moves; otherwise @graft's origin
 *   SHK_BY_USER       @graft's origin, if that is SHK_BY_CGROUP and one of these holds: a stretch
 *                     begins; the mm does not move. Otherwise @args->origin
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
 * Attaches the mm to @args->to; @arg is the struct shk_attach_args. @graft is the graft of the mm,
 * or NULL if it has none. Then .change->deferred.graft is used, the UNUSED graft that
 * shk_graft_prealloc() has provided. The graft takes over @args->stretch, if any.
 *
 * Returns 1 if the mm's page-table entry was written. Returns 0 if the mm is in @args->to already:
 * only its stretches and its origin have changed. After an error nothing has changed:
 *   STRETCHES_FULL, THREAD_STRETCH  see attach_check_stretch()
 *   NOT_DELEGATED  the request is SHK_BY_DELEGATE, and the mm is in another shadow with another
 *                  kind of origin, or has a pending attach, which is always a user's
 *   XEN            Xen refused the write
 *   -EAGAIN        @graft is NULL and there is no UNUSED graft: the mm was in a shadow when
 *                  shk_graft_prealloc() looked, and has left it since
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
	/* exec has taken the mm into use: this attach replaces the pending one. */
	pending = was ? NULL : shk_pending_attach_find(graft->mm);
	if (args->origin.kind == SHK_BY_DELEGATE &&
	    (pending || (moves && was && graft->origin.kind != SHK_BY_DELEGATE)))
		return SHK_E(NOT_DELEGATED);
	/* In a shadow whose edits act on all threads already, the stretch is an ordinary one. */
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
		previous = pending->shadow; /* valid: the task work of exec has a reference */
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
	struct list_head execs;	       /* out: grafts of its execs, for shk_graft_put_execs() */
};

/*
 * Returns 0 if @e may detach @graft. Errors: NOT_INSIDE: @graft is NULL, or in another shadow than
 * @e->from; NOT_DELEGATED: @e is by delegation, and @graft is not.
 */
static int detach_check(const struct detach_args *e, const struct shk_graft *graft)
{
	if (!graft || (e->from && graft->shadow != e->from))
		return SHK_E(NOT_INSIDE);
	return e->delegated && graft->origin.kind != SHK_BY_DELEGATE ? SHK_E(NOT_DELEGATED) : 0;
}

/*
 * Cancels the pending attach of the mm, which has no graft. Returns 0. A pending attach is always a
 * user's, so a detach by delegation gets NOT_DELEGATED. Errors:
 * NOT_INSIDE: there is none, or it is not to @e->from; NOT_DELEGATED.
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
 * Returns 0 if no fork or exec in @graft's mm is still creating an mm without a mapping
 * (shk_graft_has_unfinished_child()). Returns -EAGAIN otherwise, and makes fork and exec create
 * mms in the base for twice the time that scope/ waits between two tries. So the next try succeeds,
 * even in a process that forks all the time. Without a next try they inherit again after that time.
 */
static int detach_check_children(struct shk_graft *graft)
{
	if (!shk_graft_has_unfinished_child(graft))
		return 0;
	graft->no_inherit_until = jiffies + SHK_BUSY_TASK_PAUSE * 2;
	return -EAGAIN;
}

/* The part of detach_begin() under shk_graft_lock, with the same results. */
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
 * shk_graft_lock. Returns 1; or 0 if there is nothing left to do, since the mm had a pending attach
 * only, which was cancelled.
 *
 * Errors: NOT_INSIDE, NOT_DELEGATED; -EAGAIN: a child is unfinished; that of @e->change->check().
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
 * Ends a detach that detach_begin() has begun and that failed: fork and exec inherit again. Takes
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
 * Detaches @graft, and the grafts of mms that exec has created in its mm and not yet taken into
 * use. Returns 1. After an error nothing has changed: NOT_INSIDE, NOT_DELEGATED; -EAGAIN: fork or
 * exec is creating an mm, although detach_begin() has stopped inheritance. That happens if another
 * task's detach of this mm has failed meanwhile: its detach_allow_inherit() has allowed it again.
 */
static int detach_fn(struct shk_graft *graft, void *arg)
{
	struct detach_args *e = arg;
	/* A detach at the same time that failed may have let fork and exec inherit again. */
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
	shk_graft_put_execs(&args.execs);
	/*
	 * @change has a spare graft if the mm was attached after shk_graft_prealloc(). That one is
	 * parked then, and this one is freed.
	 */
	if (change->deferred.graft)
		shk_graft_put(args.graft);
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
 * Returns the shadow in @graft->previous, if the origin that is remembered there is the binding
 * with the id @binding (0: no binding). Returns NULL in all other cases, also if @graft is NULL or
 * its previous place is the base. Takes no reference.
 */
static struct shk_shadow *restore_find_previous(const struct shk_graft *graft, u64 binding)
{
	return graft && graft->previous.origin.binding == binding ? graft->previous.shadow : NULL;
}

/*
 * Moves @graft back to its place before the trial, which is in the shadow @r->to. Returns 1 if the
 * mm's page-table entry was written, 0 if @graft is in that shadow already. After an error nothing
 * has changed: XEN; -EAGAIN: the place of @graft before the trial is no longer in @r->to.
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
 * Tries the lock of the shadow @r->to, and moves the mm back there. The caller holds locks that
 * other tasks wait for (cred_guard_mutex, cgroups_lock), so the shadow's lock is not waited for.
 * Called without shk_graft_lock; releases the locks that it takes. Returns 0, or an error: XEN;
 * -EAGAIN: the lock is taken, or restore_fn() returned it; -ESTALE: the shadow was destroyed; the
 * error of @r->change->check().
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
	/* The mm executes the base now, which may not be where its cgroup wants it: come again. */
	return !ret || ret == SHK_E(NOT_INSIDE) ? -EAGAIN : ret;
}

/*
 * Finds a graft that the binding with the id @binding has placed and that has a previous place.
 * Moves that, with its references, to *@previous, and returns true. Returns false if there is none.
 * Sets *@trial to false, so that no attach sets .previous from then on. Takes shk_graft_lock, for
 * one graft at a time: the caller repeats the call and drops the references between.
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
