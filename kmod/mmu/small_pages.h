/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shadows in pages of 4 KB, on CPUs with itlb_multihit. If the instruction TLB of such a CPU has
 * two sizes with two frames for one address, the CPU may stop with a machine check (CVE-2018-12207:
 * Intel's before PSCHANGE_MC_NO). Attaching a process changes all its mappings by one entry, so
 * frames and sizes would change at once. So on such CPUs shadows map all text by pages of 4 KB, and
 * a process passes through tables that have the base's frames in pages of 4 KB.
 *
 *   attach: base -> base in 4 KB -> flush -> shadow -> flush
 *   detach: shadow -> base in 4 KB -> flush -> base -> flush
 */
#ifndef SHK_MMU_SMALL_PAGES_H
#define SHK_MMU_SMALL_PAGES_H

#include "mmu/mmu.h"

/*
 * Returns true if this machine has the erratum itlb_multihit, so that shadows map text by pages of
 * 4 KB only. Fixed after shk_small_pages_init(). Needs no lock.
 */
bool shk_small_pages_needed(void);
/*
 * Sets the result of shk_small_pages_needed(): whether this machine has itlb_multihit. Called once
 * at load, after the backend was chosen.
 */
void shk_small_pages_init(void);
/*
 * Increments the count of shadows that have tables. If the count was 0, this first creates the
 * tables that map the base's frames by pages of 4 KB. Does nothing without itlb_multihit. Takes
 * small_pages_lock and shk_tables_lock, not text_mutex; may sleep. Returns 0 or -ENOMEM.
 */
int shk_small_pages_get(void);
/*
 * Decrements the count of shadows that have tables. If it becomes 0, frees the tables that
 * shk_small_pages_get() has made; the caller ensures that no mm uses them then. Does nothing
 * without itlb_multihit. Takes small_pages_lock and shk_tables_lock; may sleep.
 */
void shk_small_pages_put(void);
/*
 * Returns the top-level entry for text of an mm that executes the base: with pages of 4 KB if
 * @small on a machine with itlb_multihit, else the kernel's own. If @small, the caller ensures that
 * some shadow has tables, so that the tables with pages of 4 KB exist. Needs no lock.
 */
pgd_t shk_small_pages_entry(bool small);
/*
 * Writes the top-level entry for text of @mm: with pages of 4 KB if @small, else the kernel's own.
 * Does nothing without itlb_multihit. The caller ensures that @mm executes the base and that some
 * shadow has tables. It holds shk_graft_lock, or @mm is a carrier, an mm without a process that
 * only the caller changes. Does not sleep. Returns true if the entry has changed; the caller
 * flushes @mm then.
 */
bool shk_small_pages_resize(struct mm_struct *mm, bool small);

#endif /* SHK_MMU_SMALL_PAGES_H */
