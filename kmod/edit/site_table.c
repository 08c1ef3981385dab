// SPDX-License-Identifier: GPL-2.0-only
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "edit/site_table.h"

#define MIN_ENTRIES 16

struct shk_site shk_site_removed;

/*
 * Stores @site in a free entry of @table: one that is NULL, or that a removed site had. The caller
 * ensures that there is one. The shadow's lock is held.
 */
static void table_put(struct shk_site_table *table, struct shk_site *site)
{
	unsigned int i = shk_site_hash(site->edit.addr) & table->mask;

	while (table->at[i] && table->at[i] != &shk_site_removed)
		i = (i + 1) & table->mask;
	table->nr_set += !table->at[i];
	table->nr++;
	/* A hit that finds the site sees its members. */
	smp_store_release(&table->at[i], site);
}

/*
 * Makes @new the table of @shadow (NULL: it has none), and frees the old one after a grace period:
 * hits may use it until then. The shadow's lock is held.
 */
static void table_replace(struct shk_shadow *shadow, struct shk_site_table *new)
{
	struct shk_site_table *old = shadow->sites;

	smp_store_release(&shadow->sites, new);
	if (old)
		kvfree_rcu(old, rcu);
}

/*
 * Replaces the table of @shadow by one with room for more sites. The shadow's lock is held; sleeps.
 * Returns 0 or -ENOMEM.
 */
static int table_grow(struct shk_shadow *shadow)
{
	struct shk_site_table *old = shadow->sites, *new;
	unsigned int i, entries = MIN_ENTRIES;

	/* Growing by 4 leaves three of four entries free, so that hits find theirs at once. */
	if (old)
		entries = max_t(unsigned int, entries, roundup_pow_of_two(4 * (old->nr + 1)));
	new = kvzalloc(struct_size(new, at, entries), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->mask = entries - 1;
	for (i = 0; old && i <= old->mask; i++)
		if (old->at[i] && old->at[i] != &shk_site_removed)
			table_put(new, old->at[i]);
	table_replace(shadow, new);
	return 0;
}

int shk_site_table_add(struct shk_site *site)
{
	struct shk_shadow *shadow = site->shadow;
	int ret = 0;

	lockdep_assert_held(&shadow->lock);
	/* Half of the entries stay free. */
	if (!shadow->sites || 2 * (shadow->sites->nr_set + 1) > shadow->sites->mask)
		ret = table_grow(shadow);
	if (!ret)
		table_put(shadow->sites, site);
	return ret;
}

void shk_site_table_remove(struct shk_site *site)
{
	struct shk_site_table *table = site->shadow->sites;
	unsigned int i = shk_site_hash(site->edit.addr) & table->mask;

	lockdep_assert_held(&site->shadow->lock);
	while (table->at[i] != site)
		i = (i + 1) & table->mask;
	WRITE_ONCE(table->at[i], &shk_site_removed);
	if (!--table->nr)
		table_replace(site->shadow, NULL);
}
