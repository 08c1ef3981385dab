// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory is written through a mapping that only one CPU has, for a moment and with interrupts off,
 * as text_poke() does it: in an mm that has nothing else. text_poke() uses an address of the user
 * half, this file one of the hole that the kernel leaves at the beginning of its own half. So
 * neither LASS nor a process's watchpoint concerns the access.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "compat/symbols.h"
#include "mmu/load.h"
#include "mmu/mmu.h"
#include "mmu/write.h"

/* The first address of the kernel's half, with four levels and with five. */
#define WRITE_ADDR (~0UL << (PGDIR_SHIFT + 8))

static struct mm_struct *write_mm; /* NULL: text_poke() is used */
/* The tables that lead to WRITE_ADDR, from the top. The kernel does not know them. */
static struct page *write_tables[4];
static pte_t *write_pte; /* of WRITE_ADDR; under text_mutex */

/* Makes *@entry lead to the table @nr. */
static void write_link(u64 *entry, unsigned int nr)
{
	WRITE_ONCE(*entry, _KERNPG_TABLE | page_to_phys(write_tables[nr]));
}

/* Returns the entry @index of the table @nr. */
static u64 *write_entry(unsigned int nr, unsigned int index)
{
	return (u64 *)page_address(write_tables[nr]) + index;
}

int __init shk_write_init(void)
{
	unsigned int i, nr = 0;

	if (!IS_ENABLED(CONFIG_ARCH_HAS_EXECMEM_ROX) || shk_mmu != &shk_mmu_native)
		return 0;
	for (i = 0; i < ARRAY_SIZE(write_tables); i++) {
		write_tables[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!write_tables[i])
			goto free;
	}
	write_mm = shk_call(mm_alloc)();
	if (!write_mm)
		goto free;
	write_link((u64 *)(write_mm->pgd + pgd_index(WRITE_ADDR)), nr);
	if (pgtable_l5_enabled()) {
		write_link(write_entry(nr, p4d_index(WRITE_ADDR)), nr + 1);
		nr++;
	}
	write_link(write_entry(nr, pud_index(WRITE_ADDR)), nr + 1);
	write_link(write_entry(nr + 1, pmd_index(WRITE_ADDR)), nr + 2);
	write_pte = (pte_t *)write_entry(nr + 2, pte_index(WRITE_ADDR));
	return 0;
free:
	shk_write_exit();
	return -ENOMEM;
}

void shk_write_exit(void)
{
	unsigned int i;

	/* No CPU has it loaded. CPUs that have entries of its ASID flush before they use that. */
	if (write_mm) {
		WRITE_ONCE(write_mm->pgd[pgd_index(WRITE_ADDR)], __pgd(0));
		shk_mmu->flush_mm(write_mm);
		mmput(write_mm);
	}
	write_mm = NULL;
	for (i = 0; i < ARRAY_SIZE(write_tables); i++) {
		if (write_tables[i])
			__free_page(write_tables[i]);
		write_tables[i] = NULL;
	}
}

void shk_write(void *to, const void *from, size_t len)
{
	struct mm_struct *was;
	unsigned long flags;

	lockdep_assert_held(shk_symbols.text_mutex);
	if (!write_mm) {
		shk_call(text_poke)(to, from, len);
		return;
	}
	local_irq_save(flags);
	set_pte(write_pte,
		mk_pte(vmalloc_to_page(to), __pgprot(pgprot_val(PAGE_KERNEL) & ~_PAGE_GLOBAL)));
	was = shk_load(write_mm);
	memcpy((u8 *)WRITE_ADDR + offset_in_page(to), from, len);
	barrier(); /* the entry is cleared after the bytes are written */
	set_pte(write_pte, __pte(0));
	/* Loading page tables also serialises this CPU. */
	shk_load_back(was);
	cpumask_clear_cpu(smp_processor_id(), mm_cpumask(write_mm));
	/* No CPU has the mm loaded, so this sends no IPI: CPUs flush when they load it next. */
	shk_call(flush_tlb_mm_range)(write_mm, WRITE_ADDR, WRITE_ADDR + PAGE_SIZE, PAGE_SHIFT,
				     false);
	local_irq_restore(flags);
}
