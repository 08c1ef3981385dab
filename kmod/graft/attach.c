// SPDX-License-Identifier: GPL-2.0-only
/*
 * An mm comes into a shadow, moves to another, or goes back to the base. Where it comes to is
 * locked, so that what is in place there stays as it is. Where it leaves is not, and others may
 * attach or detach the mm at the same time, since several processes can share it: so nothing that
 * was seen of its graft is relied upon before shk_graft_lock is held, and all is done with that.
 */
#include <linux/sched/mm.h>

#include "graft/attach.h"
#include "graft/change_text.h"
#include "graft/inherit.h"
#include "graft/stack_check.h"

/* Where @graft, which has come out of @was, can be put back to whole; with references. */
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

/* -ENOSPC; -EBUSY: it cannot be in that stretch while it is in the one that it is in. */
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

/* @args->stretch begins where @graft, which has come out of @was, is. */
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
 * @graft comes out of @was, or was to arrive there, and not for a stretch: what it comes back to
 * is over, or hidden.
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

/* On whose behalf @graft, which has come out of @was, is inside then. */
static struct shk_origin attach_origin(const struct shk_attach_args *args,
				       const struct shk_graft *graft, const struct shk_shadow *was)
{
	bool moves = was != args->to;

	switch (args->origin.kind) {
	case SHK_BY_USER:
		/* A stretch passes, and who is there already need not be put there. */
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
 * @mm joins, with the graft that it has or with @deferred's spare one, which is used up then; so
 * is the stretch, if one is to begin. Returns 1 if its entry was written, 0 if it
 * is inside already; -EPERM; -EIO; -ENOSPC; -EAGAIN: there is neither, for it has left meanwhile.
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
	/* Whoever asks after exec has taken its mm into use decides, not who asked before. */
	pending = was ? NULL : shk_pending_attach_find(graft->mm);
	if (args->origin.kind == SHK_BY_DELEGATE &&
	    (pending || (moves && was && graft->origin.kind != SHK_BY_DELEGATE)))
		return SHK_E(NOT_DELEGATED);
	/* Where all of the process act already, no thread does alone. */
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
		previous = pending->shadow; /* it has a reference until exec is over */
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

/* What shk_graft.no_inherit_until says while its process is being detached. */
#define NO_INHERIT_FOREVER ULONG_MAX

/* Who is to execute the base. */
struct detach_args {
	struct shk_change *change;
	const struct shk_shadow *from; /* NULL: wherever it is */
	bool delegated;
	/* Out: */
	struct shk_graft *graft;
	struct list_head execs;
};

/* May @graft, or NULL, be ended? -ENOENT, -EPERM. */
static int detach_check(const struct detach_args *e, const struct shk_graft *graft)
{
	if (!graft || (e->from && graft->shadow != e->from))
		return SHK_E(NOT_INSIDE);
	return e->delegated && graft->origin.kind != SHK_BY_DELEGATE ? SHK_E(NOT_DELEGATED) : 0;
}

/* The mm has no graft. -ENOENT, -EPERM. */
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

/* -EAGAIN: a child is being made. Until the caller comes again no other is begun. */
static int detach_check_children(struct shk_graft *graft)
{
	if (!shk_graft_has_unfinished_child(graft))
		return 0;
	graft->no_inherit_until = jiffies + SHK_BUSY_TASK_PAUSE * 2;
	return -EAGAIN;
}

/* 1; 0: it had yet to arrive, and does not; and as detach_begin(). */
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
 * It is about to be detached: its children are made outside meanwhile. 1; or 0: that is done
 * already; and as detach_check(), detach_check_children(), @e->change->check().
 */
static int detach_begin(const struct detach_args *e)
{
	int ret;

	spin_lock(&shk_graft_lock);
	ret = detach_try_begin(e);
	spin_unlock(&shk_graft_lock);
	return ret;
}

/* It is not. */
static void detach_allow_inherit(struct mm_struct *mm)
{
	struct shk_graft *graft;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	if (graft && graft->no_inherit_until == NO_INHERIT_FOREVER)
		graft->no_inherit_until = 0;
	spin_unlock(&shk_graft_lock);
}

static int detach_fn(struct shk_graft *graft, void *arg)
{
	struct detach_args *e = arg;
	/* Another one who was detaching it at the same time may have let children be made. */
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
	/* It was to be placed, so there is a spare one; meanwhile it was attached. */
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

struct restore_args {
	struct shk_change *change;
	u64 binding;
	struct shk_shadow *to; /* change->deferred has a reference */
};

/* Where that binding wants @graft (or NULL), which it was in before a trial; or NULL. */
static struct shk_shadow *restore_find_previous(const struct shk_graft *graft, u64 binding)
{
	return graft && graft->previous.origin.binding == binding ? graft->previous.shadow : NULL;
}

/* -EIO; -EAGAIN: it is on another trial by now, or on none. */
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

/* -ESTALE: that shadow was destroyed. */
static int restore_mm(struct restore_args *r)
{
	int ret = shk_shadow_lock(r->to);

	if (ret)
		return ret;
	ret = -ESTALE;
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
	return ret == -ESTALE ? shk_graft_detach(NULL, false, change) : ret;
}

/* The next one that @binding has placed and that knows where it was. */
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
