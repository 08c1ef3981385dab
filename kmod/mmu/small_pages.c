// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mutex.h>
#include <asm/cpufeature.h>

#include "mmu/small_pages.h"
#include "mmu/tables.h"

static bool small __ro_after_init;

static DEFINE_MUTEX(small_pages_lock);
static unsigned int nr_users;
/* Nothing in it differs from the base but the size. */
static struct shk_tables base;

bool shk_small_pages_needed(void)
{
	return small;
}

void __init shk_small_pages_init(void)
{
	small = shk_mmu == &shk_mmu_native && boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT);
}

static int small_pages_create(void)
{
	int ret = shk_mmu->create(&base);

	if (ret)
		return ret;
	/* Who runs on them executes no shadow: current_tables(). */
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
