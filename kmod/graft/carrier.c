// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text without a process: an mm of the shadow's own, which maps nothing and only
 * carries the graft. Who is to execute the shadow for a while and is no process
 * of it (an interrupt, a kernel thread, a work item) loads it, and loads what was
 * there before when that is over. It is nobody's current->mm or ->active_mm: to
 * the kernel a kernel thread stays one, and an interrupt sees another mm loaded than
 * that of whom it landed on, as in the base (hooks/hooks.c).
 *
 * Text may change so at any instant, since what is private is one instruction in
 * the place of one. But for the functions that the base executes for a shadow
 * (hooks/hooks.c): whoever is in one of those, and so owns text_mutex, stays in the base.
 */
#include <linux/cpu.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "graft/carrier.h"
#include "graft/graft.h"
#include "hooks/load.h"
#include "mmu/small_pages.h"

/* Tasks that make such an mm, which is outside even if its maker is inside. On their stacks. */
struct carrier_maker {
	const struct task_struct *task;
	struct list_head node;
};

static LIST_HEAD(makers);
static DEFINE_SPINLOCK(makers_lock); /* nothing is taken inside */

bool shk_carrier_is_being_made(void)
{
	const struct carrier_maker *maker;
	bool found = false;

	/* Current's own is seen without the lock. */
	if (data_race(list_empty(&makers)))
		return false;
	spin_lock(&makers_lock);
	list_for_each_entry (maker, &makers, node)
		found |= maker->task == current;
	spin_unlock(&makers_lock);
	return found;
}

static struct mm_struct *carrier_create(struct shk_shadow *shadow)
{
	struct carrier_maker self = { .task = current };
	struct mm_struct *mm;
	int ret;

	spin_lock(&makers_lock);
	list_add(&self.node, &makers);
	spin_unlock(&makers_lock);
	mm = shk_call(mm_alloc)();
	spin_lock(&makers_lock);
	list_del(&self.node);
	spin_unlock(&makers_lock);
	if (!mm)
		return ERR_PTR(-ENOMEM);
	ret = shk_graft_set_carrier(mm, shadow);
	if (!ret)
		return mm;
	mmput(mm);
	return ERR_PTR(ret);
}

int shk_carrier_get(struct shk_shadow *shadow)
{
	struct shk_prepared was;
	struct mm_struct *mm;
	int ret;

	lockdep_assert_held(&shadow->lock);
	if (!shk_mmu->carriers)
		return SHK_E(NO_CARRIER);
	ret = shk_shadow_prepare(shadow, &was);
	if (ret)
		return ret;
	if (shadow->carrier_users) {
		shadow->carrier_users++;
		return 0;
	}
	mm = carrier_create(shadow);
	if (IS_ERR(mm)) {
		shk_shadow_unprepare(shadow, &was);
		return PTR_ERR(mm);
	}
	WRITE_ONCE(shadow->carrier, mm);
	shadow->carrier_users = 1;
	return 0;
}

void shk_carrier_unload(const struct mm_struct *carrier)
{
	unsigned long flags;

	local_irq_save(flags);
	if (*this_cpu_ptr(shk_symbols.loaded_mm) == carrier)
		shk_load_base();
	local_irq_restore(flags);
}
NOKPROBE_SYMBOL(shk_carrier_unload);

/*
 * In a task that has come to this CPU for it: whoever ran here does not any more,
 * and an interrupt that comes back to it is over.
 */
static long carrier_evict_cpu(void *carrier)
{
	shk_carrier_unload(carrier);
	return 0;
}

void shk_carrier_evict(struct shk_shadow *shadow)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) work_on_cpu(cpu, carrier_evict_cpu, shadow->carrier);
	cpus_read_unlock();
}

void shk_carrier_put(struct shk_shadow *shadow)
{
	struct mm_struct *mm = shadow->carrier;

	lockdep_assert_held(&shadow->lock);
	if (--shadow->carrier_users)
		return;
	WRITE_ONCE(shadow->carrier, NULL);
	WARN_ON_ONCE(shk_graft_set_carrier(mm, NULL));
	shk_small_pages_resize(mm, false);
	shk_mmu->flush_mm(mm);
	mmput(mm);
}

/* text_mutex's, which mutex_lock() has written and its low bits are flags. */
static bool current_patches_text(void)
{
	return (atomic_long_read(&shk_symbols.text_mutex->owner) & ~7UL) == (unsigned long)current;
}

void shk_carrier_load(struct mm_struct *carrier)
{
	unsigned long flags;

	/* It has taken a process's mm (kthread_use_mm()): that says what it executes. */
	if (current->mm || current_patches_text())
		return;
	local_irq_save(flags);
	shk_load(carrier);
	local_irq_restore(flags);
}
NOKPROBE_SYMBOL(shk_carrier_load);
