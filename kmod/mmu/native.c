// SPDX-License-Identifier: GPL-2.0-only
/*
 * Native x86-64 page tables, four and five levels, with and without PTI.
 *
 * Entries are copied from the base with all their flags, so encryption bits, NX and RW stay what
 * they are. Only _PAGE_GLOBAL changes: no text is global in a shadow, and the base's mapping of a
 * range loses the bit while a text diverges there.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>

#include "mmu/modules.h"
#include "mmu/small_pages.h"
#include "mmu/tables.h"

static p4d_t *native_base_p4d(void)
{
	return p4d_offset(shk_base_pgd(), shk_symbols.text);
}

static pmd_t *native_base_pmd(unsigned int range)
{
	return shk_base_pmd(shk_range_start(range));
}

/* Returns the PMD entry of PTI's user half that maps @range; NULL if there is none. */
static pmd_t *native_user_pmd(unsigned int range)
{
	unsigned long addr = shk_range_start(range);
	pgd_t *pgd;
	p4d_t *p4d;
	pud_t *pud;

	if (!cpu_feature_enabled(X86_FEATURE_PTI))
		return NULL;
	pgd = kernel_to_user_pgdp(shk_base_pgd());
	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return NULL;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud) || pud_leaf(*pud))
		return NULL;
	return pmd_offset(pud, addr);
}

/*
 * Allocates a table with the bytes of the table @copy. Sleeps. Returns NULL if there is no memory.
 */
static struct page *native_table_alloc(const void *copy)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);

	if (page)
		memcpy(page_address(page), copy, PAGE_SIZE);
	return page;
}

/* Returns the table that @entry points at. */
static void *entry_page(unsigned long entry)
{
	return __va(entry & PTE_PFN_MASK);
}

static u64 native_redirect(u64 entry, struct page *page)
{
	return (entry & ~PTE_PFN_MASK) | __sme_clr(page_to_phys(page));
}

static int native_write(void *entry, u64 old, u64 new)
{
	return cmpxchg64((u64 *)entry, old, new) == old ? 0 : -EAGAIN;
}

static int native_link(struct page *table, void *entry, u64 val)
{
	/* Pairs with other CPUs' page walks, as in __pte_alloc_kernel(): the table is filled. */
	smp_wmb();
	WRITE_ONCE(*(u64 *)entry, val);
	return 0;
}

/*
 * Frees shk_tables.small_pte and its PTE pages, as far as they exist. The caller ensures that no
 * CPU walks them.
 */
static void small_destroy(struct shk_tables *tables)
{
	unsigned int range;

	for (range = 0; tables->small_pte && range < shk_nr_ranges(); range++)
		if (tables->small_pte[range])
			__free_page(tables->small_pte[range]);
	kfree(tables->small_pte);
}

/* Frees the parts of @tables that exist, also after native_create() has failed. */
static void native_destroy(struct shk_tables *tables)
{
	struct page *top = tables->p4d ?: tables->pud;

	small_destroy(tables);
	shk_modules_destroy(tables);
	if (top)
		set_page_private(top, 0);
	if (tables->p4d)
		__free_page(tables->p4d);
	if (tables->pud)
		__free_page(tables->pud);
	if (tables->pmd)
		__free_page(tables->pmd);
	kfree(tables->pte);
	*tables = (struct shk_tables){};
}

/* Returns the base's mapping of @addr as an entry for a page of 4 KB, without the global bit. */
static pte_t native_base_pte(unsigned long addr)
{
	pmd_t pmd = READ_ONCE(*native_base_pmd(shk_range_of(addr)));
	unsigned long index = pte_index(addr);
	pte_t pte;

	if (pmd_leaf(pmd))
		pte = pfn_pte(pmd_pfn(pmd) + index, pgprot_large_2_4k(pmd_pgprot(pmd)));
	else
		pte = READ_ONCE(((pte_t *)pmd_page_vaddr(pmd))[index]);
	return pte_clear_flags(pte, _PAGE_GLOBAL | SHK_SAVED_GLOBAL);
}

/* Returns the PMD entry of @tables for @range, a range of the kernel image. */
static pmd_t *native_private_pmd(struct shk_tables *tables, unsigned int range)
{
	return (pmd_t *)page_address(tables->pmd) + pmd_index(shk_range_start(range));
}

/* Links the PTE page @page for @range. The caller has filled the page. */
static void native_link_pte(struct shk_tables *tables, unsigned int range, struct page *page)
{
	native_link(page, native_private_pmd(tables, range), _KERNPG_TABLE | page_to_phys(page));
}

/* Fills the PTE page @page with the base's mapping of @range, without global bits. */
static void native_fill_pte(struct page *page, unsigned int range)
{
	pte_t *pte = page_address(page);
	unsigned int i;

	for (i = 0; i < PTRS_PER_PTE; i++)
		pte[i] = native_base_pte(shk_range_start(range) + i * PAGE_SIZE);
}

/*
 * Makes @tables map text by pages of 4 KB: gives each range that they map by a page of 2 MB a PTE
 * page (shk_tables.small_pte). Called before @tables are in use. Sleeps. Returns 0; -ENOMEM: the
 * caller destroys @tables.
 */
static int small_create(struct shk_tables *tables)
{
	struct page *page;
	unsigned int range;

	tables->small_pte =
		kcalloc(shk_nr_ranges(), sizeof(*tables->small_pte), GFP_KERNEL_ACCOUNT);
	if (!tables->small_pte)
		return -ENOMEM;
	for (range = 0; range < shk_nr_ranges(); range++) {
		if (!pmd_leaf(*native_private_pmd(tables, range)))
			continue;
		page = alloc_page(GFP_KERNEL_ACCOUNT);
		if (!page)
			return -ENOMEM;
		tables->small_pte[range] = page;
		tables->nr_small_pages++;
		native_fill_pte(page, range);
		native_link_pte(tables, range, page);
	}
	return 0;
}

static int native_create(struct shk_tables *tables)
{
	unsigned int range;
	pmd_t *pmd;
	struct page *top;

	tables->pte = kcalloc(shk_nr_ranges(), sizeof(*tables->pte), GFP_KERNEL_ACCOUNT);
	tables->pud = native_table_alloc(entry_page(p4d_val(*native_base_p4d())));
	tables->pmd = native_table_alloc(entry_page(pud_val(*shk_base_pud(shk_symbols.text))));
	if (pgtable_l5_enabled())
		tables->p4d = native_table_alloc(entry_page(pgd_val(*shk_base_pgd())));
	if (!tables->pte || !tables->pud || !tables->pmd ||
	    (pgtable_l5_enabled() && !tables->p4d)) {
		native_destroy(tables);
		return -ENOMEM;
	}

	/*
	 * No text is global in a shadow: an entry that a process of this shadow leaves in a TLB
	 * would hide a private page that another shadow has there.
	 */
	pmd = page_address(tables->pmd);
	for (range = 0; range < shk_nr_ranges(); range++) {
		pmd_t *entry = pmd + pmd_index(shk_range_start(range));

		if (pmd_leaf(*entry))
			*entry = pmd_clear_flags(*entry, _PAGE_GLOBAL | SHK_SAVED_GLOBAL);
	}

	if (shk_small_pages_needed() && small_create(tables)) {
		native_destroy(tables);
		return -ENOMEM;
	}

	((pud_t *)page_address(tables->pud))[pud_index(shk_symbols.text)] =
		__pud(native_redirect(pud_val(*shk_base_pud(shk_symbols.text)), tables->pmd));

	top = tables->pud;
	if (tables->p4d) {
		p4d_t *p4d = page_address(tables->p4d);

		p4d[p4d_index(shk_symbols.text)] =
			__p4d(native_redirect(p4d_val(*native_base_p4d()), tables->pud));
		top = tables->p4d;
	}
	/* With four levels the kernel's P4D entry is its PGD entry. */
	tables->entry = __pgd(native_redirect(pgd_val(*shk_base_pgd()), top));
	set_page_private(top, (unsigned long)tables);
	return 0;
}

/*
 * Returns the PTE page that @tables have for @range: that of a split range, or that in
 * shk_tables.small_pte. Returns NULL if there is none.
 */
static struct page *native_private_pte(const struct shk_tables *tables, unsigned int range)
{
	if (tables->pte[range])
		return tables->pte[range];
	return tables->small_pte ? tables->small_pte[range] : NULL;
}

/*
 * Copies the base's entries to the PTE page @table, for those addresses of [from, to) that are at
 * or above the end of the kernel's text. Entries of text are left alone: the kernel does not change
 * them, since it patches text by text_poke(). shk_tables_lock is held.
 */
static void native_follow_ptes(struct page *table, unsigned long from, unsigned long to)
{
	pte_t *pte = page_address(table);

	for (from = max(from, PAGE_ALIGN(shk_symbols.etext)); from < to; from += PAGE_SIZE)
		set_pte(pte + pte_index(from), native_base_pte(from));
}

static void native_follow(struct shk_tables *tables, unsigned long addr)
{
	pmd_t *to = (pmd_t *)page_address(tables->pmd) + pmd_index(addr);
	bool is_text = addr >= shk_symbols.text && shk_range_of(addr) < shk_nr_ranges();
	struct page *ptes = is_text ? native_private_pte(tables, shk_range_of(addr)) : NULL;
	pmd_t pmd = READ_ONCE(*shk_base_pmd(addr));

	lockdep_assert_held(&shk_tables_lock);
	if (ptes) {
		native_follow_ptes(ptes, addr, addr + PMD_SIZE);
		return;
	}
	if (is_text && pmd_leaf(pmd))
		pmd = pmd_clear_flags(pmd, _PAGE_GLOBAL | SHK_SAVED_GLOBAL);
	if (pmd_val(*to) != pmd_val(pmd))
		set_pmd(to, pmd);
}

static int native_prepare(struct shk_tables *tables, unsigned long addr)
{
	if (!shk_in_module_area(addr))
		return 0;
	return shk_modules_possible() ? shk_modules_create(tables) : SHK_E(NO_MODULE_TEXT);
}

static struct page *native_pte(const struct shk_tables *tables, unsigned int range)
{
	if (shk_range_in_modules(range))
		return shk_modules_pte(tables, shk_range_start(range));
	return tables->pte[range];
}

static int native_split(struct shk_tables *tables, unsigned int range, struct page *page)
{
	if (shk_range_in_modules(range))
		return shk_modules_split(tables, shk_range_start(range), page);
	spin_lock_irq(&shk_tables_lock);
	native_fill_pte(page, range);
	tables->pte[range] = page;
	native_link_pte(tables, range, page);
	spin_unlock_irq(&shk_tables_lock);
	return 0;
}

static struct page *native_merge(struct shk_tables *tables, unsigned int range)
{
	struct page *page;

	if (shk_range_in_modules(range))
		return shk_modules_merge(tables, shk_range_start(range));
	spin_lock_irq(&shk_tables_lock);
	page = tables->pte[range];
	tables->pte[range] = NULL;
	if (native_private_pte(tables, range))
		native_link_pte(tables, range, native_private_pte(tables, range));
	native_follow(tables, shk_range_start(range));
	spin_unlock_irq(&shk_tables_lock);
	return page;
}

static void native_free_table(struct page *page)
{
	__free_page(page);
}

static int native_map(struct shk_tables *tables, unsigned long addr, struct page *page)
{
	pte_t *table;
	pte_t pte;

	if (shk_in_module_area(addr))
		return shk_modules_map(tables, addr, page);
	table = page_address(tables->pte[shk_range_of(addr)]);
	pte = native_base_pte(addr);
	if (page)
		pte = pfn_pte(page_to_pfn(page), pte_pgprot(pte));
	set_pte(table + pte_index(addr), pte);
	return 0;
}

static bool native_base_is_huge(unsigned int range)
{
	return !shk_small_pages_needed() && !shk_range_in_modules(range) &&
	       pmd_leaf(READ_ONCE(*native_base_pmd(range)));
}

static void native_map_huge(struct shk_tables *tables, unsigned int range, bool huge)
{
	pte_t pte = *(pte_t *)page_address(tables->pte[range]); /* the block's first page */

	if (huge)
		set_pmd(native_private_pmd(tables, range),
			pmd_mkhuge(pfn_pmd(pte_pfn(pte), pgprot_4k_2_large(pte_pgprot(pte)))));
	else
		native_link_pte(tables, range, tables->pte[range]);
}

static int native_graft(struct mm_struct *mm, const struct shk_tables *tables)
{
	pgd_t *pgd = pgd_offset_pgd(mm->pgd, shk_symbols.text);

	/* Not set_pgd(), which may look at the user half with PTI: this is no entry of that. */
	WRITE_ONCE(*pgd, tables ? tables->entry : shk_small_pages_entry(true));
	return 0;
}

/*
 * Returns true if @cpu uses @mm lazily: a kernel thread or the idle loop borrows it. Called on any
 * CPU; the state of @cpu may change at the same time.
 */
static bool native_is_lazy(int cpu, void *mm)
{
	if (READ_ONCE(*per_cpu_ptr(shk_symbols.loaded_mm, cpu)) != mm)
		return false;
	/* Pairs with switch_mm_irqs_off(), on x86 implicitly: is_lazy is at least as new. */
	smp_rmb();
	return READ_ONCE(*per_cpu_ptr(shk_symbols.is_lazy, cpu));
}

/*
 * Loads init_mm if this CPU uses @mm lazily: a kernel thread or the idle loop borrows it. Called by
 * an IPI. Interrupts are off.
 */
static void native_leave(void *mm)
{
	if (!current->mm && current->active_mm == mm && *this_cpu_ptr(shk_symbols.loaded_mm) == mm)
		shk_call(switch_mm_irqs_off)(NULL, shk_symbols.init_mm, NULL);
}

/*
 * Returns true if @mm is current's, and no other CPU has it loaded. The caller then need not evict
 * lazy TLB users. Another CPU may load @mm at once, which is harmless: that CPU gets the mm's entry
 * as it is then. A caller that writes the entry later calls flush_mm(), which makes this test
 * again.
 */
static bool native_runs_here_only(struct mm_struct *mm)
{
	bool only;

	preempt_disable();
	only = current->mm == mm &&
	       cpumask_any_but(mm_cpumask(mm), smp_processor_id()) >= nr_cpu_ids;
	preempt_enable();
	return only;
}

/*
 * Returns true if the kernel may flush a process's TLB entries without an IPI: by INVLPGB, or by a
 * hypervisor. Then native_evict() interrupts all CPUs in the mask of the mm, not only those that
 * are marked as lazy users of the mm.
 *
 * Reason: a CPU can have entered enter_lazy_tlb() in the base, where that function has no hook, and
 * not have marked itself as lazy yet. Its interrupts are off. native_evict() would leave out that
 * CPU, which would then stay a lazy user of the mm. A flush by IPI waits until the CPU has marked
 * itself and enables interrupts. A flush without IPI does not wait.
 */
static bool native_flushes_silently(void)
{
#ifdef X86_FEATURE_INVLPGB
	if (cpu_feature_enabled(X86_FEATURE_INVLPGB))
		return true;
#endif
	return boot_cpu_has(X86_FEATURE_HYPERVISOR);
}

/*
 * Makes CPUs that use @mm lazily load init_mm. Sends an IPI of the module's own, since the kernel's
 * flush need not interrupt lazy TLB users: Hyper-V flushes by hypercall, KVM leaves out preempted
 * vCPUs, INVLPGB interrupts no CPU. Interrupts are on; waits for the IPIs.
 */
static void native_evict(struct mm_struct *mm)
{
	if (native_runs_here_only(mm))
		return;
	if (native_flushes_silently())
		on_each_cpu_mask(mm_cpumask(mm), native_leave, mm, true);
	else
		on_each_cpu_cond_mask(native_is_lazy, native_leave, mm, true, mm_cpumask(mm));
}

/*
 * Flushes @mm on the CPUs that run it, and makes CPUs that use it lazily load init_mm. Other CPUs
 * flush when they run @mm next, since the kernel's flush has changed the mm's tlb_gen.
 */
static void native_flush_mm(struct mm_struct *mm)
{
	shk_call(flush_tlb_mm_range)(mm, 0, TLB_FLUSH_ALL, 0, false);
	native_evict(mm);
}

static void native_flush_cpu(void)
{
	shk_call(__flush_tlb_all)();
}

static void native_flush_cpu_fn(void *unused)
{
	native_flush_cpu();
}

/*
 * Flushes all TLB entries of every CPU, by IPIs. Does not use flush_tlb_kernel_range(), which
 * flushes global entries and those of the current PCID only. That is enough for the kernel, whose
 * mappings are global whenever PCIDs are in use (flush_tlb_one_kernel()). Diverged ranges are not
 * global.
 */
static void native_flush_all(void)
{
	on_each_cpu(native_flush_cpu_fn, NULL, 1);
}

static struct shk_tables *native_current_tables(void)
{
	pgd_t *pgd = __va(__native_read_cr3() & CR3_ADDR_MASK);
	pgd_t entry = READ_ONCE(*pgd_offset_pgd(pgd, shk_symbols.text));

	if (pgd_val(entry) == pgd_val(*shk_base_pgd()))
		return NULL;
	return (struct shk_tables *)page_private(
		pfn_to_page(PHYS_PFN(pgd_val(entry) & PTE_PFN_MASK)));
}

/*
 * Returns @entry with its global bit moved to SHK_SAVED_GLOBAL, or moved back from there if
 * @global.
 */
static u64 entry_with_global(u64 entry, bool global)
{
	if (global)
		return entry & SHK_SAVED_GLOBAL ? (entry & ~SHK_SAVED_GLOBAL) | _PAGE_GLOBAL
						: entry;
	return entry & _PAGE_GLOBAL ? (entry & ~_PAGE_GLOBAL) | SHK_SAVED_GLOBAL : entry;
}

/*
 * Sets or clears _PAGE_GLOBAL of an entry. Uses try_cmpxchg64(), since the kernel, or the CPU
 * (accessed, dirty), may write the entry at the same time.
 */
void shk_entry_set_global(void *entry, bool global)
{
	u64 *p = entry, old = READ_ONCE(*p);

	while (!try_cmpxchg64(p, &old, entry_with_global(old, global)))
		;
}

static void native_base_set_global(unsigned int range, bool global)
{
	pmd_t *pmd = native_base_pmd(range), *user = native_user_pmd(range);
	unsigned int i;

	if (pmd_leaf(*pmd)) {
		shk_entry_set_global(pmd, global);
	} else {
		pte_t *pte = (pte_t *)pmd_page_vaddr(*pmd);

		for (i = 0; i < PTRS_PER_PTE; i++)
			shk_entry_set_global(pte + i, global);
	}
	/* PTI has a clone of a large entry; of a PTE page it has none, but shares the page. */
	if (user && pmd_leaf(*user))
		shk_entry_set_global(user, global);
}

const struct shk_mmu shk_mmu_native = {
	.name = "native",
	.carriers = true,
	.create = native_create,
	.destroy = native_destroy,
	.prepare = native_prepare,
	.pte = native_pte,
	.split = native_split,
	.merge = native_merge,
	.free_table = native_free_table,
	.map = native_map,
	.base_is_huge = native_base_is_huge,
	.map_huge = native_map_huge,
	.graft = native_graft,
	.flush_mm = native_flush_mm,
	.evict = native_evict,
	.flush_all = native_flush_all,
	.flush_cpu = native_flush_cpu,
	.current_tables = native_current_tables,
	.base_set_global = native_base_set_global,
	.base_page_set_global = shk_modules_set_global,
	.refresh = shk_modules_refresh,
	.follow = native_follow,
	.fault = shk_modules_fault,
	.redirect = native_redirect,
	.write = native_write,
	.link = native_link,
};
