// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text of modules is where the kernel maps and unmaps all the time: modules, BPF programs,
 * trampolines, slots of kprobes. A shadow that edits such text has its own PMD page for that area,
 * and a PTE page for each 2 MB range of edited text. All entries in these except those of private
 * pages follow the base's, as a TLB does.
 *
 *   filled   When a range is split, when text gets a branch to a place in the area (text/sync.c),
 *            and when a CPU that executes the shadow faults there.
 *   emptied  By the hook on flush_tlb_kernel_range(), which the kernel calls after it has unmapped
 *            a page and before it uses the address again. Memory of modules has
 *            VM_FLUSH_RESET_PERMS, so that happens before its pages are freed, too. Xen needs that:
 *            it refuses to have a table in a page that an entry still maps writable.
 *   copied   When the base's permissions have changed, before the kernel flushes (tables.c). So no
 *            entry here is writable or executable for longer than the base's. Text that is loaded
 *            becomes executable last, so it is here before it is executed. A fault there would be
 *            too late: it might be in the fault handler's tracepoint, or between an exit of KVM's
 *            guest and the reading of its CR2.
 *
 * Filling can race with unmapping. The filling CPU writes the entry here and then reads the base's
 * once more; the unmapping CPU writes the base's entry and then empties the one here. So one of the
 * two sees what the other has written.
 *
 * The page of an edit is never unmapped, since the edit holds its module. The base's PTE pages are
 * never freed, so a PMD entry that was copied stays right.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <asm/trap_pf.h>

#include "mmu/modules.h"
#include "mmu/tables.h"

/*
 * Software bit of an entry: it maps a private page, so it is neither filled nor emptied. Hardware
 * ignores it.
 */
#define PRIVATE _PAGE_SOFTW2

/* Tables for the gigabyte that has text of modules. */
struct shk_module_tables {
	struct page *pmd; /* linked while a range is split */
	/*
	 * A page of pointers: the PTE page for each entry of @pmd; NULL: the entry is the base's.
	 * Written under text_mutex and shk_tables_lock, read with either, and by faults without.
	 */
	struct page **pte;
	unsigned int nr; /* ranges that are split. Under text_mutex */
};

/* The number of such tables. If it is 0, shk_modules_refresh() takes no lock. */
static atomic_t nr_followers;

static pmd_t *modules_private_pmd(struct shk_module_tables *modules, unsigned long addr)
{
	return (pmd_t *)page_address(modules->pmd) + pmd_index(addr);
}

static pte_t *modules_base_pte(unsigned long addr)
{
	return pte_offset_kernel(shk_base_pmd(addr), addr);
}

/*
 * Returns the entry that shadows have for a page of the base: *@base as it is, with machine frames
 * on Xen PV, but without SHK_SAVED_GLOBAL.
 */
static u64 modules_wanted_entry(const pte_t *base)
{
	return READ_ONCE(base->pte) & ~SHK_SAVED_GLOBAL;
}

/*
 * Copies *@from, an entry of the base, to *@to. Does nothing if *@to maps a private page.
 * shk_tables_lock is held, or the caller handles a page fault with interrupts off. If Xen refuses,
 * *@to becomes empty.
 */
static void modules_refresh_entry(pte_t *to, const pte_t *from)
{
	u64 old, new;
	int ret;

	do {
		old = READ_ONCE(to->pte);
		new = modules_wanted_entry(from);
		if (old & PRIVATE)
			return;
		ret = shk_mmu->write(to, old, new);
		if (ret == SHK_E(XEN)) {
			/* An access faults then, and the fault tries again. */
			shk_mmu->write(to, old, 0);
			return;
		}
		/* Pairs with smp_mb() in shk_modules_refresh(): the base is read again after it. */
		smp_mb();
	} while (ret || modules_wanted_entry(from) != new);
}

/*
 * Copies the base's PMD entry for @addr to the shadow's PMD page, unless the shadow has an entry
 * there. shk_tables_lock or text_mutex is held, or the caller handles a page fault with interrupts
 * off. Returns 0; XEN: Xen refused.
 */
static int modules_fill_pmd(struct shk_module_tables *modules, unsigned long addr)
{
	pmd_t *to = modules_private_pmd(modules, addr), *from = shk_base_pmd(addr);
	int ret;

	if (READ_ONCE(to->pmd))
		return 0;
	ret = shk_mmu->write(to, 0, READ_ONCE(from->pmd));
	return ret == -EAGAIN ? 0 : ret; /* another CPU has filled it */
}

/*
 * Copies the base's page-table entries for [@from, @to), a part of the modules' area, to the tables
 * @modules of a shadow. Entries of private pages stay as they are. shk_tables_lock is held.
 */
static void modules_refresh_pages(struct shk_module_tables *modules, unsigned long from,
				  unsigned long to)
{
	for (from &= PAGE_MASK; from < to; from += PAGE_SIZE) {
		struct page *page = modules->pte[pmd_index(from)];

		if (page) {
			modules_refresh_entry((pte_t *)page_address(page) + pte_index(from),
					      modules_base_pte(from));
			continue;
		}
		if (modules->nr)
			modules_fill_pmd(modules, from);
		from = (from & PMD_MASK) + PMD_SIZE - PAGE_SIZE;
	}
}

void shk_modules_refresh(unsigned long from, unsigned long to)
{
	struct shk_tables *tables;
	unsigned long flags;

	from = max_t(unsigned long, from, MODULES_VADDR);
	to = min_t(unsigned long, to, MODULES_END);
	if (from >= to)
		return;
	/*
	 * The caller has written the base's entries before. Pairs with smp_mb() in
	 * modules_refresh_entry(), and with smp_mb__after_atomic() in shk_modules_create(): tables
	 * that are not counted yet copy the base's entries after they are counted.
	 */
	smp_mb();
	if (!atomic_read(&nr_followers))
		return;
	spin_lock_irqsave(&shk_tables_lock, flags);
	list_for_each_entry (tables, &shk_all_tables, node)
		if (tables->modules)
			modules_refresh_pages(tables->modules, from, to);
	spin_unlock_irqrestore(&shk_tables_lock, flags);
}

int shk_modules_create(struct shk_tables *tables)
{
	struct shk_module_tables *modules;

	if (tables->modules)
		return 0;
	modules = kzalloc(sizeof(*modules), GFP_KERNEL_ACCOUNT);
	if (!modules)
		return -ENOMEM;
	modules->pmd = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	modules->pte = (struct page **)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!modules->pmd || !modules->pte)
		goto free;
	atomic_inc(&nr_followers);
	/* Pairs with smp_mb() in shk_modules_refresh(): entries are copied after this. */
	smp_mb__after_atomic();
	/* Pairs with READ_ONCE() in shk_modules_fault(), which takes no lock. */
	spin_lock_irq(&shk_tables_lock);
	smp_store_release(&tables->modules, modules);
	spin_unlock_irq(&shk_tables_lock);
	return 0;
free:
	if (modules->pmd)
		__free_page(modules->pmd);
	free_page((unsigned long)modules->pte);
	kfree(modules);
	return -ENOMEM;
}

void shk_modules_destroy(struct shk_tables *tables)
{
	struct shk_module_tables *modules = tables->modules;

	if (!modules)
		return;
	WARN_ON_ONCE(modules->nr);
	shk_mmu->free_table(modules->pmd);
	free_page((unsigned long)modules->pte);
	kfree(modules);
	tables->modules = NULL;
	atomic_dec(&nr_followers);
}

/*
 * Makes @page the PTE page of the range of @addr, and fills it with the base's entries, which it
 * follows from then on. If @page is NULL, the range has none from then on. The caller then links
 * @page, or has unlinked the old page. text_mutex is held.
 */
static void modules_set_range(struct shk_module_tables *modules, unsigned long addr,
			      struct page *page)
{
	pte_t *to, *from = modules_base_pte(addr & PMD_MASK);
	unsigned int i;

	spin_lock_irq(&shk_tables_lock);
	WRITE_ONCE(modules->pte[pmd_index(addr)], page);
	if (page)
		for (i = 0, to = page_address(page); i < PTRS_PER_PTE; i++)
			to[i].pte = modules_wanted_entry(from + i);
	spin_unlock_irq(&shk_tables_lock);
}

/*
 * Links @page as the PMD page for the gigabyte of @addr, or the base's PMD page if @page is NULL.
 * text_mutex is held. Returns 0; XEN: nothing has changed.
 */
static int modules_point_pud(struct shk_tables *tables, unsigned long addr, struct page *page)
{
	pud_t *pud = (pud_t *)page_address(tables->pud) + pud_index(addr);
	u64 base = shk_base_pud(addr)->pud;

	if (page)
		return shk_mmu->link(page, pud, shk_mmu->redirect(base, page));
	return shk_mmu->write(pud, pud->pud, base);
}

/*
 * Fills the private PMD page with the base's entries and links it. It maps all ranges of the area,
 * one of which is the fixmap's. text_mutex is held. Returns 0; XEN: nothing was linked.
 */
static int modules_link_pmd(struct shk_tables *tables, unsigned long addr)
{
	unsigned long each = addr & PUD_MASK;
	unsigned int i;
	int ret;

	for (i = 0; i < PTRS_PER_PMD; i++, each += PMD_SIZE) {
		ret = modules_fill_pmd(tables->modules, each);
		if (ret)
			return ret;
	}
	return modules_point_pud(tables, addr, tables->modules->pmd);
}

int shk_modules_split(struct shk_tables *tables, unsigned long addr, struct page *page)
{
	struct shk_module_tables *modules = tables->modules;
	pmd_t *pmd = modules_private_pmd(modules, addr);
	u64 base = shk_base_pmd(addr)->pmd;
	int ret;

	lockdep_assert_held(shk_symbols.text_mutex);
	modules_set_range(modules, addr, page);
	if (!modules->nr) {
		ret = modules_link_pmd(tables, addr);
		if (ret)
			goto forget;
	}
	/* Comes last: if this step fails, @page is no table, and the caller can free it. */
	ret = shk_mmu->link(page, pmd, shk_mmu->redirect(base, page));
	if (ret)
		goto unlink;
	modules->nr++;
	return 0;
unlink:
	if (!modules->nr)
		WARN_ON_ONCE(modules_point_pud(tables, addr, NULL));
forget:
	modules_set_range(modules, addr, NULL);
	return ret;
}

struct page *shk_modules_merge(struct shk_tables *tables, unsigned long addr)
{
	struct shk_module_tables *modules = tables->modules;
	struct page *page = modules->pte[pmd_index(addr)];
	pmd_t *pmd = modules_private_pmd(modules, addr);

	lockdep_assert_held(shk_symbols.text_mutex);
	if (WARN_ON_ONCE(shk_mmu->write(pmd, pmd->pmd, shk_base_pmd(addr)->pmd)))
		return NULL;
	if (!--modules->nr)
		WARN_ON_ONCE(modules_point_pud(tables, addr, NULL));
	modules_set_range(modules, addr, NULL);
	return page;
}

int shk_modules_map(struct shk_tables *tables, unsigned long addr, struct page *page)
{
	struct page *table = tables->modules->pte[pmd_index(addr)];
	pte_t *to = (pte_t *)page_address(table) + pte_index(addr);
	u64 new = modules_wanted_entry(modules_base_pte(addr));
	int ret;

	if (page)
		new = (shk_mmu->redirect(new, page) & ~_PAGE_GLOBAL) | PRIVATE;
	spin_lock_irq(&shk_tables_lock);
	do
		ret = shk_mmu->write(to, READ_ONCE(to->pte), new);
	while (ret == -EAGAIN);
	spin_unlock_irq(&shk_tables_lock);
	return ret;
}

struct page *shk_modules_pte(const struct shk_tables *tables, unsigned long addr)
{
	return tables->modules ? tables->modules->pte[pmd_index(addr)] : NULL;
}

void shk_modules_set_global(unsigned long addr, bool global)
{
	shk_entry_set_global(modules_base_pte(addr), global);
	/* Other shadows, which map the base's page there, have copied the bit. */
	shk_modules_refresh(addr, addr + 1);
}

/* Returns true if @entry permits the access of a fault with error code @error. */
static bool modules_entry_permits(unsigned long entry, unsigned long error)
{
	return entry & _PAGE_PRESENT && (!(error & X86_PF_WRITE) || entry & _PAGE_RW) &&
	       (!(error & X86_PF_INSTR) || !(entry & _PAGE_NX));
}

/*
 * Copies a missing entry from the base's tables after a page fault. Interrupts are off. So the
 * tables of this CPU's shadow, and the pages at which they point, are not freed meanwhile.
 */
bool shk_modules_fault(struct shk_tables *tables, unsigned long error, unsigned long addr)
{
	struct shk_module_tables *modules = READ_ONCE(tables->modules);
	struct page *page;
	pmd_t *pmd;
	pte_t *pte;

	if (!modules || addr < MODULES_VADDR || addr >= MODULES_END ||
	    error & (X86_PF_USER | X86_PF_RSVD))
		return false;
	modules_fill_pmd(modules, addr);
	pmd = modules_private_pmd(modules, addr);
	if ((READ_ONCE(pmd->pmd) & (_PAGE_PRESENT | _PAGE_PSE)) != _PAGE_PRESENT)
		return false;
	page = READ_ONCE(modules->pte[pmd_index(addr)]);
	if (!page)
		return modules_entry_permits(READ_ONCE(modules_base_pte(addr)->pte), error);
	pte = (pte_t *)page_address(page) + pte_index(addr);
	modules_refresh_entry(pte, modules_base_pte(addr));
	return modules_entry_permits(READ_ONCE(pte->pte), error);
}

bool shk_modules_fault_alone(struct shk_tables *tables, unsigned long error, unsigned long addr)
{
	bool ret;

	/* The NMI may have interrupted the holder of the lock. */
	if (in_nmi())
		return shk_modules_fault(tables, error, addr);
	spin_lock(&shk_tables_lock);
	ret = shk_modules_fault(tables, error, addr);
	spin_unlock(&shk_tables_lock);
	return ret;
}
