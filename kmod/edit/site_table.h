/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sites of a shadow, by address: a hash table with open addressing. When it is too small, a
 * larger table replaces it. Readers are hits, which use it with preemption off.
 */
#ifndef SHK_SITE_TABLE_H
#define SHK_SITE_TABLE_H

#include "edit/probe.h"

/* One table. Written under the shadow's lock. Replaced ones are freed after a grace period. */
struct shk_site_table {
	struct rcu_head rcu;
	unsigned int mask;   /* number of entries - 1, a power of two - 1. Fixed */
	unsigned int nr_set; /* entries that are not NULL; some entry is always NULL */
	unsigned int nr;     /* sites */
	struct shk_site *at[];
};

/* Stands in the place of a removed site, so that readers go on to the entries behind it. */
extern struct shk_site shk_site_removed;

/*
 * Returns a hash of @addr: the caller applies the table's mask to it, and gets the index at which a
 * search for @addr begins. The __fentry__ sites of two functions are 16 bytes apart. Instructions
 * within 16 bytes get entries that are far apart: neighbours would fill all entries of a piece of
 * text, and a look-up would walk to its end.
 */
static __always_inline unsigned int shk_site_hash(unsigned long addr)
{
	return (addr >> 4) + (addr & 15) * 0x9e3779b1U;
}

/*
 * Returns the site of @shadow at @addr, or NULL. Called with the shadow's lock held or preemption
 * off. Any context; calls nothing that may be probed.
 */
static __always_inline struct shk_site *shk_site_at(const struct shk_shadow *shadow,
						    unsigned long addr)
{
	const struct shk_site_table *table = READ_ONCE(shadow->sites);
	struct shk_site *site;
	unsigned int i;

	if (!table)
		return NULL;
	for (i = shk_site_hash(addr);; i++) {
		site = READ_ONCE(table->at[i & table->mask]);
		if (!site || site->edit.addr == addr)
			return site;
	}
}

/*
 * Adds @site to the hash table of its shadow, in which hits find sites by address. May replace the
 * table by a larger one; sleeps. The caller has set @site->edit.addr, at which the shadow has no
 * other site, and holds the shadow's lock. Returns 0 or -ENOMEM.
 */
int shk_site_table_add(struct shk_site *site);

/*
 * Removes @site from the hash table of its shadow, so that hits no longer find it. Frees the table
 * after a grace period if it was the last site. Hits that have found @site before may still use it.
 * Cannot fail. The shadow's lock is held.
 */
void shk_site_table_remove(struct shk_site *site);

#endif /* SHK_SITE_TABLE_H */
