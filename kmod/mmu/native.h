/* SPDX-License-Identifier: GPL-2.0-only */
/* Between native.c and modules.c, which is native's part for text of modules. */
#ifndef SHK_NATIVE_H
#define SHK_NATIVE_H

#include "mmu/mmu.h"

/* Where the base keeps a global bit that we took away: hardware ignores it. */
#define SHK_SAVED_GLOBAL _PAGE_SOFTW1

/* ---- native.c ---- */

pmd_t *shk_native_base_pmd(unsigned long addr);
/* The base's @entry, pointing at @page instead. */
unsigned long shk_native_redirect(unsigned long entry, struct page *page);
/* The base's @entry with its global bit, or that bit put away. */
unsigned long shk_native_set_global(unsigned long entry, bool global);
/* @page as the PMD page for @addr; NULL: the base's. */
void shk_native_set_pud(struct shk_tables *tables, unsigned long addr, struct page *page);

/* ---- modules.c: as the operations of struct shk_mmu ---- */

/* Tables for text of modules; nothing if they exist. -ENOMEM, -EBUSY (ftrace_enabled is 0). */
int shk_modules_create(struct shk_tables *tables);
void shk_modules_destroy(struct shk_tables *tables);
void shk_modules_split(struct shk_tables *tables, unsigned long addr, struct page *page);
struct page *shk_modules_merge(struct shk_tables *tables, unsigned long addr);
void shk_modules_map(struct shk_tables *tables, unsigned long addr, struct page *page);
struct page *shk_modules_pte(const struct shk_tables *tables, unsigned long addr);
void shk_modules_set_global(unsigned long addr, bool global);
void shk_modules_refresh(unsigned long from, unsigned long to);
bool shk_modules_fault(struct shk_tables *tables, unsigned long error, unsigned long addr);

#endif /* SHK_NATIVE_H */
