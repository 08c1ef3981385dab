/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a machine maps a shadow's text: struct shk_mmu is the interface to the backends native.c and
 * xenpv.c, of which shk_mmu_init() chooses one.
 *
 *    mm->pgd[511] -> [LA57: private P4D] -> private PUD
 *        PUD[text]    -> private PMD page, a copy of the base's
 *            PMD[i] range untouched: the base's large mapping
 *            PMD[j] range diverged : private PTE page, base or private pages
 *        PUD[modules] -> the base's own PMD page
 *
 * A "range" is 2 MB of text, which one PMD entry maps. Ranges are counted from _text, and addresses
 * of modules have such numbers, too. A range is "split" if the shadow has a PTE page for it, and
 * "diverges" then. If text of a module is edited, PUD[modules] leads to private tables (modules.c).
 *
 * Locks, outermost first:
 *
 *   text_mutex        tables of shadows, except as said below
 *   shk_graft_lock    the entry in mm->pgd (graft/graft.h)
 *   shk_tables_lock   entries that follow the base's, see tables.h
 */
#ifndef SHK_MMU_H
#define SHK_MMU_H

#include <linux/mm.h>
#include <linux/pgtable.h>

#include "compat/symbols.h"

/*
 * Page tables of one shadow. Written by the backend, under text_mutex, except @node and @modules.
 * current_tables() finds this struct by the private of the top table's struct page (@p4d, or @pud
 * without LA57).
 */
struct shk_tables {
	struct page *p4d;  /* NULL without LA57 */
	struct page *pud;  /* a copy of the base's, with the entry for text replaced */
	struct page *pmd;  /* a copy of the base's, of the gigabyte that has the kernel image */
	struct page **pte; /* PTE page of each range; NULL: the range is not split */
	/*
	 * With itlb_multihit (small_pages.h): for each range that the base maps by a page of 2 MB,
	 * a PTE page that maps the range while it is not split. NULL on machines without
	 * itlb_multihit. Fixed after create().
	 */
	struct page **small_pte;
	unsigned int nr_small_pages; /* PTE pages in @small_pte */
	/*
	 * Tables for text of modules; NULL before the first edit of such text. prepare() publishes
	 * them under shk_tables_lock. fault() reads this member without a lock.
	 */
	struct shk_module_tables *modules;
	pgd_t entry; /* native: entry for text of an mm that is grafted. Fixed after create() */
	struct list_head node; /* shk_all_tables. Under shk_tables_lock */
};

/*
 * A backend. Operations that write @tables are called with text_mutex held, unless an operation's
 * comment says otherwise. An operation that returns an int returns 0 or an error. XEN means that
 * the hypervisor refused the change, and that nothing has changed.
 */
struct shk_mmu {
	const char *name; /* struct shk_info.mmu */
	bool upcalls;	  /* all interrupts are Xen's event channel upcalls */
	bool carriers;	  /* shadows can have a carrier mm (graft/carrier.h) */
	/*
	 * Optional. Looks up the symbols that the backend needs, once at load. May sleep. Returns
	 * 0; -EOPNOTSUPP: the kernel lacks one, which the log names.
	 */
	int (*init)(void);
	/*
	 * Fills @tables, which the caller has zeroed, so that they map the base's frames. Entries
	 * of 2 MB for kernel text are not global; with itlb_multihit they become PTE pages
	 * (@small_pte). Used by shk_tables_create() and small_pages.c. text_mutex is not needed.
	 * May sleep. Returns 0, or an error after which @tables are zeroed: XEN, -ENOMEM.
	 */
	int (*create)(struct shk_tables *tables);
	/*
	 * Frees @tables and clears them. The caller ensures that they have no private page (no
	 * range is split), and that no CPU can walk them. text_mutex is not needed. May sleep. A
	 * table that Xen still uses is leaked, with a warning.
	 */
	void (*destroy)(struct shk_tables *tables);
	/*
	 * Allocates the tables for text of modules, if @addr is in the modules' area and @tables
	 * have none. split() of the range of @addr needs these tables. The lock of the text's owner
	 * is held, text_mutex is not. May sleep. Returns 0; -ENOMEM; NO_MODULE_TEXT: @addr is in
	 * that area, and shk_modules_possible() is false.
	 */
	int (*prepare)(struct shk_tables *tables, unsigned long addr);
	/*
	 * Returns the PTE page that @tables have for the 2 MB range @range; NULL: the range is not
	 * split, since it has no private page.
	 */
	struct page *(*pte)(const struct shk_tables *tables, unsigned int range);
	/*
	 * Splits @range: fills the page @pte with the base's mapping, and links it as the PTE page
	 * of @range. For a range of the kernel image the entries are not global. The caller
	 * flushes. Returns 0, or XEN: the range is not split, and the caller frees @pte. If Xen
	 * refuses to make that page writable again, this function has warned and taken a reference,
	 * so that the page is leaked.
	 */
	int (*split)(struct shk_tables *tables, unsigned int range, struct page *pte);
	/*
	 * Merges @range: the base's entry maps it. The caller ensures that the range is split and
	 * has no private page. Returns the PTE page, which the caller frees by free_table() after a
	 * flush. Returns NULL, after a warning, if Xen refuses: the range is still split.
	 */
	struct page *(*merge)(struct shk_tables *tables, unsigned int range);
	/*
	 * Frees the PTE page @pte. The caller ensures that no tables link it and no CPU walks it.
	 * Needs no lock.
	 */
	void (*free_table)(struct page *pte);
	/*
	 * Maps @page at @addr with the base's permissions, or the base's page if @page is NULL. The
	 * caller ensures that the range of @addr is split, and flushes. Returns 0 or XEN.
	 */
	int (*map)(struct shk_tables *tables, unsigned long addr, struct page *page);
	/*
	 * Optional. Returns true if the base maps @range by a page of 2 MB, and if shadows may have
	 * private pages of 2 MB on this machine. Needs no lock. NULL: never.
	 */
	bool (*base_is_huge)(unsigned int range);
	/*
	 * Switches @range between two mappings of the same frames: one entry of 2 MB if @huge, the
	 * PTE page otherwise. The caller ensures that @tables have a PTE page for the range; they
	 * keep it in both cases. The caller flushes before and after. Optional, present if
	 * base_is_huge() is. Cannot fail.
	 */
	void (*map_huge)(struct shk_tables *tables, unsigned int range, bool huge);
	/*
	 * Writes the entry for text in mm->pgd. The new entry points at @tables. If @tables is
	 * NULL, it is the base's entry; with itlb_multihit it points at the tables that map the
	 * base's frames by pages of 4 KB (small_pages.h). shk_graft_lock is held, or @mm is a
	 * carrier (graft/carrier.h), an mm without a process whose entry only the caller changes.
	 * Does not sleep. Returns 0 or XEN.
	 *
	 * The caller calls flush_mm(), unless no CPU has executed @mm. If the machine is stopped,
	 * each CPU calls flush_cpu() instead.
	 */
	int (*graft)(struct mm_struct *mm, const struct shk_tables *tables);
	/*
	 * Makes each CPU that runs @mm drop its translations of @mm's kernel half. Any other CPU
	 * drops them before it runs @mm again. CPUs that use @mm lazily, in a kernel thread or the
	 * idle loop, load init_mm. No spinlock is held, interrupts are on. text_mutex is not
	 * needed. Waits for IPIs. Cannot fail.
	 */
	void (*flush_mm)(struct mm_struct *mm);
	/*
	 * Evicts lazy TLB users of @mm: CPUs on which a kernel thread borrows it load init_mm.
	 * Called before the entry of @mm changes from the base's. No spinlock is held, interrupts
	 * are on; text_mutex is not needed. Waits for IPIs. Cannot fail.
	 */
	void (*evict)(struct mm_struct *mm);
	/*
	 * Makes every CPU drop all its translations, global ones and those of every PCID. No
	 * spinlock is held, interrupts are on. Waits for IPIs. Cannot fail.
	 */
	void (*flush_all)(void);
	/*
	 * Makes this CPU drop all its translations, global ones and those of every PCID. Interrupts
	 * are off. Cannot fail.
	 */
	void (*flush_cpu)(void);
	/*
	 * Returns the tables of the shadow that this CPU executes, found by the entry for text in
	 * the top-level table that the CPU has loaded. Returns NULL if the CPU executes the base,
	 * in pages of any size (small_pages.h). Interrupts are off, or current holds text_mutex.
	 * Any context, NMI too. Calls no function that can be probed.
	 */
	struct shk_tables *(*current_tables)(void);
	/*
	 * Optional. Copies the base's PMD entry for @addr, in the gigabyte of the kernel image, to
	 * @tables. If @tables have a PTE page for that range, copies PTEs to that page instead, but
	 * only those for addresses after the end of the kernel's text. Called when the kernel may
	 * have changed these entries of the base, before the kernel flushes. shk_tables_lock is
	 * held, interrupts are off. Flushes nothing.
	 */
	void (*follow)(struct shk_tables *tables, unsigned long addr);
	/*
	 * Optional. Takes _PAGE_GLOBAL from the base's mapping of @range, and from PTI's user clone
	 * of it, or gives it back if @global. shk_tables_lock is held, interrupts are off. The
	 * caller flushes where needed. Cannot fail.
	 */
	void (*base_set_global)(unsigned int range, bool global);
	/*
	 * Optional. Takes _PAGE_GLOBAL from the base's entry for the module page at @addr, or gives
	 * it back if @global. Then copies that entry to all shadows' tables for modules, except to
	 * entries of private pages. text_mutex is held. Takes shk_tables_lock. The caller flushes.
	 * Cannot fail.
	 */
	void (*base_page_set_global)(unsigned long addr, bool global);
	/*
	 * Copies the base's entries for [from, to) to all shadows' tables for modules, except to
	 * entries of private pages. Ignores addresses outside of the modules' area. Called before
	 * the base gets a branch to one of these addresses. Takes shk_tables_lock. Any context but
	 * NMI. text_mutex is not needed.
	 */
	void (*refresh)(unsigned long from, unsigned long to);
	/*
	 * Handles a page fault with error code @error: kernel code has accessed @addr, on this CPU,
	 * which runs on @tables. If @addr is in the modules' area and @tables have tables for text
	 * of modules, copies the base's entry to these, unless the page is private. Returns true if
	 * the entry then permits the access, so that the CPU can repeat it. Returns false in all
	 * other cases.
	 *
	 * Interrupts are off. Any context, NMI too. text_mutex is not needed. On Xen PV it takes
	 * shk_tables_lock, except in NMIs.
	 */
	bool (*fault)(struct shk_tables *tables, unsigned long error, unsigned long addr);

	/* ---- operations on single entries, for modules.c ---- */

	/*
	 * Returns a copy of @entry, an entry of the base at any level, with the frame of @page
	 * instead of its own.
	 */
	u64 (*redirect)(u64 entry, struct page *page);
	/*
	 * Writes @new to @entry of a table, linked or not. Native: only if @entry is @old, by one
	 * atomic instruction; Xen PV does not compare. Any context. text_mutex or shk_tables_lock
	 * is held, or fault() calls it. Returns 0, or
	 *   -EAGAIN  native: @entry was not @old
	 *   XEN      Xen refused
	 */
	int (*write)(void *entry, u64 old, u64 new);
	/*
	 * Links a page table: writes @val, an entry that points at the page @table, to @entry. The
	 * caller has filled the page. text_mutex is held. Returns 0, or XEN: the page is not
	 * linked, and the caller frees it. If Xen refuses to make the page writable again, this
	 * function has warned and taken a reference, so that the page is leaked.
	 */
	int (*link)(struct page *table, void *entry, u64 val);
};

extern const struct shk_mmu *shk_mmu; /* the chosen one. Fixed after shk_mmu_init() */
extern const struct shk_mmu shk_mmu_native;
extern const struct shk_mmu shk_mmu_xenpv;

/*
 * Chooses and initialises the backend, native or Xen PV, at load, after shk_symbols_init(). May
 * sleep. Returns 0 or
 *   -EOPNOTSUPP  the kernel lacks a symbol, which the log names
 *   -ENOMEM      out of memory
 *   others       errors of cpuhp_setup_state_nocalls()
 */
int shk_mmu_init(void);
/*
 * Frees the memory and the ftrace hook of mmu/. Called at unload, when no shadow has tables. May
 * sleep. Does not return if ftrace has stopped with a hook in place; see shk_ftrace_hook_free().
 */
void shk_mmu_exit(void);

/* Returns the entry of init_mm's PGD that maps the kernel's text and modules. Needs no lock. */
pgd_t *shk_base_pgd(void);
/* Returns the base's PUD entry for @addr, which shk_base_pgd() must map. Needs no lock. */
pud_t *shk_base_pud(unsigned long addr);
/* Returns the base's PMD entry for @addr, which shk_base_pgd() must map. Needs no lock. */
pmd_t *shk_base_pmd(unsigned long addr);

/* Returns the number of ranges that have text of the kernel image. Needs no lock. */
unsigned int shk_nr_ranges(void);

/*
 * Returns the number of the 2 MB range that contains @addr. @addr is in text of the kernel image or
 * in the modules' area.
 */
static inline unsigned int shk_range_of(unsigned long addr)
{
	return (addr - shk_symbols.text) >> PMD_SHIFT;
}

/* Returns the address at which @range begins. */
static inline unsigned long shk_range_start(unsigned int range)
{
	return shk_symbols.text + ((unsigned long)range << PMD_SHIFT);
}

/* Returns true if @range is in the modules' area. */
static inline bool shk_range_in_modules(unsigned int range)
{
	return shk_in_module_area(shk_range_start(range));
}

/*
 * Returns the address in the direct map of the base's bytes at @addr, valid up to the end of the
 * page. A CPU that executes a shadow reads the base's bytes there, too. @addr must be in text of
 * the kernel image or of a module. The caller ensures that the module is not freed meanwhile. Needs
 * no lock. The bytes can change unless the caller holds text_mutex.
 */
static inline const void *shk_base_bytes(unsigned long addr)
{
	if (shk_is_kernel_text(addr))
		return __va(__pa_symbol(addr));
	return page_address(vmalloc_to_page((void *)addr)) + offset_in_page(addr);
}

/*
 * Increments the number of texts that have a PTE page of their own for @range, a range of the
 * kernel image. If it was 0, takes _PAGE_GLOBAL from the base's mapping of the range, and flushes
 * every CPU: a global entry in a TLB would hide private pages. Called with text_mutex held and
 * interrupts on.
 */
void shk_range_get(unsigned int range);
/*
 * Decrements the number of texts that have a PTE page of their own for @range. If it becomes 0,
 * gives _PAGE_GLOBAL back to the base's mapping of the range. Flushes nothing: the caller has
 * flushed the CPUs that run the text, so no TLB has its private pages of @range. Called with
 * text_mutex held and interrupts on.
 */
void shk_range_put(unsigned int range);
/*
 * Takes _PAGE_GLOBAL again from the base's mapping of the range that has @addr, if a text has a PTE
 * page of its own for that range. @addr must be in the gigabyte of the kernel image. Called after
 * the kernel has changed the base's PMD entry for @addr, or a PTE below it, and before the kernel
 * flushes. shk_tables_lock is held, interrupts are off.
 */
void shk_range_follow(unsigned long addr);
/*
 * Takes _PAGE_GLOBAL from the base's mapping of the module page at @addr, and flushes every CPU.
 * Called before the first text has a private page there. Called with text_mutex held and interrupts
 * on. Does nothing on Xen PV.
 */
void shk_page_clear_global(unsigned long addr);
/*
 * Gives _PAGE_GLOBAL back to the base's mapping of the module page at @addr, and flushes every CPU.
 * The caller ensures that no text has a private page there, and that no TLB has one. Called with
 * text_mutex held and interrupts on. Does nothing on Xen PV.
 */
void shk_page_set_global(unsigned long addr);

#endif /* SHK_MMU_H */
