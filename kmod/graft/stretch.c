// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>

#include "graft/stretch.h"

struct shk_stretch *shk_stretch_alloc(void)
{
	struct shk_stretch *stretch = kzalloc(sizeof(*stretch), GFP_KERNEL_ACCOUNT);

	if (stretch)
		refcount_set(&stretch->ref, 1);
	return stretch;
}

struct shk_stretch *shk_stretch_get(struct shk_stretch *stretch)
{
	if (stretch)
		refcount_inc(&stretch->ref);
	return stretch;
}

void shk_stretch_put(struct shk_stretch *stretch)
{
	while (stretch && refcount_dec_and_test(&stretch->ref)) {
		struct shk_stretch *outer = stretch->outer;

		if (stretch->back)
			shk_shadow_put(stretch->back);
		kfree(stretch);
		stretch = outer;
	}
}

const struct shk_stretch *shk_stretch_of_threads(const struct shk_stretch *stretch)
{
	const struct shk_stretch *found = NULL;

	for (; stretch && stretch->thread; stretch = stretch->outer)
		found = stretch;
	return found;
}

struct shk_stretch *shk_stretch_find_back(struct shk_stretch *stretch)
{
	lockdep_assert_held(&shk_config_lock);
	while (stretch && stretch->back && stretch->back->dead)
		stretch = stretch->outer;
	return stretch;
}

struct shk_before shk_before_inherit(const struct shk_before *before, bool exec)
{
	struct shk_before mine = *before;

	if (mine.shadow)
		shk_shadow_get(mine.shadow);
	/* A program that is executed has nothing to come back from. */
	mine.stretch = exec ? NULL : shk_stretch_get(mine.stretch);
	return mine;
}

void shk_before_put(const struct shk_before *before)
{
	shk_stretch_put(before->stretch);
	if (before->shadow)
		shk_shadow_put(before->shadow);
}
