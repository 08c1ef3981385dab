// SPDX-License-Identifier: GPL-2.0-only
/*
 * An mm comes into a shadow, moves to another, or goes back to the base. Where it comes to is
 * locked, so that what is in place there stays as it is. Where it leaves is not, and others may
 * attach or detach the mm at the same time, since several processes can share it: so nothing that
 * was seen of its graft is relied upon before shk_graft_lock is held, and all is done with that.
 */
#include <linux/sched/mm.h>

#include "graft/attach.h"
#include "graft/inherit.h"
#include "graft/still.h"
#include "graft/switch.h"

/* Where @graft, which has come out of @was, can be put back to whole; with references. */
static struct shk_before before_of(const struct shk_graft *graft, struct shk_shadow *was)
{
	const struct shk_stretch *alone = shk_stretch_of_threads(graft->stretch);
	struct shk_shadow *shadow = alone ? alone->back : was;

	if (!shadow)
		return (struct shk_before){};
	return (struct shk_before){
		.shadow = shk_shadow_get(shadow),
		.stretch = shk_stretch_get(alone ? alone->outer : graft->stretch),
		.origin = alone ? alone->origin : graft->origin,
	};
}

/* -ENOSPC; -EBUSY: it cannot be in that stretch while it is in the one that it is in. */
static int check_stretch(const struct shk_coming *coming, const struct shk_graft *graft)
{
	const struct shk_stretch *stretch = graft->stretch;

	if (!coming->stretch || !stretch)
		return 0;
	if (stretch->depth == SHK_ENTER_DEPTH)
		return SHK_E(STRETCHES_FULL);
	return stretch->thread && (!coming->thread || graft->shadow != coming->to)
		       ? SHK_E(THREAD_STRETCH)
		       : 0;
}

/* @coming->stretch begins where @graft, which has come out of @was, is. */
static void begin_stretch(const struct shk_coming *coming, struct shk_graft *graft,
			  struct shk_shadow *was, bool thread)
{
	struct shk_stretch *stretch = coming->stretch;

	stretch->back = was ? shk_shadow_get(was) : NULL;
	stretch->origin = graft->origin;
	stretch->outer = graft->stretch;
	stretch->depth = stretch->outer ? stretch->outer->depth + 1 : 1;
	stretch->thread = thread;
	graft->stretch = stretch;
	if (thread)
		shk_threads_enter(&graft->threads, coming->thread, graft->mm, graft->shadow);
}

/*
 * @graft comes out of @was, or was to arrive there, and not for a stretch: what it comes back to
 * is over, or hidden.
 */
static void end_stretches(const struct shk_coming *coming, struct shk_graft *graft,
			  struct shk_shadow *was, struct shk_left *left)
{
	if (!coming->trial || !*coming->trial) {
		left->before = graft->before;
		graft->before = (struct shk_before){};
	} else if (!graft->before.shadow && graft->origin.binding != coming->origin.binding) {
		graft->before = before_of(graft, was);
	}
	left->stretch = graft->stretch;
	graft->stretch = NULL;
	shk_threads_drop(&graft->threads);
}

/* On whose behalf @graft, which has come out of @was, is inside then. */
static struct shk_origin origin_after(const struct shk_coming *coming,
				      const struct shk_graft *graft, const struct shk_shadow *was)
{
	bool moves = was != coming->to;

	switch (coming->origin.kind) {
	case SHK_BY_USER:
		/* A stretch passes, and who is there already need not be put there. */
		if (graft->origin.kind == SHK_BY_CGROUP && (coming->stretch || !moves))
			return graft->origin;
		break;
	case SHK_BY_DELEGATE:
		if (!moves)
			return graft->origin;
		break;
	case SHK_BY_CGROUP:
		break;
	}
	return coming->origin;
}

/*
 * @mm joins, with the graft that it has or with @left's spare one, which is used up then; so
 * is the stretch, if one is to begin. Returns 1 if its entry was written, 0 if it
 * is inside already; -EPERM; -EIO; -ENOSPC; -EAGAIN: there is neither, for it has left meanwhile.
 */
static int join(struct shk_graft *graft, void *arg)
{
	const struct shk_coming *coming = arg;
	struct shk_left *left = &coming->change->left;
	struct shk_shadow *was, *before = NULL;
	struct shk_arrival *arrival;
	bool moves, thread;
	int ret;

	graft = graft ?: left->graft;
	if (!graft)
		return -EAGAIN;
	ret = check_stretch(coming, graft);
	if (ret)
		return ret;
	was = graft->shadow;
	moves = was != coming->to;
	/* Whoever asks after exec has taken its mm into use decides, not who asked before. */
	arrival = was ? NULL : shk_arrival_find(graft->mm);
	if (coming->origin.kind == SHK_BY_DELEGATE &&
	    (arrival || (moves && was && graft->origin.kind != SHK_BY_DELEGATE)))
		return SHK_E(NOT_DELEGATED);
	/* Where all of the process act already, no thread does alone. */
	thread = coming->thread && (moves || !list_empty(&graft->threads));
	if (moves) {
		ret = shk_graft_connect(graft, coming->to, false);
		if (ret)
			return ret;
		if (was)
			left->shadow = was;
		else
			left->graft = NULL;
	}
	if (arrival) {
		before = arrival->shadow; /* it has a reference until exec is over */
		shk_arrival_cancel(arrival);
	}
	if (coming->stretch)
		begin_stretch(coming, graft, was, thread);
	else
		end_stretches(coming, graft, was ?: before, left);
	shk_graft_set_origin(graft, origin_after(coming, graft, was));
	return moves;
}

int shk_graft_come(struct shk_coming *coming)
{
	struct shk_shadow *shadow = coming->to;
	struct shk_prepared was;
	int ret;

	ret = shk_shadow_prepare(shadow, &was);
	if (ret)
		return ret;
	ret = shk_graft_change_text(coming->change, shadow, join, coming);
	if (ret >= 0)
		return 0;
	shk_shadow_unprepare(shadow, &was);
	return ret;
}

int shk_graft_attach(struct shk_shadow *shadow, bool delegated, struct shk_change *change)
{
	struct shk_coming coming = {
		.change = change,
		.to = shadow,
		.origin.kind = delegated ? SHK_BY_DELEGATE : SHK_BY_USER,
	};

	return shk_graft_come(&coming);
}

int shk_graft_place(struct shk_shadow *shadow, u64 binding, const bool *trial,
		    struct shk_change *change)
{
	struct shk_coming coming = {
		.change = change,
		.to = shadow,
		.origin = { SHK_BY_CGROUP, binding },
		.trial = trial,
	};

	return shk_graft_come(&coming);
}

/* What shk_graft.leaving says while its process is being detached. */
#define LEAVING ULONG_MAX

/* Who is to execute the base. */
struct ending {
	struct shk_change *change;
	const struct shk_shadow *from; /* NULL: wherever it is */
	bool delegated;
	/* Out: */
	struct shk_graft *graft;
	struct list_head execs;
};

/* May @graft, or NULL, be ended? -ENOENT, -EPERM. */
static int check_end(const struct ending *e, const struct shk_graft *graft)
{
	if (!graft || (e->from && graft->shadow != e->from))
		return SHK_E(NOT_INSIDE);
	return e->delegated && graft->origin.kind != SHK_BY_DELEGATE ? SHK_E(NOT_DELEGATED) : 0;
}

/* The mm has no graft. -ENOENT, -EPERM. */
static int cancel_arrival(const struct ending *e)
{
	struct shk_arrival *arrival = shk_arrival_find(e->change->mm);

	if (!arrival || (e->from && arrival->shadow != e->from))
		return SHK_E(NOT_INSIDE);
	if (e->delegated)
		return SHK_E(NOT_DELEGATED);
	shk_arrival_cancel(arrival);
	return 0;
}

/* -EAGAIN: a child is being made. Until the caller comes again no other is begun. */
static int check_children(struct shk_graft *graft)
{
	if (!shk_graft_has_unmade(graft))
		return 0;
	graft->leaving = jiffies + SHK_STILL_PAUSE * 2;
	return -EAGAIN;
}

/* 1; 0: it had yet to arrive, and does not; and as begin_leaving(). */
static int try_leaving(const struct ending *e)
{
	const struct shk_change *change = e->change;
	struct shk_graft *graft = shk_graft_find(change->mm);
	int ret = change->check ? change->check(change, graft) : 0;

	if (ret)
		return ret;
	if (!graft)
		return cancel_arrival(e);
	ret = check_end(e, graft) ?: check_children(graft);
	if (ret)
		return ret;
	graft->leaving = LEAVING;
	return 1;
}

/*
 * It is about to be detached: its children are made outside meanwhile. 1; or 0: that is done
 * already; and as check_end(), check_children(), @e->change->check().
 */
static int begin_leaving(const struct ending *e)
{
	int ret;

	spin_lock(&shk_graft_lock);
	ret = try_leaving(e);
	spin_unlock(&shk_graft_lock);
	return ret;
}

/* It is not. */
static void stop_leaving(struct mm_struct *mm)
{
	struct shk_graft *graft;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	if (graft && graft->leaving == LEAVING)
		graft->leaving = 0;
	spin_unlock(&shk_graft_lock);
}

static int do_end(struct shk_graft *graft, void *arg)
{
	struct ending *e = arg;
	/* Another one who was detaching it at the same time may have let children be made. */
	int ret = check_end(e, graft) ?: check_children(graft);

	if (ret)
		return ret;
	e->graft = graft;
	shk_graft_disconnect_execs(graft, &e->execs);
	shk_graft_disconnect(graft);
	return 1;
}

int shk_graft_detach(const struct shk_shadow *from, bool delegated, struct shk_change *change)
{
	struct ending ending = { .change = change, .from = from, .delegated = delegated };
	int ret;

	change->busy = 0;
	ret = begin_leaving(&ending);
	if (ret <= 0)
		return ret;

	INIT_LIST_HEAD(&ending.execs);
	ret = shk_graft_change_text(change, NULL, do_end, &ending);
	if (ret < 0) {
		stop_leaving(change->mm);
		return ret;
	}
	shk_graft_retire(ending.graft);
	shk_graft_end_execs(&ending.execs);
	/* It was to be placed, so there is a spare one; meanwhile it was attached. */
	if (change->left.graft)
		shk_graft_release(ending.graft);
	else
		change->left.graft = ending.graft;
	return 0;
}

int shk_graft_come_back(struct shk_graft *graft, struct shk_shadow *back,
			struct shk_stretch *stretch, struct shk_origin origin,
			struct shk_left *left)
{
	struct shk_shadow *was = graft->shadow;
	int ret;

	lockdep_assert_held(&shk_graft_lock);
	if (was != back) {
		ret = shk_graft_connect(graft, back, false);
		if (ret)
			return ret;
		left->shadow = was;
	}
	left->stretch = graft->stretch;
	graft->stretch = shk_stretch_get(stretch);
	shk_graft_set_origin(graft, origin);
	return was != back;
}

struct restoring {
	struct shk_change *change;
	u64 binding;
	struct shk_shadow *to; /* change->left has a reference */
};

/* Where that binding wants @graft (or NULL), which it was in before a trial; or NULL. */
static struct shk_shadow *find_before(const struct shk_graft *graft, u64 binding)
{
	return graft && graft->before.origin.binding == binding ? graft->before.shadow : NULL;
}

/* -EIO; -EAGAIN: it is on another trial by now, or on none. */
static int do_restore(struct shk_graft *graft, void *arg)
{
	struct restoring *r = arg;
	struct shk_left *left = &r->change->left;
	struct shk_before before;
	int ret;

	if (find_before(graft, r->binding) != r->to)
		return -EAGAIN;
	before = graft->before;
	ret = shk_graft_come_back(graft, before.shadow, before.stretch, before.origin, left);
	if (ret < 0)
		return ret;
	shk_threads_drop(&graft->threads);
	left->before = before;
	graft->before = (struct shk_before){};
	return ret;
}

/* -ESTALE: that shadow was destroyed. */
static int restore(struct restoring *r)
{
	int ret = shk_shadow_lock(r->to);

	if (ret)
		return ret;
	ret = -ESTALE;
	if (!shk_shadow_is_gone(r->to))
		ret = shk_graft_change_text(r->change, r->to, do_restore, r);
	shk_shadow_unlock(r->to);
	return min(ret, 0);
}

int shk_graft_restore(u64 binding, struct shk_change *change)
{
	struct restoring restoring = { .change = change, .binding = binding };
	struct shk_shadow *to;
	int ret;

	change->busy = 0;
	spin_lock(&shk_graft_lock);
	to = find_before(shk_graft_find(change->mm), binding);
	if (to)
		change->left.to = shk_shadow_get(to);
	spin_unlock(&shk_graft_lock);
	if (!to)
		return -ENOENT;
	restoring.to = to;
	ret = restore(&restoring);
	return ret == -ESTALE ? shk_graft_detach(NULL, false, change) : ret;
}

/* The next one that @binding has placed and that knows where it was. */
static bool take_before(u64 binding, bool *trial, struct shk_before *before)
{
	struct shk_graft *graft;

	spin_lock(&shk_graft_lock);
	*trial = false;
	graft = shk_graft_find_on_trial(binding);
	if (graft) {
		*before = graft->before;
		graft->before = (struct shk_before){};
	}
	spin_unlock(&shk_graft_lock);
	return graft;
}

void shk_graft_settle(u64 binding, bool *trial)
{
	struct shk_before before;

	while (take_before(binding, trial, &before))
		shk_before_put(&before);
}
