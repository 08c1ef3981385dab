// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stretches and previous places as objects: allocation, references, look-ups. enter.c and attach.c
 * decide when an mm is in them.
 */
#include <linux/slab.h>

#include "graft/stretch.h"

struct shk_stretch *shk_stretch_alloc(struct shk_stretch **kept)
{
	struct shk_stretch *stretch = *kept;

	*kept = NULL;
	if (!stretch)
		stretch = kmalloc(sizeof(*stretch), GFP_KERNEL_ACCOUNT);
	if (!stretch)
		return NULL;
	*stretch = (struct shk_stretch){};
	refcount_set(&stretch->ref, 1);
	return stretch;
}

struct shk_stretch *shk_stretch_get(struct shk_stretch *stretch)
{
	if (stretch)
		refcount_inc(&stretch->ref);
	return stretch;
}

void shk_stretch_put_recycle(struct shk_stretch *stretch, struct shk_stretch **kept)
{
	while (stretch && refcount_dec_and_test(&stretch->ref)) {
		struct shk_stretch *outer = stretch->outer;

		if (stretch->back)
			shk_shadow_put(stretch->back);
		if (*kept)
			kfree(stretch);
		else
			*kept = stretch;
		stretch = outer;
	}
}

void shk_stretch_put(struct shk_stretch *stretch)
{
	struct shk_stretch *kept = NULL;

	shk_stretch_put_recycle(stretch, &kept);
	kfree(kept);
}

const struct shk_stretch *shk_stretch_outermost_thread_only(const struct shk_stretch *stretch)
{
	const struct shk_stretch *found = NULL;

	for (; stretch && stretch->thread; stretch = stretch->outer)
		found = stretch;
	return found;
}

struct shk_stretch *shk_stretch_find_live(struct shk_stretch *stretch)
{
	while (stretch && stretch->back && shk_shadow_is_gone(stretch->back))
		stretch = stretch->outer;
	return stretch;
}

struct shk_previous shk_previous_inherit(const struct shk_previous *previous, bool exec)
{
	struct shk_previous mine = *previous;

	if (mine.shadow)
		shk_shadow_get(mine.shadow);
	/* A new program has begun no stretch. */
	mine.stretch = exec ? NULL : shk_stretch_get(mine.stretch);
	return mine;
}

void shk_previous_put(const struct shk_previous *previous)
{
	shk_stretch_put(previous->stretch);
	if (previous->shadow)
		shk_shadow_put(previous->shadow);
}
