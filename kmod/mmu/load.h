/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which mm's page tables a CPU has loaded, and so which text it executes. Loading an mm here
 * changes neither current->mm nor current->active_mm.
 */
#ifndef SHK_MMU_LOAD_H
#define SHK_MMU_LOAD_H

#include <linux/mm_types.h>

/*
 * Returns true if current is a lazy TLB user: it has no mm, and this CPU has loaded the mm of
 * another task that current borrows (active_mm). Returns false if the loaded mm is another one,
 * since shk_load() has loaded it. Returns false for efi_mm, too: current is calling the EFI
 * firmware and needs efi_mm until that returns. Interrupts are off.
 */
bool shk_is_borrowing(void);
/* Loads init_mm, so that this CPU executes the base. Interrupts are off. */
void shk_load_base(void);
/*
 * Loads @mm, so that this CPU executes the text of @mm until shk_load_back() or until the next
 * change of mm. Interrupts are off. Returns the mm for shk_load_back(): the mm that was loaded, or
 * init_mm if current was borrowing that mm (shk_is_borrowing()). A caller that calls
 * shk_load_back() stays on this CPU until then. Pairs of the two calls may nest.
 */
struct mm_struct *shk_load(struct mm_struct *mm);
/*
 * Loads @from, which shk_load() has returned on this CPU, so that the CPU executes the text of
 * @from again. Also loads ds and es again, if another thread of the process may have changed the
 * LDT. Interrupts are off.
 */
void shk_load_back(struct mm_struct *from);

#endif /* SHK_MMU_LOAD_H */
