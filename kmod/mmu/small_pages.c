// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables that have the base's frames in pages of 4 KB, on machines with itlb_multihit; see
 * small_pages.h.
 */
#include <linux/mutex.h>
#include <asm/cpufeature.h>

#include "mmu/small_pages.h"
#include "mmu/tables.h"

static bool small __ro_after_init; /* this machine has itlb_multihit */

/* Protects nr_users, and the making and freeing of the tables. shk_tables_lock is taken inside. */
static DEFINE_MUTEX(small_pages_lock);
static unsigned int nr_users; /* shadows that have tables */
/* Tables that differ from the base's in the size of pages only. Fixed while there are users. */
static struct shk_tables base;

bool shk_small_pages_needed(void)
{
	return small;
}

void __init shk_small_pages_init(void)
{
	small = shk_mmu == &shk_mmu_native && boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT);
}

/*
 * Creates the tables that map the base by pages of 4 KB. From then on changes of the base's tables
 * are copied to them (shk_tables_follow()). small_pages_lock is held. Sleeps. Returns 0 or -ENOMEM.
 */
static int small_pages_create(void)
{
	int ret = shk_mmu->create(&base);

	if (ret)
		return ret;
	/* A CPU that runs on these tables executes the base: current_tables() returns NULL. */
	set_page_private(base.p4d ?: base.pud, 0);
	shk_tables_follow(&base);
	return 0;
}

static void small_pages_destroy(void)
{
	shk_tables_unfollow(&base);
	shk_mmu->destroy(&base);
}

int shk_small_pages_get(void)
{
	int ret = 0;

	if (!small)
		return 0;
	mutex_lock(&small_pages_lock);
	if (!nr_users)
		ret = small_pages_create();
	if (!ret)
		nr_users++;
	mutex_unlock(&small_pages_lock);
	return ret;
}

void shk_small_pages_put(void)
{
	if (!small)
		return;
	mutex_lock(&small_pages_lock);
	if (!--nr_users)
		small_pages_destroy();
	mutex_unlock(&small_pages_lock);
}

pgd_t shk_small_pages_entry(bool wanted)
{
	return small && wanted ? base.entry : *shk_base_pgd();
}

bool shk_small_pages_resize(struct mm_struct *mm, bool wanted)
{
	pgd_t *pgd = pgd_offset_pgd(mm->pgd, shk_symbols.text),
	      entry = shk_small_pages_entry(wanted);

	if (!small || pgd_val(*pgd) == pgd_val(entry))
		return false;
	WRITE_ONCE(*pgd, entry);
	return true;
}
