/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the backends and modules.c, which is their part for text of modules. */
#ifndef SHK_MODULES_H
#define SHK_MODULES_H

#include "mmu/mmu.h"

/* Where the base keeps a global bit that we took away: hardware ignores it. */
#define SHK_SAVED_GLOBAL _PAGE_SOFTW1

/* native.c: the base's @entry has its global bit, or that bit is put away. */
void shk_entry_set_global(void *entry, bool global);

/* ---- modules.c: as the operations of struct shk_mmu ---- */

/* Tables for text of modules; nothing if they exist. -ENOMEM. */
int shk_modules_create(struct shk_tables *tables);
void shk_modules_destroy(struct shk_tables *tables);
int shk_modules_split(struct shk_tables *tables, unsigned long addr, struct page *page);
struct page *shk_modules_merge(struct shk_tables *tables, unsigned long addr);
int shk_modules_map(struct shk_tables *tables, unsigned long addr, struct page *page);
struct page *shk_modules_pte(const struct shk_tables *tables, unsigned long addr);
void shk_modules_set_global(unsigned long addr, bool global);
void shk_modules_refresh(unsigned long from, unsigned long to);
bool shk_modules_fault(struct shk_tables *tables, unsigned long error, unsigned long addr);
/* For who cannot compare and exchange an entry. */
bool shk_modules_fault_alone(struct shk_tables *tables, unsigned long error, unsigned long addr);

#endif /* SHK_MODULES_H */
