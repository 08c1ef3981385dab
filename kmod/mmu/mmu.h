/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The seam between what a shadow is and how a machine maps it.
 *
 *    mm->pgd[511] -> [LA57: private P4D] -> private PUD
 *        PUD[text]    -> private PMD page, a copy of the base's
 *            PMD[i] range untouched: the base's large mapping
 *            PMD[j] range diverged : private PTE page, base or private pages
 *        PUD[modules] -> the base's own PMD page
 *
 * A "range" is the 2 MB of text that one PMD entry maps, counted from _text. If
 * text of a module is edited, PUD[modules] leads to private tables, too.
 *
 * Locking: everything here that writes a table is called with text_mutex held
 * unless it says otherwise, so that tables and text change together.
 */
#ifndef SHK_MMU_H
#define SHK_MMU_H

#include <linux/mm.h>
#include <linux/pgtable.h>

#include "compat/symbols.h"

struct shk_tables {
	struct page *p4d; /* LA57 only */
	struct page *pud;
	struct page *pmd;
	struct page **pte;	     /* one per range, NULL where it is the base's */
	struct page **small_pte;     /* small_pages.h: what ranges have then; NULL elsewhere */
	unsigned int nr_small_pages; /* pages of those */
	struct shk_module_tables *modules; /* NULL before text of a module is edited */
	pgd_t entry;			   /* native: what grafted mms have in mm->pgd[511] */
	struct list_head node;		   /* shk_all_tables */
};

/*
 * Where an int is returned, -EIO says that the hypervisor refused and nothing
 * has changed.
 */
struct shk_mmu {
	const char *name;
	bool upcalls;  /* all interrupts are Xen's event channel upcalls */
	bool carriers; /* an mm that no process has can be loaded */
	/* Optional. */
	int (*init)(void);
	/*
	 * Tables equal to the base's; for tables.c. May sleep; text_mutex not needed.
	 * -ENOMEM, -EIO.
	 */
	int (*create)(struct shk_tables *tables);
	/* No CPU can walk them any more. */
	void (*destroy)(struct shk_tables *tables);
	/*
	 * What mapping differently at @addr takes. May sleep; text_mutex not
	 * held. -ENOMEM.
	 */
	int (*prepare)(struct shk_tables *tables, unsigned long addr);
	/* The PTE page of @range if it is split, or NULL. */
	struct page *(*pte)(const struct shk_tables *tables, unsigned int range);
	/* Fill @pte with the base's mapping of @range, not global, and link it. */
	int (*split)(struct shk_tables *tables, unsigned int range, struct page *pte);
	/*
	 * Map @range as the base does; returns the PTE page, to free (free_table)
	 * after a flush. NULL: that failed, with a warning, and all is as it was.
	 */
	struct page *(*merge)(struct shk_tables *tables, unsigned int range);
	void (*free_table)(struct page *pte);
	/* Map @page at @addr, or the base's page if NULL. Its range is split. */
	int (*map)(struct shk_tables *tables, unsigned long addr, struct page *page);
	/* Optional: does the base map @range by a page of 2 MB, and may a shadow? */
	bool (*base_is_huge)(unsigned int range);
	/*
	 * Optional: map @range, which is split, by one page of 2 MB, whose frames its
	 * PTE page has already; or by its PTE page again, as map() has left it.
	 */
	void (*map_huge)(struct shk_tables *tables, unsigned int range, bool huge);
	/*
	 * Point @mm at @tables, or at the base if NULL, in pages as shadows have them (small_pages.h).
	 * Process context, no lock needed.
	 */
	int (*graft)(struct mm_struct *mm, const struct shk_tables *tables);
	/*
	 * Every CPU forgets what it knows of @mm's kernel half. Those on which a
	 * kernel thread borrows it leave it. May sleep.
	 */
	void (*flush_mm)(struct mm_struct *mm);
	/* The latter alone, while @mm has the base's entry. May sleep. */
	void (*evict)(struct mm_struct *mm);
	/* All translations, global ones and those of every PCID, leave every CPU. May sleep. */
	void (*flush_all)(void);
	/* The same on this CPU alone. Interrupts are off. */
	void (*flush_cpu)(void);
	/* Tables that this CPU runs on, NULL for the base. Interrupts are off. */
	struct shk_tables *(*current_tables)(void);
	/*
	 * Optional: the base's PMD entry at @addr, or a PTE under it, has changed
	 * where the kernel image is mapped: map the same. Shk_tables_lock held.
	 */
	void (*follow)(struct shk_tables *tables, unsigned long addr);
	/* Optional: the base's mapping of @range loses _PAGE_GLOBAL, or gets it back. */
	void (*base_set_global)(unsigned int range, bool global);

	/* Optional: likewise of one page, a module's. */
	void (*base_page_set_global)(unsigned long addr, bool global);
	/* Pages of the modules' area are about to be branched to. Any context. */
	void (*refresh)(unsigned long from, unsigned long to);
	/*
	 * A fault at @addr by who runs on @tables: does the base map that, and
	 * do @tables now, too? Interrupts are off.
	 */
	bool (*fault)(struct shk_tables *tables, unsigned long error, unsigned long addr);

	/* What modules.c writes tables by. */

	/* The base's @entry, of any level, pointing at @page instead. */
	u64 (*redirect)(u64 entry, struct page *page);
	/*
	 * @entry of a table, linked or not, is @new, if it was @old. -EAGAIN: it
	 * was not (where others may write, too), -EIO. Any context.
	 */
	int (*write)(void *entry, u64 old, u64 new);
	/* @table, which is filled, is a table now, and @entry is @val, which points at it. */
	int (*link)(struct page *table, void *entry, u64 val);
};

extern const struct shk_mmu *shk_mmu;
extern const struct shk_mmu shk_mmu_native;
extern const struct shk_mmu shk_mmu_xenpv;

int shk_mmu_init(void);
void shk_mmu_exit(void);

/* The base's entries. */
pgd_t *shk_base_pgd(void);
pud_t *shk_base_pud(unsigned long addr);
pmd_t *shk_base_pmd(unsigned long addr);

unsigned int shk_nr_ranges(void);

static inline unsigned int shk_range_of(unsigned long addr)
{
	return (addr - shk_symbols.text) >> PMD_SHIFT;
}

static inline unsigned long shk_range_start(unsigned int range)
{
	return shk_symbols.text + ((unsigned long)range << PMD_SHIFT);
}

static inline bool shk_range_in_modules(unsigned int range)
{
	return shk_in_module_area(shk_range_start(range));
}

/* Where the kernel's own bytes at @addr may be read, up to the end of the page. */
static inline const void *shk_base_bytes(unsigned long addr)
{
	if (shk_is_kernel_text(addr))
		return __va(__pa_symbol(addr));
	return page_address(vmalloc_to_page((void *)addr)) + offset_in_page(addr);
}

/*
 * A shadow begins or ceases to map @range differently from the base. The first
 * one takes the global bit from the base and flushes; the last one restores it.
 */
void shk_range_get(unsigned int range);
void shk_range_put(unsigned int range);
/* The base's PMD entry at @addr was replaced: shk_tables_lock held. */
void shk_range_follow(unsigned long addr);
/* Likewise of one page of a module: the first shadow's copy, the last. */
void shk_page_get(unsigned long addr);
void shk_page_put(unsigned long addr);

#endif /* SHK_MMU_H */
