// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text without a process: an mm of the shadow's own, which maps nothing and only
 * carries the graft. Who is to execute the shadow for a while and is no process
 * of it (an interrupt, a kernel thread, a work item) loads it, and loads what was
 * there before when that is over. It is nobody's current->mm or ->active_mm: to
 * the kernel a kernel thread stays one, and an interrupt sees another mm loaded than
 * that of whom it landed on, as in the base (hooks.c).
 *
 * Text may change so at any instant, since what is private is one instruction in
 * the place of one. But for the functions that the base executes for a shadow
 * (hooks.c): whoever is in one of those, and so owns text_mutex, stays in the base.
 */
#include <linux/cpu.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>
#include <asm/segment.h>

#include "mmu/small.h"
#include "shadow/shadow.h"

/* Who makes such an mm, which is born outside even if its maker is inside. */
static const struct task_struct *maker;

bool shk_bare_born(void)
{
	return READ_ONCE(maker) == current;
}

static struct mm_struct *bare_create(struct shk_shadow *shadow)
{
	struct mm_struct *mm;
	int ret;

	WRITE_ONCE(maker, current);
	mm = shk_call(mm_alloc)();
	WRITE_ONCE(maker, NULL);
	if (!mm)
		return ERR_PTR(-ENOMEM);
	ret = shk_mmu->graft(mm, &shadow->text.tables);
	if (!ret)
		return mm;
	mmput(mm);
	return ERR_PTR(ret);
}

int shk_bare_get(struct shk_shadow *shadow)
{
	bool was_built = shadow->text.built, was_hooked = shadow->hooked;
	struct mm_struct *mm;
	int ret;

	lockdep_assert_held(&shk_config_lock);
	if (!shk_mmu->bare)
		return -EOPNOTSUPP;
	ret = shk_graft_prepare(shadow);
	if (ret)
		return ret;
	if (shadow->bare_users) {
		shadow->bare_users++;
		return 0;
	}
	mm = bare_create(shadow);
	if (IS_ERR(mm)) {
		shk_graft_unprepare(shadow, was_built, was_hooked);
		return PTR_ERR(mm);
	}
	shadow->bare = mm;
	shadow->bare_users = 1;
	return 0;
}

void shk_bare_pause(const struct mm_struct *bare)
{
	unsigned long flags;

	local_irq_save(flags);
	if (*this_cpu_ptr(shk_symbols.loaded_mm) == bare)
		shk_call(switch_mm_irqs_off)(NULL, shk_symbols.init_mm, NULL);
	local_irq_restore(flags);
}
NOKPROBE_SYMBOL(shk_bare_pause);

/*
 * In a task that has come to this CPU for it: whoever ran here does not any more,
 * and an interrupt that comes back to it is over.
 */
static long quit(void *bare)
{
	shk_bare_pause(bare);
	return 0;
}

void shk_bare_leave_all(struct shk_shadow *shadow)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) work_on_cpu(cpu, quit, shadow->bare);
	cpus_read_unlock();
}

void shk_bare_put(struct shk_shadow *shadow)
{
	struct mm_struct *mm = shadow->bare;

	lockdep_assert_held(&shk_config_lock);
	if (--shadow->bare_users)
		return;
	shadow->bare = NULL;
	WARN_ON_ONCE(shk_mmu->graft(mm, NULL));
	shk_small_resize(mm, false);
	shk_mmu->flush_mm(mm);
	mmput(mm);
}

/* text_mutex's, which mutex_lock() has written and its low bits are flags. */
static bool patches_text(void)
{
	return (atomic_long_read(&shk_symbols.text_mutex->owner) & ~7UL) == (unsigned long)current;
}

bool shk_is_borrowing(void)
{
	const struct mm_struct *loaded = *this_cpu_ptr(shk_symbols.loaded_mm);

	/* What calls EFI's firmware has that one for its own, and no interrupt takes it away. */
	return !current->mm && loaded == current->active_mm && loaded != shk_symbols.efi_mm;
}
NOKPROBE_SYMBOL(shk_is_borrowing);

struct mm_struct *shk_bare_enter(struct mm_struct *bare)
{
	struct mm_struct *from = *this_cpu_ptr(shk_symbols.loaded_mm);

	/*
	 * Who borrows an mm goes on in the base. Loaded again, that would be borrowed no
	 * more, as far as the CPU can tell: who attaches its process would not send a
	 * kernel thread away from it (flush_mm()).
	 */
	if (shk_is_borrowing())
		from = shk_symbols.init_mm;
	shk_call(switch_mm_irqs_off)(NULL, bare, NULL);
	return from;
}
NOKPROBE_SYMBOL(shk_bare_enter);

/*
 * Another thread may have changed the LDT meanwhile. Its IPI found another mm loaded
 * here (flush_ldt()) and left ds and es alone, which the kernel does not reload on
 * its way back to user space.
 */
static void refresh_segments(const struct mm_struct *mm)
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
NOKPROBE_SYMBOL(refresh_segments);

void shk_bare_leave(struct mm_struct *from)
{
	shk_call(switch_mm_irqs_off)(NULL, from, current);
	refresh_segments(from);
}
NOKPROBE_SYMBOL(shk_bare_leave);

void shk_bare_resume(struct mm_struct *bare)
{
	unsigned long flags;

	/* It has taken a process's mm (kthread_use_mm()): that says what it executes. */
	if (current->mm || patches_text())
		return;
	local_irq_save(flags);
	shk_call(switch_mm_irqs_off)(NULL, bare, NULL);
	local_irq_restore(flags);
}
NOKPROBE_SYMBOL(shk_bare_resume);
