/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the backends and modules.c, which has what they do in common for text of modules.
 * Functions with the name of an operation of struct shk_mmu do that operation's part for addresses
 * of modules.
 */
#ifndef SHK_MODULES_H
#define SHK_MODULES_H

#include "mmu/mmu.h"

/*
 * Software bit of an entry: the base's entry is global, and the bit was taken away while a text
 * diverges there. Hardware ignores it.
 */
#define SHK_SAVED_GLOBAL _PAGE_SOFTW1

/*
 * Changes _PAGE_GLOBAL of *@entry, an entry of any level of the base's tables. If not @global,
 * takes the bit away and keeps it as SHK_SAVED_GLOBAL. If @global, brings it back from there; an
 * entry without SHK_SAVED_GLOBAL stays as it is. Atomic, since the kernel or the CPU may write the
 * entry at the same time. Any context, no lock needed. Flushes nothing. Defined in native.c.
 */
void shk_entry_set_global(void *entry, bool global);

/* ---- modules.c ---- */

/*
 * Allocates the tables by which @tables can have private pages in text of modules
 * (shk_tables.modules). No CPU walks them until the first range is split. Does nothing if they
 * exist. The lock of the text's owner is held, text_mutex is not. May sleep. Returns 0 or -ENOMEM.
 */
int shk_modules_create(struct shk_tables *tables);
/*
 * Frees the tables for text of modules of @tables, if they exist. The caller ensures that none of
 * their ranges is split, and that no CPU walks them. May sleep.
 */
void shk_modules_destroy(struct shk_tables *tables);
/*
 * Gives the 2 MB range of @addr, in text of modules, a PTE page of its own in @tables. That is
 * @page, which this function fills with the base's entries and links. If no other range is split,
 * this function fills and links the PMD page, too. The caller has called shk_modules_create(), and
 * holds text_mutex. Takes shk_tables_lock. The caller flushes. Returns 0; XEN: the range is not
 * split, and the caller may free @page.
 */
int shk_modules_split(struct shk_tables *tables, unsigned long addr, struct page *page);
/*
 * Links the base's PTE page again for the 2 MB range of @addr, in text of modules. The caller
 * ensures that the range is split and has no private page. If no other range is split, this
 * function links the base's PMD page again, too. Called with text_mutex held; takes
 * shk_tables_lock. Returns the range's own PTE page, which the caller frees after a flush. Returns
 * NULL, with a warning, if Xen refuses: the range is still split.
 */
struct page *shk_modules_merge(struct shk_tables *tables, unsigned long addr);
/*
 * Maps @page at @addr in @tables, with the base's permissions. If @page is NULL, this function maps
 * the base's page there, and the entry follows the base's from then on. The caller has split the
 * range, and holds text_mutex. Takes shk_tables_lock. The caller flushes. Returns 0; XEN: nothing
 * has changed.
 */
int shk_modules_map(struct shk_tables *tables, unsigned long addr, struct page *page);
/*
 * Returns the PTE page of the range of @addr in @tables; NULL: the range is not split. Called with
 * text_mutex or the lock of the text's owner held.
 */
struct page *shk_modules_pte(const struct shk_tables *tables, unsigned long addr);
/*
 * Gives _PAGE_GLOBAL back to the base's entry for the page at @addr if @global, else takes it away.
 * Copies this entry to all shadows' tables, except to entries of private pages, which are never
 * global. Called with text_mutex held; takes shk_tables_lock. Flushes nothing.
 */
void shk_modules_set_global(unsigned long addr, bool global);
/*
 * Copies the base's page-table entries for [@from, @to) to the tables of all shadows. Entries of
 * private pages stay as they are. Leaves out addresses outside of the modules' area. Takes
 * shk_tables_lock, unless no shadow has tables for modules. Flushes nothing. Any context but NMI.
 */
void shk_modules_refresh(unsigned long from, unsigned long to);
/*
 * Handles a page fault of this CPU, which runs on @tables: kernel code has accessed @addr. @error
 * is the fault's error code. Copies the base's entry for @addr to @tables. Returns true if the
 * entry permits the access, so that the CPU can repeat it. Returns false in all other cases, for
 * example if @addr is not in the modules' area.
 *
 * Interrupts are off; any context, NMI too. Takes no lock, so it is for backends whose
 * shk_mmu.write() compares the entry with the old value.
 */
bool shk_modules_fault(struct shk_tables *tables, unsigned long error, unsigned long addr);
/*
 * Handles a page fault of this CPU, which runs on @tables: copies the base's entry for @addr, which
 * kernel code has accessed, to @tables. For backends whose shk_mmu.write() does not compare. @error
 * is the fault's error code. Returns true if the entry permits the access, so that the CPU can
 * repeat it.
 *
 * Takes shk_tables_lock. In an NMI it takes no lock, since the NMI may have interrupted the lock's
 * holder. Interrupts are off.
 */
bool shk_modules_fault_alone(struct shk_tables *tables, unsigned long error, unsigned long addr);

/*
 * Returns true if text of modules can have private pages. With CONFIG_ARCH_HAS_EXECMEM_ROX the
 * kernel maps such text by pages of 2 MB, which it splits and joins again. The base's PTE pages are
 * freed then, so no table of a shadow could lead to them.
 */
static inline bool shk_modules_possible(void)
{
	return !IS_ENABLED(CONFIG_ARCH_HAS_EXECMEM_ROX);
}

#endif /* SHK_MODULES_H */
