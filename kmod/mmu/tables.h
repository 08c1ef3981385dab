/* SPDX-License-Identifier: GPL-2.0-only */
/* tables.c: tables of shadows follow the base's. */
#ifndef SHK_TABLES_H
#define SHK_TABLES_H

#include "mmu/mmu.h"

/*
 * Protects the list of tables and their entries that follow the base's. Innermost;
 * taken with interrupts off in any context but NMIs.
 */
extern spinlock_t shk_tables_lock;
extern struct list_head shk_all_tables; /* struct shk_tables */

/* Tables equal to the base's, which follow it from then on. Sleeps. -ENOMEM, -EIO, -EBUSY. */
int shk_tables_create(struct shk_tables *tables);
/* No CPU can walk them any more. Sleeps. */
void shk_tables_destroy(struct shk_tables *tables);
/* Those of small_pages.h alone, whose maker has seen to the rest, follow the base; and no longer. */
void shk_tables_follow(struct shk_tables *tables);
void shk_tables_unfollow(struct shk_tables *tables);
void shk_tables_exit(void);

#endif /* SHK_TABLES_H */
