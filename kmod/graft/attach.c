// SPDX-License-Identifier: GPL-2.0-only
/*
 * An mm comes into a shadow, moves to another, or goes back to the base: under
 * shk_config_lock, so that what a shadow has in place stays as it is.
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
		return -ENOSPC;
	return stretch->thread && (!coming->thread || graft->shadow != coming->to) ? -EBUSY : 0;
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
	if (!coming->trial) {
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
 * is inside already; -EPERM; -EIO; -ENOSPC; -EAGAIN: there is neither, for exec leaves
 * without asking shk_config_lock.
 */
static int join(const struct shk_coming *coming, struct mm_struct *mm, struct shk_left *left)
{
	struct shk_graft *graft = shk_graft_find(mm) ?: left->graft;
	struct shk_shadow *was, *before = NULL;
	struct shk_arrival *arrival;
	bool moves, thread;
	int ret;

	if (!graft)
		return -EAGAIN;
	ret = check_stretch(coming, graft);
	if (ret)
		return ret;
	was = graft->shadow;
	moves = was != coming->to;
	/* Whoever asks after exec has taken its mm into use decides, not who asked before. */
	arrival = was ? NULL : shk_arrival_find(mm);
	if (coming->origin.kind == SHK_BY_DELEGATE &&
	    (arrival || (moves && was && graft->origin.kind != SHK_BY_DELEGATE)))
		return -EPERM;
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

struct joining {
	const struct shk_coming *coming;
	struct mm_struct *mm;
	struct shk_left *left;
};

static int do_join(void *arg)
{
	struct joining *j = arg;

	return join(j->coming, j->mm, j->left);
}

int shk_graft_come(const struct shk_coming *coming, struct mm_struct *mm, struct shk_left *left,
		   pid_t *busy)
{
	struct joining joining = { .coming = coming, .mm = mm, .left = left };
	struct shk_shadow *shadow = coming->to;
	struct shk_prepared was;
	int ret;

	lockdep_assert_held(&shk_config_lock);
	*busy = 0;
	ret = shk_shadow_prepare(shadow, &was);
	if (ret)
		return ret;
	ret = shk_graft_change_text(mm, shadow, do_join, &joining, busy);
	if (ret >= 0)
		return 0;
	shk_shadow_unprepare(shadow, &was);
	return ret;
}

int shk_graft_attach(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
		     struct shk_left *left, pid_t *busy)
{
	struct shk_coming coming = {
		.to = shadow,
		.origin.kind = delegated ? SHK_BY_DELEGATE : SHK_BY_USER,
	};

	return shk_graft_come(&coming, mm, left, busy);
}

int shk_graft_place(struct shk_shadow *shadow, struct mm_struct *mm, u64 binding, bool trial,
		    struct shk_left *left, pid_t *busy)
{
	struct shk_coming coming = {
		.to = shadow,
		.origin = { SHK_BY_CGROUP, binding },
		.trial = trial,
	};

	return shk_graft_come(&coming, mm, left, busy);
}

/* What shk_graft.leaving says while its process is being detached. */
#define LEAVING ULONG_MAX

/* The graft of @mm that the caller may end, or why not. */
static struct shk_graft *find_to_end(struct mm_struct *mm, const struct shk_shadow *from,
				     bool delegated)
{
	struct shk_graft *graft = shk_graft_find(mm);

	if (!graft || (from && graft->shadow != from))
		return ERR_PTR(-ENOENT);
	if (delegated && graft->origin.kind != SHK_BY_DELEGATE)
		return ERR_PTR(-EPERM);
	return graft;
}

/* -ENOENT, -EPERM. */
static int cancel_arrival(struct mm_struct *mm, const struct shk_shadow *from, bool delegated)
{
	struct shk_arrival *arrival = shk_graft_find(mm) ? NULL : shk_arrival_find(mm);

	if (!arrival || (from && arrival->shadow != from))
		return -ENOENT;
	if (delegated)
		return -EPERM;
	shk_arrival_cancel(arrival);
	return 0;
}

/* 1; 0: it had yet to arrive, and does not; and as begin_leaving(). */
static int try_leaving(struct mm_struct *mm, const struct shk_shadow *from, bool delegated)
{
	struct shk_graft *graft = find_to_end(mm, from, delegated);

	if (graft == ERR_PTR(-ENOENT))
		return cancel_arrival(mm, from, delegated);
	if (IS_ERR(graft))
		return PTR_ERR(graft);
	/* Until the caller comes again no other is begun, or it might never end. */
	if (shk_graft_has_unmade(graft)) {
		graft->leaving = jiffies + SHK_STILL_PAUSE * 2;
		return -EAGAIN;
	}
	graft->leaving = LEAVING;
	return 1;
}

/*
 * @mm is about to be detached: its children are made outside meanwhile. 1; or 0: that is done
 * already; -ENOENT, -EPERM; -EAGAIN: a child is being made.
 */
static int begin_leaving(struct mm_struct *mm, const struct shk_shadow *from, bool delegated)
{
	int ret;

	spin_lock(&shk_graft_lock);
	ret = try_leaving(mm, from, delegated);
	spin_unlock(&shk_graft_lock);
	return ret;
}

/* It is not. */
static void stop_leaving(struct mm_struct *mm)
{
	struct shk_graft *graft;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	if (graft)
		graft->leaving = 0;
	spin_unlock(&shk_graft_lock);
}

struct ending {
	struct mm_struct *mm;
	const struct shk_shadow *from;
	bool delegated;
	struct shk_graft *graft;
	struct list_head execs;
};

static int do_end(void *arg)
{
	struct ending *e = arg;

	/* Exec leaves without asking shk_config_lock. */
	e->graft = find_to_end(e->mm, e->from, e->delegated);
	if (IS_ERR(e->graft))
		return PTR_ERR(e->graft);
	shk_graft_disconnect_execs(e->graft, &e->execs);
	shk_graft_disconnect(e->graft);
	return 1;
}

int shk_graft_detach(struct mm_struct *mm, const struct shk_shadow *from, bool delegated,
		     struct shk_left *left, pid_t *busy)
{
	struct ending ending = { .mm = mm, .from = from, .delegated = delegated };
	int ret;

	lockdep_assert_held(&shk_config_lock);
	*busy = 0;
	ret = begin_leaving(mm, from, delegated);
	if (ret <= 0)
		return ret;

	INIT_LIST_HEAD(&ending.execs);
	ret = shk_graft_change_text(mm, NULL, do_end, &ending, busy);
	if (ret < 0) {
		stop_leaving(mm);
		return ret;
	}
	shk_graft_retire(ending.graft);
	shk_graft_end_execs(&ending.execs);
	/* It was to be placed, so there is a spare one; meanwhile it was attached. */
	if (left->graft)
		shk_graft_release(ending.graft);
	else
		left->graft = ending.graft;
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
	struct shk_graft *graft;
	struct shk_left *left;
};

/* -EIO. */
static int do_restore(void *arg)
{
	struct restoring *r = arg;
	struct shk_graft *graft = r->graft;
	struct shk_before before = graft->before;
	int ret = shk_graft_come_back(graft, before.shadow, before.stretch, before.origin, r->left);

	if (ret < 0)
		return ret;
	shk_threads_drop(&graft->threads);
	r->left->before = before;
	graft->before = (struct shk_before){};
	return ret;
}

int shk_graft_restore(struct mm_struct *mm, u64 binding, struct shk_left *left, pid_t *busy)
{
	struct restoring restoring = { .left = left };
	struct shk_shadow *to = NULL;
	struct shk_graft *graft;

	lockdep_assert_held(&shk_config_lock);
	*busy = 0;
	/* Neither goes: exec leaves who is inside by delegation, settle() wants shk_config_lock. */
	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	if (graft && graft->before.origin.binding == binding)
		to = graft->before.shadow;
	spin_unlock(&shk_graft_lock);
	if (!to)
		return -ENOENT;
	if (to->dead)
		return shk_graft_detach(mm, NULL, false, left, busy);
	restoring.graft = graft;
	return min(shk_graft_change_text(mm, to, do_restore, &restoring, busy), 0);
}

/* The next one that @binding has placed and that knows where it was. */
static bool take_before(u64 binding, struct shk_before *before)
{
	struct shk_graft *graft;

	mutex_lock(&shk_config_lock);
	spin_lock(&shk_graft_lock);
	graft = shk_graft_find_on_trial(binding);
	if (graft) {
		*before = graft->before;
		graft->before = (struct shk_before){};
	}
	spin_unlock(&shk_graft_lock);
	mutex_unlock(&shk_config_lock);
	return graft;
}

void shk_graft_settle(u64 binding)
{
	struct shk_before before;

	while (take_before(binding, &before))
		shk_before_put(&before);
}
