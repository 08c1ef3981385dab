// SPDX-License-Identifier: GPL-2.0-only
/*
 * An mm comes into a shadow, moves to another, or goes back to the base: under
 * shk_config_lock, so that what a shadow has in place stays as it is.
 */
#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "shadow/graft.h"

/* @change(@arg) lets @mm have another text. */
struct changing {
	struct mm_struct *mm;
	const struct list_head *bodies; /* that it was seen to have in place */
	int (*change)(void *arg);
	void *arg;
	bool moved; /* out: it has others, nothing was done */
};

/* What @shadow has in place, NULL if that is nothing. Under shk_config_lock it stays so. */
static struct list_head *bodies_of(struct shk_shadow *shadow)
{
	return shadow && !list_empty(&shadow->bodies) ? &shadow->bodies : NULL;
}

static struct list_head *bodies_in(struct mm_struct *mm)
{
	struct shk_graft *graft = shk_graft_find(mm);

	return graft ? bodies_of(graft->shadow) : NULL;
}

static int do_change(void *arg)
{
	struct changing *c = arg;
	int ret = 0;

	spin_lock(&shk_graft_lock);
	/* exec asks no lock that would keep the mm where it was. */
	c->moved = bodies_in(c->mm) != c->bodies;
	if (!c->moved)
		ret = c->change(c->arg);
	spin_unlock(&shk_graft_lock);
	return ret;
}

static int try_change(struct changing *c, struct list_head *to, pid_t *busy)
{
	struct shk_still still = { .mm = c->mm, .bodies = { NULL, to } };
	bool must_stop, comes;
	int ret;

	c->moved = false;
	spin_lock(&shk_graft_lock);
	still.bodies[0] = bodies_in(c->mm);
	comes = !shk_graft_find(c->mm);
	spin_unlock(&shk_graft_lock);
	c->bodies = still.bodies[0];
	must_stop = still.bodies[0] != still.bodies[1];

	if (must_stop)
		cpus_read_lock(); /* outside of text_mutex, as everywhere */
	/* Nobody is in what hooks.c makes run in the base. */
	mutex_lock(shk_symbols.text_mutex);
	/* The mm of who is inside already nobody borrows. */
	if (comes)
		shk_graft_approach(c->mm);
	ret = must_stop ? shk_still_change(&still, do_change, c) : do_change(c);
	if (ret > 0 && !must_stop)
		shk_mmu->flush_mm(c->mm);
	shk_graft_depart(c->mm);
	mutex_unlock(shk_symbols.text_mutex);
	if (must_stop)
		cpus_read_unlock();
	*busy = still.busy;
	return ret;
}

/*
 * @change(@arg), under shk_graft_lock, lets @mm have the text of @to, or of the base if
 * that is NULL. All ways lead through here but those of a task that changes its own,
 * and is where nothing may be in place, and those of system calls into a target, which
 * has nothing in place (edit/inplace.c). If what @mm leaves or
 * where it comes to has bodies in place: while the machine stands still, and no task
 * of @mm is in one. Returns what @change does, 1 if the text is another; -EAGAIN:
 * @busy is in one.
 */
int shk_graft_change_text(struct mm_struct *mm, struct shk_shadow *to, int (*change)(void *arg),
			  void *arg, pid_t *busy)
{
	struct changing c = { .mm = mm, .change = change, .arg = arg };
	int ret;

	lockdep_assert_held(&shk_config_lock);
	do {
		ret = try_change(&c, bodies_of(to), busy);
	} while (c.moved);
	return ret;
}

/* -EBUSY: it cannot be in that stretch while it is in this one. */
static int shk_stretch_check(const struct shk_coming *coming, const struct shk_graft *graft)
{
	const struct shk_visit *visit = graft->visit;

	if (!coming->visit || !visit)
		return 0;
	if (visit->depth == SHK_ENTER_DEPTH)
		return -ENOSPC;
	return visit->thread && (!coming->thread || graft->shadow != coming->to) ? -EBUSY : 0;
}

/* @graft comes out of @was, and not for a stretch: what it comes back to is over, or hidden. */
static void leave_places(const struct shk_coming *coming, struct shk_graft *graft,
			 struct shk_shadow *was, struct shk_left *left)
{
	if (!coming->trial) {
		left->before = graft->before;
		graft->before = (struct shk_before){};
	} else if (!graft->before.shadow && graft->placed != coming->placed) {
		graft->before = shk_before_of(graft, was);
	}
	left->visit = graft->visit;
	graft->visit = NULL;
	shk_graft_drop_threads(graft);
}

/*
 * @mm joins, with the graft that it has or with @left->spare, which is used up then; so
 * is the stretch, if one is to begin. Returns 1 if its entry was written, 0 if it
 * is inside already; -EPERM; -EIO; -ENOSPC; -EAGAIN: there is neither, for exec leaves
 * without asking shk_config_lock.
 */
static int join(const struct shk_coming *coming, struct mm_struct *mm, struct shk_left *left)
{
	struct shk_graft *graft = shk_graft_find(mm) ?: left->spare;
	bool delegated = coming->delegated;
	struct shk_shadow *shadow = coming->to, *was;
	bool thread;
	int ret;

	if (!graft)
		return -EAGAIN;
	ret = shk_stretch_check(coming, graft);
	if (ret)
		return ret;
	was = graft->shadow;
	/* Where all of the process act already, no thread does alone. */
	thread = coming->thread && (was != shadow || !list_empty(&graft->threads));
	if (was == shadow) {
		delegated &= graft->delegated;
	} else {
		if (was && delegated && !graft->delegated)
			return -EPERM;
		ret = shk_graft_link(graft, shadow);
		if (ret)
			return ret;
		if (was)
			left->shadow = was;
		else
			left->spare = NULL;
	}
	if (coming->visit) {
		shk_visit_begin(graft, coming->visit, was);
		graft->visit->thread = thread;
		if (thread)
			shk_graft_thread_enter(graft, coming->thread);
	} else {
		leave_places(coming, graft, was, left);
	}
	graft->delegated = delegated;
	if (coming->placed || (!coming->visit && was != shadow))
		shk_graft_set_placed(graft, coming->placed);
	return was != shadow;
}

int shk_graft_prepare(struct shk_shadow *shadow)
{
	bool was_built = shadow->text.built;
	int ret;

	lockdep_assert_held(&shk_config_lock);
	if (shadow->dead || (shadow->target && shadow->target->dead))
		return -ESTALE;
	ret = shk_text_build(&shadow->text);
	if (ret)
		return ret;
	ret = shk_hooks_apply(shadow);
	if (ret && !was_built)
		shk_text_destroy(&shadow->text);
	return ret;
}

void shk_graft_unprepare(struct shk_shadow *shadow, bool was_built, bool was_hooked)
{
	lockdep_assert_held(&shk_config_lock);
	if (!was_hooked)
		shk_hooks_revert(shadow);
	if (!was_built)
		shk_text_destroy(&shadow->text);
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
	struct shk_shadow *shadow = coming->to;
	bool was_built = shadow->text.built, was_hooked = shadow->hooked;
	struct joining joining = { .coming = coming, .mm = mm, .left = left };
	int ret;

	lockdep_assert_held(&shk_config_lock);
	*busy = 0;
	ret = shk_graft_prepare(shadow);
	if (ret)
		return ret;
	ret = shk_graft_change_text(mm, shadow, do_join, &joining, busy);
	if (ret >= 0)
		return 0;
	shk_graft_unprepare(shadow, was_built, was_hooked);
	return ret;
}

int shk_graft_attach(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
		     struct shk_left *left, pid_t *busy)
{
	struct shk_coming coming = { .to = shadow, .delegated = delegated };

	return shk_graft_come(&coming, mm, left, busy);
}

int shk_graft_place(struct shk_shadow *shadow, struct mm_struct *mm, u64 binding, bool trial,
		    struct shk_left *left, pid_t *busy)
{
	struct shk_coming coming = { .to = shadow, .placed = binding, .trial = trial };

	return shk_graft_come(&coming, mm, left, busy);
}

/* The graft of @mm that the caller may end, or why not. */
static struct shk_graft *find_to_end(struct mm_struct *mm, const struct shk_shadow *from,
				     bool delegated)
{
	struct shk_graft *graft = shk_graft_find(mm);

	if (!graft || (from && graft->shadow != from))
		return ERR_PTR(-ENOENT);
	if (delegated && !graft->delegated)
		return ERR_PTR(-EPERM);
	return graft;
}

/* The children of @mm are born outside until @leaving; or, if that is 0, inside again. */
static int set_leaving(struct mm_struct *mm, const struct shk_shadow *from, bool delegated,
		       unsigned long leaving)
{
	struct shk_graft *graft;

	spin_lock(&shk_graft_lock);
	graft = find_to_end(mm, from, delegated);
	if (!IS_ERR(graft))
		graft->leaving = leaving;
	spin_unlock(&shk_graft_lock);
	return PTR_ERR_OR_ZERO(graft);
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
	shk_graft_cut_execs(e->graft, &e->execs);
	shk_graft_cut(e->graft);
	return 1;
}

/* @mm executes the base. -EAGAIN: somebody in it forks or executes. */
struct shk_graft *shk_graft_end(struct mm_struct *mm, const struct shk_shadow *from, bool delegated,
				pid_t *busy)
{
	struct ending ending = { .mm = mm, .from = from, .delegated = delegated };
	int ret;

	lockdep_assert_held(&shk_config_lock);
	*busy = 0;
	ret = set_leaving(mm, from, delegated, SHK_LEAVING);
	if (ret)
		return ERR_PTR(ret);
	/* Until the caller comes again no other is begun, or it might never end. */
	if (shk_graft_gives_birth(mm)) {
		set_leaving(mm, from, delegated, jiffies + SHK_STILL_PAUSE * 2);
		return ERR_PTR(-EAGAIN);
	}

	INIT_LIST_HEAD(&ending.execs);
	ret = shk_graft_change_text(mm, NULL, do_end, &ending, busy);
	if (ret < 0) {
		set_leaving(mm, from, delegated, 0);
		return ERR_PTR(ret);
	}
	shk_graft_entomb(ending.graft);
	shk_graft_bury_execs(&ending.execs);
	return ending.graft;
}

int shk_graft_detach(struct mm_struct *mm, const struct shk_shadow *from, bool delegated,
		     pid_t *busy)
{
	struct shk_graft *graft = shk_graft_end(mm, from, delegated, busy);

	if (!IS_ERR(graft))
		shk_graft_free_later(graft);
	return PTR_ERR_OR_ZERO(graft);
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
	int ret =
		shk_graft_come_back(graft, before.shadow, before.visit, before.delegated, r->left);

	if (ret < 0)
		return ret;
	shk_graft_drop_threads(graft);
	shk_graft_set_placed(graft, before.placed);
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
	if (graft && graft->before.placed == binding)
		to = graft->before.shadow;
	spin_unlock(&shk_graft_lock);
	if (!to)
		return -ENOENT;
	if (to->dead)
		return shk_graft_detach(mm, NULL, false, busy);
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

/*
 * text_mutex, which would say that nobody in this mm is in what hooks.c makes
 * run in the base, is not needed: nobody else is in this mm, and we are here. Who attaches
 * this process waits for cred_guard_mutex, which exec holds.
 */
void shk_graft_leave(struct mm_struct *mm)
{
	struct shk_graft *graft;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	if (graft && graft->delegated)
		shk_graft_cut(graft);
	else
		graft = NULL;
	spin_unlock(&shk_graft_lock);
	if (graft)
		shk_graft_bury(graft);
}
