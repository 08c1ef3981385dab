// SPDX-License-Identifier: GPL-2.0-only
/* Loads page tables of other mms than current's; see load.h. */
#include <linux/kprobes.h>
#include <linux/mmu_context.h>
#include <linux/sched.h>
#include <asm/segment.h>

#include "compat/symbols.h"
#include "mmu/load.h"

bool shk_is_borrowing(void)
{
	const struct mm_struct *loaded = *this_cpu_ptr(shk_symbols.loaded_mm);

	/* A task that calls EFI's firmware has loaded efi_mm, and needs it until it returns. */
	return !current->mm && loaded == current->active_mm && loaded != shk_symbols.efi_mm;
}
NOKPROBE_SYMBOL(shk_is_borrowing);

void shk_load_base(void)
{
	shk_call(switch_mm_irqs_off)(NULL, shk_symbols.init_mm, NULL);
}
NOKPROBE_SYMBOL(shk_load_base);

/*
 * Loads @mm, and returns the mm that was loaded before; init_mm, if current borrowed that mm. That
 * is not current->active_mm: during an exec, active_mm may be an mm that is not loaded yet, and
 * that Xen does not accept yet.
 */
struct mm_struct *shk_load(struct mm_struct *mm)
{
	struct mm_struct *from = *this_cpu_ptr(shk_symbols.loaded_mm);

	/*
	 * A kernel thread that borrows an mm goes on in the base. If the mm was loaded again, it
	 * would not count as borrowed (cpu_tlbstate_shared.is_lazy), and flush_mm() would not evict
	 * the thread when the mm's process is attached. It may also have done that meanwhile.
	 */
	if (shk_is_borrowing())
		from = shk_symbols.init_mm;
	shk_call(switch_mm_irqs_off)(NULL, mm, NULL);
	return from;
}
NOKPROBE_SYMBOL(shk_load);

/*
 * Loads ds and es again if they are selectors of the LDT. Another thread may have changed the LDT
 * while this CPU had another mm loaded. The IPI of that change (flush_ldt()) then reloaded nothing
 * on this CPU, and the kernel's way back to user space does not load ds and es either.
 */
static void load_refresh_segments(const struct mm_struct *mm)
{
#ifdef CONFIG_MODIFY_LDT_SYSCALL
	unsigned short selector;

	if (!READ_ONCE(mm->context.ldt))
		return;
	savesegment(ds, selector);
	if ((selector & SEGMENT_TI_MASK) == SEGMENT_LDT)
		loadsegment(ds, selector);
	savesegment(es, selector);
	if ((selector & SEGMENT_TI_MASK) == SEGMENT_LDT)
		loadsegment(es, selector);
#endif
}
NOKPROBE_SYMBOL(load_refresh_segments);

void shk_load_back(struct mm_struct *from)
{
	shk_call(switch_mm_irqs_off)(NULL, from, current);
	load_refresh_segments(from);
}
NOKPROBE_SYMBOL(shk_load_back);
