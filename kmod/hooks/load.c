// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kprobes.h>
#include <linux/mmu_context.h>
#include <linux/sched.h>
#include <asm/segment.h>

#include "compat/symbols.h"
#include "hooks/load.h"

bool shk_is_borrowing(void)
{
	const struct mm_struct *loaded = *this_cpu_ptr(shk_symbols.loaded_mm);

	/* What calls EFI's firmware has that one for its own, and no interrupt takes it away. */
	return !current->mm && loaded == current->active_mm && loaded != shk_symbols.efi_mm;
}
NOKPROBE_SYMBOL(shk_is_borrowing);

void shk_load_base(void)
{
	shk_call(switch_mm_irqs_off)(NULL, shk_symbols.init_mm, NULL);
}
NOKPROBE_SYMBOL(shk_load_base);

/*
 * What is loaded is not always current->active_mm: exec may be about to load that one, which Xen
 * does not take yet.
 */
struct mm_struct *shk_load(struct mm_struct *mm)
{
	struct mm_struct *from = *this_cpu_ptr(shk_symbols.loaded_mm);

	/*
	 * A kernel thread that borrows an mm goes on in the base. Loaded again, the mm would
	 * not count as borrowed (cpu_tlbstate_shared.is_lazy), and attaching its process would
	 * not send the thread away from it (flush_mm()); or has done so in this very interrupt.
	 */
	if (shk_is_borrowing())
		from = shk_symbols.init_mm;
	shk_call(switch_mm_irqs_off)(NULL, mm, NULL);
	return from;
}
NOKPROBE_SYMBOL(shk_load);

/*
 * Another thread may have changed the LDT meanwhile. Its IPI found another mm loaded
 * here (flush_ldt()) and left ds and es alone, which the kernel does not reload on
 * its way back to user space.
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
