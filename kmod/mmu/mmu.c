// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/tlbflush.h>
#include <xen/xen.h>

#include "mmu/mmu.h"

const struct shk_mmu *shk_mmu __ro_after_init;

/* Shadows that diverge in each range. Under text_mutex. */
static unsigned int *diverged;

unsigned int shk_nr_ranges(void)
{
	return DIV_ROUND_UP(shk_symbols.etext - shk_symbols.text, PMD_SIZE);
}

static void flush_cpu(void *unused)
{
	__flush_tlb_all();
}

/*
 * flush_tlb_kernel_range() would not do: it reaches global entries and those
 * of the current PCID, since elsewhere the kernel's mappings are global
 * whenever PCIDs are in use (flush_tlb_one_kernel()). Diverged ranges are not.
 */
void shk_flush_all(void)
{
	on_each_cpu(flush_cpu, NULL, 1);
}

void shk_range_get(unsigned int range)
{
	lockdep_assert_held(shk_symbols.text_mutex);
	if (diverged[range]++)
		return;
	shk_mmu->base_set_global(range, false);
	shk_flush_all();
}

void shk_range_put(unsigned int range)
{
	lockdep_assert_held(shk_symbols.text_mutex);
	if (WARN_ON_ONCE(!diverged[range]) || --diverged[range])
		return;
	/* Non-global entries that linger say the same: no flush. */
	shk_mmu->base_set_global(range, true);
}

void shk_page_get(unsigned long addr)
{
	lockdep_assert_held(shk_symbols.text_mutex);
	shk_mmu->base_page_set_global(addr, false);
	shk_flush_all();
}

void shk_page_put(unsigned long addr)
{
	lockdep_assert_held(shk_symbols.text_mutex);
	shk_mmu->base_page_set_global(addr, true);
	/*
	 * Here entries that linger must go: flush_tlb_kernel_range() will not
	 * reach them when the module is gone and the address has another page.
	 */
	shk_flush_all();
}

int __init shk_mmu_init(void)
{
	if (xen_pv_domain()) {
		pr_err("Xen PV is not supported yet\n");
		return -EOPNOTSUPP;
	}
	shk_mmu = &shk_mmu_native;

	diverged = kcalloc(shk_nr_ranges(), sizeof(*diverged), GFP_KERNEL);
	return diverged ? 0 : -ENOMEM;
}

void shk_mmu_exit(void)
{
	kfree(diverged);
}
