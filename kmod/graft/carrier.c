// SPDX-License-Identifier: GPL-2.0-only
/*
 * Carrier mms: mms without a process, whose page-table entry for kernel text points at a shadow's
 * tables. While an interrupt, a softirq, a kernel thread or a work item is to execute the shadow,
 * the CPU loads its carrier. Afterwards it loads again what it had loaded before.
 *
 * The carrier is never current->mm or ->active_mm, so for the kernel a kernel thread has no mm. In
 * an interrupt the loaded mm may differ from current's. hooks/hooks.c causes the same where it
 * makes an interrupt execute the base.
 *
 * A load may change the CPU's text between any two instructions, since an edit of a shadow replaces
 * one instruction by one other. The exceptions are functions that the base executes for a shadow
 * (hooks/hooks.c). A task that may be in one holds text_mutex, so shk_carrier_load() leaves that
 * task in the base.
 */
#include <linux/cpu.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "graft/carrier.h"
#include "graft/graft.h"
#include "mmu/load.h"
#include "mmu/small_pages.h"

/*
 * A task that is creating a carrier (shk_carrier_is_being_made()). The task may be in a shadow, but
 * the new mm must not inherit that. The struct is on the task's stack.
 */
struct carrier_maker {
	const struct task_struct *task;
	struct list_head node; /* in the list makers */
};

static LIST_HEAD(makers);
/* Protects makers. No lock is taken inside it. */
static DEFINE_SPINLOCK(makers_lock);

bool shk_carrier_is_being_made(void)
{
	const struct carrier_maker *maker;
	bool found = false;

	/* Without the lock current sees at least what it has added itself. */
	if (data_race(list_empty(&makers)))
		return false;
	spin_lock(&makers_lock);
	list_for_each_entry (maker, &makers, node)
		found |= maker->task == current;
	spin_unlock(&makers_lock);
	return found;
}

/*
 * Creates the carrier of @shadow, whose tables exist. @shadow's lock is held; sleeps. Returns the
 * mm with a user (mmput()), or an ERR_PTR() of -ENOMEM; XEN: Xen refused a write to a page table.
 */
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
 * Makes this CPU load init_mm if it has loaded @carrier, an mm. Work item of shk_carrier_evict().
 * When it runs, kernel threads that have executed the shadow on this CPU are switched out, and
 * interrupts that could load the carrier again at their end are over. Returns 0.
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

/* Returns true if current holds text_mutex. */
static bool current_patches_text(void)
{
	return shk_mutex_owner(shk_symbols.text_mutex) == current;
}

void shk_carrier_load(struct mm_struct *carrier)
{
	unsigned long flags;

	/* With a process's mm (kthread_use_mm()) current executes the text of that. */
	if (current->mm || current_patches_text())
		return;
	local_irq_save(flags);
	shk_load(carrier);
	local_irq_restore(flags);
}
NOKPROBE_SYMBOL(shk_carrier_load);
