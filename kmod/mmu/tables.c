// SPDX-License-Identifier: GPL-2.0-only
/*
 * A shadow's tables are copies of the base's in two places, and the kernel changes the base's in
 * both.
 *
 *   modules    The kernel maps, unmaps, and changes permissions, see modules.c.
 *   the image  cpa_process_alias() gives the kernel image's mapping the permissions that another
 *              mapping of the page gets. Memory of the image is freed after boot (init text and
 *              data, gaps between sections), so any page that becomes read-only may be mapped
 *              there, too. Large pages are split.
 *
 * Each such change ends in a flush, which comes after the change. So an ftrace hook is on all
 * functions that flush the kernel's mappings, while there are tables of shadows. It changes the
 * shadows' entries before the function flushes, so the flush serves them, too.
 *
 *   flush_tlb_kernel_range()  after unmapping
 *   cpa_flush()               after set_memory_*(), set_pages_*(). If the compiler has inlined it,
 *                             the hook is on __cpa_flush_tlb(), which it calls on each CPU.
 *   __cpa_flush_all()         after such a call that has failed half way
 *   flush_tlb_all()           after a large page was split, which still has its old permissions
 */
#include <linux/list.h>
#include <linux/pgtable.h>
#include <linux/spinlock.h>

#include "compat/ftrace_hook.h"
#include "mmu/modules.h"
#include "mmu/small_pages.h"
#include "mmu/tables.h"

DEFINE_SPINLOCK(shk_tables_lock);
LIST_HEAD(shk_all_tables);

/* Bits of an entry that say nothing about the page that is mapped or its permissions. */
#define IGNORED (_PAGE_GLOBAL | SHK_SAVED_GLOBAL | _PAGE_ACCESSED | _PAGE_DIRTY)

/*
 * The base's entries, without IGNORED bits, at the time when the shadows' tables last followed
 * them. These are the entries of the PMD page that maps the image, and of the last range's PTE
 * page, whose end is not text. Under shk_tables_lock.
 */
static u64 seen_pmd[PTRS_PER_PMD], seen_pte[PTRS_PER_PTE];

/*
 * Stores @now in *@seen. Returns true if *@seen was another value before. shk_tables_lock is held.
 */
static bool tables_entry_changed(u64 *seen, u64 now)
{
	now &= ~(u64)IGNORED;
	if (*seen == now)
		return false;
	*seen = now;
	return true;
}

/*
 * Returns true if the base's page-table entries behind the end of text have changed since the last
 * call. @pmd is the base's PMD entry of the last range. Returns false if it points to no PTE page.
 * shk_tables_lock is held.
 */
static bool tables_pte_end_changed(pmd_t *pmd)
{
	unsigned int i = pte_index(PAGE_ALIGN(shk_symbols.etext));
	bool changed = false;
	pte_t *pte;

	/* If @i is 0, text ends with the range. */
	if (!i || !pmd_present(*pmd) || pmd_leaf(*pmd))
		return false;
	for (pte = (pte_t *)pmd_page_vaddr(*pmd); i < PTRS_PER_PTE; i++)
		changed |= tables_entry_changed(&seen_pte[i], READ_ONCE(*(u64 *)(pte + i)));
	return changed;
}

/*
 * Copies changes of the base's mapping of the kernel image to the tables of all shadows. Called at
 * each flush, so it costs a few instructions for an entry that has not changed. shk_tables_lock is
 * held.
 */
static void tables_follow_image(void)
{
	unsigned long addr = shk_symbols.text & PUD_MASK;
	struct shk_tables *tables;
	unsigned int i, last;
	bool changed;
	pmd_t *pmd;

	if (!shk_mmu->follow)
		return;
	pmd = shk_base_pmd(addr);
	last = pmd_index(shk_range_start(shk_nr_ranges() - 1));
	for (i = 0; i < PTRS_PER_PMD; i++, addr += PMD_SIZE) {
		changed = tables_entry_changed(&seen_pmd[i], READ_ONCE(*(u64 *)(pmd + i)));
		if (i == last)
			changed |= tables_pte_end_changed(pmd + i);
		if (!changed)
			continue;
		/* If the kernel has split a large page, the small ones may be global again. */
		shk_range_follow(addr);
		list_for_each_entry (tables, &shk_all_tables, node)
			shk_mmu->follow(tables, addr);
	}
}

/*
 * Copies changes of the base's page-table entries to the tables of all shadows, when the kernel is
 * about to flush its mappings. Called by ftrace, at the entry of the functions of enum shk_flush.
 * Any context but NMI.
 */
static void notrace tables_on_flush(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);
	unsigned long flags;

	/* flush_tlb_kernel_range(start, end) */
	if (ip == shk_symbols.flush_sites[SHK_FLUSH_KERNEL_RANGE]) {
		shk_modules_refresh(regs->di, regs->si);
		return;
	}
	shk_modules_refresh(MODULES_VADDR, MODULES_END);
	spin_lock_irqsave(&shk_tables_lock, flags);
	tables_follow_image();
	spin_unlock_irqrestore(&shk_tables_lock, flags);
}

/* Registered while there are tables of shadows. */
static SHK_FTRACE_HOOK(flush_hook, shk_symbols.flush_sites, SHK_NR_FLUSHES, 0, tables_on_flush);

void shk_tables_follow(struct shk_tables *tables)
{
	unsigned long addr = shk_symbols.text & PUD_MASK;
	unsigned int i;

	spin_lock_irq(&shk_tables_lock);
	list_add(&tables->node, &shk_all_tables);
	/* The base's entries may have changed since they were copied. */
	for (i = 0; i < PTRS_PER_PMD && shk_mmu->follow; i++)
		shk_mmu->follow(tables, addr + i * PMD_SIZE);
	spin_unlock_irq(&shk_tables_lock);
}

void shk_tables_unfollow(struct shk_tables *tables)
{
	spin_lock_irq(&shk_tables_lock);
	list_del(&tables->node);
	spin_unlock_irq(&shk_tables_lock);
}

int shk_tables_create(struct shk_tables *tables)
{
	int ret;

	ret = shk_ftrace_hook_get(&flush_hook);
	if (ret)
		return ret;
	ret = shk_small_pages_get();
	if (ret)
		goto put;
	ret = shk_mmu->create(tables);
	if (ret)
		goto put_small;
	shk_tables_follow(tables);
	return 0;
put_small:
	shk_small_pages_put();
put:
	shk_ftrace_hook_put(&flush_hook);
	return ret;
}

void shk_tables_destroy(struct shk_tables *tables)
{
	shk_tables_unfollow(tables);
	shk_mmu->destroy(tables);
	shk_small_pages_put();
	shk_ftrace_hook_put(&flush_hook);
}

void shk_tables_exit(void)
{
	shk_ftrace_hook_free(&flush_hook);
}
