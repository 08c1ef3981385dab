// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text of modules lies where the kernel maps and unmaps as it goes: modules,
 * BPF programs, trampolines, slots of kprobes. A shadow that edits such text
 * has its own PMD page for that area, and a PTE page for each 2 MB range of
 * edited text. In these all entries but those of private pages must follow the
 * base's. They are kept as a TLB is:
 *
 * filled	when a range is split, when text gets a branch to somewhere in the
 *		area (text/sync.c), and when somebody inside faults there;
 * emptied	where flush_tlb_kernel_range() says, which the kernel calls
 *		between taking a page out and using its address again.
 *
 * A refill that races with an unmapping writes first and looks at the base
 * after; the base is written before its entry here is emptied. One of the two
 * sees the other.
 *
 * The page of an edit is never unmapped: the edit holds its module. The base's
 * PTE pages are never freed, so a PMD entry that is there stays right.
 */
#include <linux/ftrace.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <asm/trap_pf.h>

#include "mmu/native.h"

/* An entry of a private page: not to be filled or emptied. Hardware ignores it. */
#define PRIVATE _PAGE_SOFTW2

struct shk_module_tables {
	struct page *pmd;
	struct page **pte; /* a page of them: one per entry of @pmd, NULL: the base's */
	unsigned int nr;   /* of @pte */
	struct list_head node;
};

/* All of them, and their .pte. Innermost; also taken with interrupts off. */
static DEFINE_SPINLOCK(tables_lock);
static LIST_HEAD(all_tables);

static pmd_t *private_pmd(struct shk_module_tables *modules, unsigned long addr)
{
	return (pmd_t *)page_address(modules->pmd) + pmd_index(addr);
}

static pte_t *base_pte(unsigned long addr)
{
	return pte_offset_kernel(shk_native_base_pmd(addr), addr);
}

static void refresh(pte_t *to, const pte_t *from)
{
	unsigned long old, new;

	do {
		old = READ_ONCE(to->pte);
		new = READ_ONCE(from->pte) & ~SHK_SAVED_GLOBAL;
		if (old & PRIVATE)
			return;
		/* A full barrier: the base is looked at again after that. */
	} while (cmpxchg(&to->pte, old, new) != old ||
		 (READ_ONCE(from->pte) & ~SHK_SAVED_GLOBAL) != new);
}

/* Tables_lock held, or it cannot be split or merged: text_mutex held. */
static void refresh_pages(struct shk_module_tables *modules, unsigned long from, unsigned long to)
{
	for (from &= PAGE_MASK; from < to; from += PAGE_SIZE) {
		struct page *page = modules->pte[pmd_index(from)];

		if (page)
			refresh((pte_t *)page_address(page) + pte_index(from), base_pte(from));
		else
			from = (from & PMD_MASK) + PMD_SIZE - PAGE_SIZE;
	}
}

static void refresh_all(unsigned long from, unsigned long to)
{
	struct shk_module_tables *modules;
	unsigned long flags;

	from = max_t(unsigned long, from, MODULES_VADDR);
	to = min_t(unsigned long, to, MODULES_END);
	if (from >= to)
		return;
	spin_lock_irqsave(&tables_lock, flags);
	list_for_each_entry (modules, &all_tables, node)
		refresh_pages(modules, from, to);
	spin_unlock_irqrestore(&tables_lock, flags);
}

static void notrace on_flush(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			     struct ftrace_regs *fregs)
{
	/* flush_tlb_kernel_range(start, end) */
	struct pt_regs *regs = ftrace_get_regs(fregs);

	refresh_all(regs->di, regs->si);
}

static struct ftrace_ops flush_ops = {
	.func = on_flush,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_RECURSION | FTRACE_OPS_FL_PERMANENT,
};

/* Tables of modules; the hook is there while there are any. */
static DEFINE_MUTEX(flush_lock);
static unsigned int nr_users;

static int flush_hook_get(void)
{
	int ret = 0;

	mutex_lock(&flush_lock);
	if (!nr_users) {
		ret = ftrace_set_filter_ip(&flush_ops, shk_symbols.flush_tlb_kernel_range, 0, 0);
		if (!ret)
			ret = register_ftrace_function(&flush_ops);
	}
	if (!ret)
		nr_users++;
	mutex_unlock(&flush_lock);
	return ret;
}

static void flush_hook_put(void)
{
	mutex_lock(&flush_lock);
	if (!--nr_users)
		WARN_ON_ONCE(unregister_ftrace_function(&flush_ops));
	mutex_unlock(&flush_lock);
}

int shk_modules_create(struct shk_tables *tables)
{
	struct shk_module_tables *modules;
	int ret = -ENOMEM;

	if (tables->modules)
		return 0;
	modules = kzalloc(sizeof(*modules), GFP_KERNEL_ACCOUNT);
	if (!modules)
		return -ENOMEM;
	modules->pmd = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	modules->pte = (struct page **)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!modules->pmd || !modules->pte)
		goto free;
	ret = flush_hook_get();
	if (ret)
		goto free;
	spin_lock_irq(&tables_lock);
	list_add(&modules->node, &all_tables);
	spin_unlock_irq(&tables_lock);
	tables->modules = modules;
	return 0;
free:
	if (modules->pmd)
		__free_page(modules->pmd);
	free_page((unsigned long)modules->pte);
	kfree(modules);
	return ret;
}

void shk_modules_destroy(struct shk_tables *tables)
{
	struct shk_module_tables *modules = tables->modules;

	if (!modules)
		return;
	WARN_ON_ONCE(modules->nr);
	spin_lock_irq(&tables_lock);
	list_del(&modules->node);
	spin_unlock_irq(&tables_lock);
	flush_hook_put();
	__free_page(modules->pmd);
	free_page((unsigned long)modules->pte);
	kfree(modules);
	tables->modules = NULL;
}

static void set_range(struct shk_module_tables *modules, unsigned long addr, struct page *page)
{
	spin_lock_irq(&tables_lock);
	modules->pte[pmd_index(addr)] = page;
	spin_unlock_irq(&tables_lock);
}

/* PMD entries that the base has got since; others are the same for good. */
static void fill_pmd(struct shk_module_tables *modules, unsigned long addr)
{
	pmd_t *to = private_pmd(modules, addr), *from = shk_native_base_pmd(addr);

	if (pmd_none(READ_ONCE(*to)))
		WRITE_ONCE(*to, READ_ONCE(*from));
}

void shk_modules_split(struct shk_tables *tables, unsigned long addr, struct page *page)
{
	struct shk_module_tables *modules = tables->modules;
	unsigned long start = addr & PMD_MASK, each;
	unsigned int i;

	lockdep_assert_held(shk_symbols.text_mutex);
	clear_page(page_address(page));
	/* From here on it is emptied when the base is. */
	set_range(modules, addr, page);
	refresh_pages(modules, start, start + PMD_SIZE);
	smp_wmb(); /* as native_split() */
	set_pmd(private_pmd(modules, addr),
		__pmd(shk_native_redirect(pmd_val(*shk_native_base_pmd(addr)), page)));
	if (modules->nr++)
		return;
	/* The fixmap shares that page. */
	for (i = 0, each = addr & PUD_MASK; i < PTRS_PER_PMD; i++, each += PMD_SIZE)
		fill_pmd(modules, each);
	smp_wmb(); /* likewise */
	shk_native_set_pud(tables, addr, modules->pmd);
}

struct page *shk_modules_merge(struct shk_tables *tables, unsigned long addr)
{
	struct shk_module_tables *modules = tables->modules;
	struct page *page = modules->pte[pmd_index(addr)];

	lockdep_assert_held(shk_symbols.text_mutex);
	if (!--modules->nr)
		shk_native_set_pud(tables, addr, NULL);
	set_pmd(private_pmd(modules, addr), *shk_native_base_pmd(addr));
	set_range(modules, addr, NULL);
	return page;
}

void shk_modules_map(struct shk_tables *tables, unsigned long addr, struct page *page)
{
	pte_t *to = (pte_t *)page_address(tables->modules->pte[pmd_index(addr)]) + pte_index(addr);
	pte_t pte = pte_clear_flags(*base_pte(addr), SHK_SAVED_GLOBAL);

	if (page)
		pte = pte_set_flags(pfn_pte(page_to_pfn(page),
					    __pgprot(pgprot_val(pte_pgprot(pte)) & ~_PAGE_GLOBAL)),
				    PRIVATE);
	set_pte(to, pte);
}

struct page *shk_modules_pte(const struct shk_tables *tables, unsigned long addr)
{
	return tables->modules ? tables->modules->pte[pmd_index(addr)] : NULL;
}

void shk_modules_set_global(unsigned long addr, bool global)
{
	pte_t *pte = base_pte(addr);

	set_pte(pte, __pte(shk_native_set_global(pte_val(*pte), global)));
	/* Nor may another shadow, which has the base's page there, map it global. */
	refresh_all(addr, addr + 1);
}

void shk_modules_refresh(unsigned long from, unsigned long to)
{
	if (READ_ONCE(nr_users))
		refresh_all(from, to);
}

static bool permits(unsigned long entry, unsigned long error)
{
	return entry & _PAGE_PRESENT && (!(error & X86_PF_WRITE) || entry & _PAGE_RW) &&
	       (!(error & X86_PF_INSTR) || !(entry & _PAGE_NX));
}

/*
 * Interrupts are off, so what the tables of this CPU's shadow point at is not
 * freed. Any context, NMI included.
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
	fill_pmd(modules, addr);
	pmd = private_pmd(modules, addr);
	if (!pmd_present(*pmd) || pmd_leaf(*pmd))
		return false;
	pte = pte_offset_kernel(pmd, addr);
	page = READ_ONCE(modules->pte[pmd_index(addr)]);
	if (page)
		refresh(pte, base_pte(addr));
	return permits(pte_val(READ_ONCE(*pte)), error);
}
