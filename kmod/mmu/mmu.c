// SPDX-License-Identifier: GPL-2.0-only
/*
 * The choice of the backend, and which ranges of the base are not global since texts diverge there.
 */
#include <linux/cpuhotplug.h>
#include <linux/slab.h>
#include <asm/tlbflush.h>
#include <xen/xen.h>

#include "mmu/modules.h"
#include "mmu/small_pages.h"
#include "mmu/tables.h"
#include "mmu/write.h"

const struct shk_mmu *shk_mmu __ro_after_init;

/*
 * For each range the number of texts that diverge there. Written under text_mutex and
 * shk_tables_lock, read with either.
 */
static unsigned int *diverged;

static enum cpuhp_state online_state; /* mmu_flush_online_cpu()'s */

pgd_t *shk_base_pgd(void)
{
	return pgd_offset_pgd(shk_symbols.init_mm->pgd, shk_symbols.text);
}

pud_t *shk_base_pud(unsigned long addr)
{
	return pud_offset(p4d_offset(shk_base_pgd(), addr), addr);
}

pmd_t *shk_base_pmd(unsigned long addr)
{
	return pmd_offset(shk_base_pud(addr), addr);
}

unsigned int shk_nr_ranges(void)
{
	return DIV_ROUND_UP(shk_symbols.etext - shk_symbols.text, PMD_SIZE);
}

/*
 * Flushes the TLB of a CPU that comes up, before it runs a process: callback of the CPU hotplug
 * state. Its TLB may have global entries of a range that has lost its global bit while the CPU came
 * up, since no IPI reached the CPU then. Called on that CPU. Returns 0.
 */
static int mmu_flush_online_cpu(unsigned int cpu)
{
	preempt_disable();
	shk_call(__flush_tlb_all)();
	preempt_enable();
	return 0;
}

void shk_range_get(unsigned int range)
{
	bool first;

	lockdep_assert_held(shk_symbols.text_mutex);
	spin_lock_irq(&shk_tables_lock);
	first = !diverged[range]++ && shk_mmu->base_set_global;
	if (first)
		shk_mmu->base_set_global(range, false);
	spin_unlock_irq(&shk_tables_lock);
	if (first)
		shk_mmu->flush_all();
}

void shk_range_put(unsigned int range)
{
	lockdep_assert_held(shk_symbols.text_mutex);
	if (WARN_ON_ONCE(!diverged[range]))
		return;
	spin_lock_irq(&shk_tables_lock);
	/* No flush: entries in TLBs that are not global map the same page. */
	if (!--diverged[range] && shk_mmu->base_set_global)
		shk_mmu->base_set_global(range, true);
	spin_unlock_irq(&shk_tables_lock);
}

void shk_range_follow(unsigned long addr)
{
	unsigned int range = shk_range_of(addr);

	lockdep_assert_held(&shk_tables_lock);
	if (addr >= shk_symbols.text && range < shk_nr_ranges() && diverged[range] &&
	    shk_mmu->base_set_global)
		shk_mmu->base_set_global(range, false);
}

void shk_page_clear_global(unsigned long addr)
{
	lockdep_assert_held(shk_symbols.text_mutex);
	if (!shk_mmu->base_page_set_global)
		return;
	shk_mmu->base_page_set_global(addr, false);
	shk_mmu->flush_all();
}

void shk_page_set_global(unsigned long addr)
{
	lockdep_assert_held(shk_symbols.text_mutex);
	if (!shk_mmu->base_page_set_global)
		return;
	shk_mmu->base_page_set_global(addr, true);
	/*
	 * Entries in TLBs that are not global have to go. flush_tlb_kernel_range() reaches those of
	 * the current PCID only, and the address will have another page when the module is gone.
	 */
	shk_mmu->flush_all();
}

int __init shk_mmu_init(void)
{
	int ret = 0;

	shk_mmu = IS_ENABLED(CONFIG_XEN_PV) && xen_pv_domain() ? &shk_mmu_xenpv : &shk_mmu_native;
	/* There text_poke() may sleep, and shk_write() has no way of its own. */
	if (shk_mmu == &shk_mmu_xenpv && !shk_modules_possible()) {
		pr_err("Xen PV is not supported on a kernel that maps modules by pages of 2 MB (CONFIG_ARCH_HAS_EXECMEM_ROX)\n");
		return -EOPNOTSUPP;
	}
	if (shk_mmu->init)
		ret = shk_mmu->init();
	if (ret)
		return ret;
	shk_small_pages_init();

	ret = shk_write_init();
	if (ret)
		return ret;
	diverged = kcalloc(shk_nr_ranges(), sizeof(*diverged), GFP_KERNEL);
	if (!diverged) {
		ret = -ENOMEM;
		goto write;
	}
	ret = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "shadowk:online", mmu_flush_online_cpu,
					NULL);
	if (ret < 0)
		goto diverged;
	online_state = ret;
	return 0;
diverged:
	kfree(diverged);
write:
	shk_write_exit();
	return ret;
}

void shk_mmu_exit(void)
{
	cpuhp_remove_state_nocalls(online_state);
	kfree(diverged);
	shk_write_exit();
	shk_tables_exit();
}
