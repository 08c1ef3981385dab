// SPDX-License-Identifier: GPL-2.0-only
/*
 * Native x86-64 page tables, four and five levels, with and without PTI.
 *
 * The kernel's entries are copied with all their flags, so that encryption
 * bits, NX and RW are what they were. Only _PAGE_GLOBAL is ours to change.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/special_insns.h>

#include "mmu/native.h"

static pgd_t *base_pgd(void)
{
	return pgd_offset_pgd(shk_symbols.init_mm->pgd, shk_symbols.text);
}

static p4d_t *base_p4d(void)
{
	return p4d_offset(base_pgd(), shk_symbols.text);
}

static pud_t *base_pud(unsigned long addr)
{
	return pud_offset(base_p4d(), addr);
}

pmd_t *shk_native_base_pmd(unsigned long addr)
{
	return pmd_offset(base_pud(addr), addr);
}

static pmd_t *base_pmd(unsigned int range)
{
	return shk_native_base_pmd(shk_range_start(range));
}

/* The entry of PTI's user half that maps @range, NULL if there is none. */
static pmd_t *user_pmd(unsigned int range)
{
	unsigned long addr = shk_range_start(range);
	pgd_t *pgd;
	p4d_t *p4d;
	pud_t *pud;

	if (!cpu_feature_enabled(X86_FEATURE_PTI))
		return NULL;
	pgd = kernel_to_user_pgdp(base_pgd());
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

static struct page *table_alloc(const void *copy)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);

	if (page)
		memcpy(page_address(page), copy, PAGE_SIZE);
	return page;
}

static void *entry_page(unsigned long entry)
{
	return __va(entry & PTE_PFN_MASK);
}

unsigned long shk_native_redirect(unsigned long entry, struct page *page)
{
	return (entry & ~PTE_PFN_MASK) | __sme_clr(page_to_phys(page));
}

void shk_native_set_pud(struct shk_tables *tables, unsigned long addr, struct page *page)
{
	pud_t *pud = (pud_t *)page_address(tables->pud) + pud_index(addr);
	unsigned long entry = pud_val(*base_pud(addr));

	set_pud(pud, __pud(page ? shk_native_redirect(entry, page) : entry));
}

static void native_destroy(struct shk_tables *tables)
{
	struct page *top = tables->p4d ?: tables->pud;

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

static int native_create(struct shk_tables *tables)
{
	unsigned int range;
	pmd_t *pmd;
	struct page *top;

	tables->pte = kcalloc(shk_nr_ranges(), sizeof(*tables->pte), GFP_KERNEL_ACCOUNT);
	tables->pud = table_alloc(entry_page(p4d_val(*base_p4d())));
	tables->pmd = table_alloc(entry_page(pud_val(*base_pud(shk_symbols.text))));
	if (pgtable_l5_enabled())
		tables->p4d = table_alloc(entry_page(pgd_val(*base_pgd())));
	if (!tables->pte || !tables->pud || !tables->pmd ||
	    (pgtable_l5_enabled() && !tables->p4d)) {
		native_destroy(tables);
		return -ENOMEM;
	}

	/*
	 * No text is global in a shadow: an entry that a process of this
	 * shadow leaves behind must not hide the private page that another
	 * shadow has there.
	 */
	pmd = page_address(tables->pmd);
	for (range = 0; range < shk_nr_ranges(); range++) {
		pmd_t *entry = pmd + pmd_index(shk_range_start(range));

		if (pmd_leaf(*entry))
			*entry = pmd_clear_flags(*entry, _PAGE_GLOBAL | SHK_SAVED_GLOBAL);
	}

	shk_native_set_pud(tables, shk_symbols.text, tables->pmd);

	top = tables->pud;
	if (tables->p4d) {
		p4d_t *p4d = page_address(tables->p4d);

		p4d[p4d_index(shk_symbols.text)] =
			__p4d(shk_native_redirect(p4d_val(*base_p4d()), tables->pud));
		top = tables->p4d;
	}
	/* With four levels the kernel's P4D entry is its PGD entry. */
	tables->entry = __pgd(shk_native_redirect(pgd_val(*base_pgd()), top));
	set_page_private(top, (unsigned long)tables);
	return 0;
}

/* What the base maps at @addr, as a 4 KB entry without the global bit. */
static pte_t base_pte(unsigned long addr)
{
	pmd_t pmd = READ_ONCE(*base_pmd(shk_range_of(addr)));
	unsigned long index = pte_index(addr);
	pte_t pte;

	if (pmd_leaf(pmd))
		pte = pfn_pte(pmd_pfn(pmd) + index, pgprot_large_2_4k(pmd_pgprot(pmd)));
	else
		pte = READ_ONCE(((pte_t *)pmd_page_vaddr(pmd))[index]);
	return pte_clear_flags(pte, _PAGE_GLOBAL | SHK_SAVED_GLOBAL);
}

static pmd_t *private_pmd(struct shk_tables *tables, unsigned int range)
{
	return (pmd_t *)page_address(tables->pmd) + pmd_index(shk_range_start(range));
}

static int native_prepare(struct shk_tables *tables, unsigned long addr)
{
	return shk_in_module_area(addr) ? shk_modules_create(tables) : 0;
}

static bool in_modules(unsigned int range)
{
	return shk_in_module_area(shk_range_start(range));
}

static struct page *native_pte(const struct shk_tables *tables, unsigned int range)
{
	if (in_modules(range))
		return shk_modules_pte(tables, shk_range_start(range));
	return tables->pte[range];
}

static void native_split(struct shk_tables *tables, unsigned int range, struct page *page)
{
	pte_t *pte = page_address(page);
	unsigned int i;

	if (in_modules(range)) {
		shk_modules_split(tables, shk_range_start(range), page);
		return;
	}
	for (i = 0; i < PTRS_PER_PTE; i++)
		pte[i] = base_pte(shk_range_start(range) + i * PAGE_SIZE);
	tables->pte[range] = page;
	smp_wmb(); /* other CPUs' walkers see a filled table, as in __pte_alloc_kernel() */
	set_pmd(private_pmd(tables, range), __pmd(_KERNPG_TABLE | page_to_phys(page)));
}

static struct page *native_merge(struct shk_tables *tables, unsigned int range)
{
	struct page *page;
	pmd_t pmd;

	if (in_modules(range))
		return shk_modules_merge(tables, shk_range_start(range));
	page = tables->pte[range];
	pmd = READ_ONCE(*base_pmd(range));
	if (pmd_leaf(pmd))
		pmd = pmd_clear_flags(pmd, _PAGE_GLOBAL | SHK_SAVED_GLOBAL);
	set_pmd(private_pmd(tables, range), pmd);
	tables->pte[range] = NULL;
	return page;
}

static void native_map(struct shk_tables *tables, unsigned long addr, struct page *page)
{
	pte_t *table;
	pte_t pte;

	if (shk_in_module_area(addr)) {
		shk_modules_map(tables, addr, page);
		return;
	}
	table = page_address(tables->pte[shk_range_of(addr)]);
	pte = base_pte(addr);
	if (page)
		pte = pfn_pte(page_to_pfn(page), pte_pgprot(pte));
	set_pte(table + pte_index(addr), pte);
}

static void native_graft(struct mm_struct *mm, const struct shk_tables *tables)
{
	pgd_t *pgd = pgd_offset_pgd(mm->pgd, shk_symbols.text);

	/*
	 * Not set_pgd(): with PTI that might look at the user half, which the
	 * kernel's entries have no part in.
	 */
	WRITE_ONCE(*pgd, tables ? tables->entry : *base_pgd());
}

static struct shk_tables *native_current_tables(void)
{
	pgd_t *pgd = __va(__native_read_cr3() & CR3_ADDR_MASK);
	pgd_t entry = READ_ONCE(*pgd_offset_pgd(pgd, shk_symbols.text));

	if (pgd_val(entry) == pgd_val(*base_pgd()))
		return NULL;
	return (struct shk_tables *)page_private(
		pfn_to_page(PHYS_PFN(pgd_val(entry) & PTE_PFN_MASK)));
}

unsigned long shk_native_set_global(unsigned long entry, bool global)
{
	if (global)
		return entry & SHK_SAVED_GLOBAL ? (entry & ~SHK_SAVED_GLOBAL) | _PAGE_GLOBAL
						: entry;
	return entry & _PAGE_GLOBAL ? (entry & ~_PAGE_GLOBAL) | SHK_SAVED_GLOBAL : entry;
}

static void pmd_set_global(pmd_t *pmd, bool global)
{
	set_pmd(pmd, __pmd(shk_native_set_global(pmd_val(*pmd), global)));
}

static void native_base_set_global(unsigned int range, bool global)
{
	pmd_t *pmd = base_pmd(range), *user = user_pmd(range);
	unsigned int i;

	if (pmd_leaf(*pmd)) {
		pmd_set_global(pmd, global);
	} else {
		pte_t *pte = (pte_t *)pmd_page_vaddr(*pmd);

		for (i = 0; i < PTRS_PER_PTE; i++)
			set_pte(pte + i, __pte(shk_native_set_global(pte_val(pte[i]), global)));
	}
	/* PTI's clone of a large entry; of a table it shares the table. */
	if (user && pmd_leaf(*user))
		pmd_set_global(user, global);
}

const struct shk_mmu shk_mmu_native = {
	.name = "native",
	.create = native_create,
	.destroy = native_destroy,
	.prepare = native_prepare,
	.pte = native_pte,
	.split = native_split,
	.merge = native_merge,
	.map = native_map,
	.graft = native_graft,
	.current_tables = native_current_tables,
	.base_set_global = native_base_set_global,
	.base_page_set_global = shk_modules_set_global,
	.refresh = shk_modules_refresh,
	.fault = shk_modules_fault,
};
