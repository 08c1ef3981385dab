/* SPDX-License-Identifier: GPL-2.0-only */
/* Tables of shadows follow the base's (tables.c). */
#ifndef SHK_TABLES_H
#define SHK_TABLES_H

#include "mmu/mmu.h"

/*
 * Protects shk_all_tables, entries of shadows that follow the base's, and which ranges are split.
 * The innermost lock. Taken with interrupts off, in any context but NMI; NMIs take it nowhere.
 */
extern spinlock_t shk_tables_lock;
extern struct list_head shk_all_tables; /* struct shk_tables.node. Under shk_tables_lock */

/*
 * Fills @tables, which the caller has zeroed, with copies of the base's tables. From then on
 * changes of the base's entries are copied to them, before the kernel flushes. If no other tables
 * exist, this function also registers the ftrace hook on the kernel's functions that flush
 * translations. Called with the lock of the text's owner held, and without text_mutex. May sleep.
 * Returns 0 or
 *   -ENOMEM          out of memory
 *   XEN              Xen refused a change of page tables
 *   FTRACE_DISABLED  kernel.ftrace_enabled is 0
 *   FTRACE_DEAD      ftrace has stopped
 *   others           errors of register_ftrace_function()
 */
int shk_tables_create(struct shk_tables *tables);
/*
 * Frees @tables. The caller ensures that no CPU can walk them, and that no range is split in them.
 * If no other tables exist, this function also unregisters the ftrace hook. Called with the lock of
 * the text's owner held, and without text_mutex. May sleep.
 */
void shk_tables_destroy(struct shk_tables *tables);
/*
 * Adds @tables to the tables to which changes of the base's entries are copied, and brings them up
 * to date. The caller has made and filled them. Called with the ftrace hook registered and
 * interrupts on. Takes shk_tables_lock. Does not sleep.
 */
void shk_tables_follow(struct shk_tables *tables);
/*
 * Ends the effect of shk_tables_follow(): changes of the base's entries are no longer copied to
 * @tables. The caller frees them. Takes shk_tables_lock; interrupts are on.
 */
void shk_tables_unfollow(struct shk_tables *tables);
/*
 * Frees the ftrace hook at unload, when no shadow has tables. May sleep. Does not return if ftrace
 * has stopped with the hook in place; see shk_ftrace_hook_free().
 */
void shk_tables_exit(void);

#endif /* SHK_TABLES_H */
