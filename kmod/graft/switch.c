// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpu.h>
#include <linux/mutex.h>

#include "graft/graft.h"
#include "graft/still.h"
#include "graft/switch.h"

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

static struct list_head *bodies_in(const struct shk_graft *graft)
{
	return graft ? bodies_of(graft->shadow) : NULL;
}

static int do_change(void *arg)
{
	struct changing *c = arg;
	int ret = 0;

	spin_lock(&shk_graft_lock);
	/* exec asks no lock that would keep the mm where it was. */
	c->moved = bodies_in(shk_graft_find(c->mm)) != c->bodies;
	if (!c->moved)
		ret = c->change(c->arg);
	spin_unlock(&shk_graft_lock);
	return ret;
}

static int try_change(struct changing *c, struct list_head *to, pid_t *busy)
{
	struct shk_still still = { .mm = c->mm, .bodies = { NULL, to } };
	struct shk_graft *graft;
	bool must_stop, comes;
	int ret;

	c->moved = false;
	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(c->mm);
	comes = !graft;
	still.bodies[0] = bodies_in(graft);
	spin_unlock(&shk_graft_lock);
	c->bodies = still.bodies[0];
	must_stop = still.bodies[0] != still.bodies[1];

	if (must_stop)
		cpus_read_lock(); /* outside of text_mutex, as everywhere */
	/* Nobody is in what hooks/hooks.c makes run in the base. */
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
