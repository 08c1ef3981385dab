/* SPDX-License-Identifier: GPL-2.0-only */
/* Which mm's page tables, and so which text, a CPU has loaded. */
#ifndef SHK_HOOKS_LOAD_H
#define SHK_HOOKS_LOAD_H

#include <linux/mm_types.h>

/*
 * Has a kernel thread on this CPU loaded the mm that it borrows (active_mm), not one that it
 * was given by shk_load()? Interrupts are off.
 */
bool shk_is_borrowing(void);
/* This CPU executes the base. Interrupts are off. */
void shk_load_base(void);
/*
 * This CPU executes the text of @mm until shk_load_back() of what this returns, while
 * current->mm and ->active_mm stay as they are. Interrupts are off.
 */
struct mm_struct *shk_load(struct mm_struct *mm);
void shk_load_back(struct mm_struct *from);

#endif /* SHK_HOOKS_LOAD_H */
