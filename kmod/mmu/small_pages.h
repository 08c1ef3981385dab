/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A CPU whose instruction TLB has two sizes of one address with two frames may stop with a
 * machine check (CVE-2018-12207: Intel's before PSCHANGE_MC_NO). What attaches a process changes
 * all its mappings by one entry. So on such CPUs shadows have all text in pages of 4 KB, and who
 * comes from the base, or goes back to it, has the base's frames in that size in between.
 */
#ifndef SHK_MMU_SMALL_PAGES_H
#define SHK_MMU_SMALL_PAGES_H

#include "mmu/mmu.h"

/* Is this such a CPU? */
bool shk_small_pages_needed(void);
void shk_small_pages_init(void);
/* There are tables of shadows; and no more. Sleeps. Errors as shk_mmu.create(). */
int shk_small_pages_get(void);
void shk_small_pages_put(void);
/* The base's entry, in small pages or not. */
pgd_t shk_small_pages_entry(bool small);
/*
 * @mm, which executes the base, has it in small pages, or as everybody; returns whether that
 * is new: then the caller flushes. While there are tables.
 */
bool shk_small_pages_resize(struct mm_struct *mm, bool small);

#endif /* SHK_MMU_SMALL_PAGES_H */
