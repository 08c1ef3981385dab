// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chosen system calls: while a thread of an mm is in one, the mm executes the text of another
 * shadow, the target of its own shadow. Its page-table entry for kernel text points at the target's
 * tables then, the graft's state is CALLING, and shk_graft.nr_calls counts these threads.
 *
 * Other changes of the entry need text_mutex and a check of stacks (stack_check.h). Here neither is
 * needed:
 * - Both texts have the same hooks. So a task in a function that hooks/hooks.c makes execute the
 *   base stays in the base.
 * - A target has no functions that a patch has overwritten in place. So no stack can have an
 *   address in one.
 */
#include <linux/sched.h>

#include "graft/calls.h"
#include "graft/graft.h"

void shk_graft_link_target(struct shk_shadow *caller)
{
	lockdep_assert_held(&caller->target->lock);
	spin_lock(&shk_graft_lock);
	list_add_tail(&caller->caller, &caller->target->callers);
	spin_unlock(&shk_graft_lock);
}

void shk_graft_unlink_target(struct shk_shadow *caller)
{
	lockdep_assert_held(&caller->target->lock);
	spin_lock(&shk_graft_lock);
	list_del_init(&caller->caller);
	spin_unlock(&shk_graft_lock);
}

/*
 * Counts the system call number @nr in @graft->nr_calls, if it is a chosen call of @graft's shadow.
 * If it is the only one in progress, points the mm's entry at the target's tables. The caller
 * flushes the mm. shk_graft_lock is held. Returns false if nothing was counted: @nr is not chosen,
 * or Xen refused the write to the page table.
 */
static bool graft_call_begin(struct shk_graft *graft, unsigned int nr)
{
	struct shk_shadow *target = graft->shadow->target;

	if (!target || !test_bit(nr, graft->shadow->calls))
		return false;
	if (!graft->nr_calls) {
		if (shk_graft_set_calling(graft, true))
			return false;
		graft->calls_flushed = false;
	}
	graft->nr_calls++;
	return true;
}

u64 shk_graft_call_begin(unsigned int nr)
{
	struct mm_struct *mm = current->mm;
	struct shk_graft *graft;
	bool flush = false;
	u64 call = 0;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	if (graft && graft_call_begin(graft, nr)) {
		call = graft->attach_seq;
		flush = !graft->calls_flushed;
	}
	spin_unlock(&shk_graft_lock);
	if (!flush)
		return call;
	/*
	 * Flush also if this is not the first call in progress: the flush of the first may not have
	 * reached this thread's CPU.
	 */
	shk_mmu->flush_mm(mm);
	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	if (graft && graft->attach_seq == call)
		graft->calls_flushed = true;
	spin_unlock(&shk_graft_lock);
	return call;
}

void shk_graft_call_end(u64 call)
{
	struct mm_struct *mm = current->mm;
	struct shk_graft *graft;
	bool last = false;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	/* With another number, the mm was detached, moved or attached again since the begin. */
	if (graft && graft->attach_seq == call)
		last = !--graft->nr_calls;
	if (last)
		WARN_ON_ONCE(shk_graft_set_calling(graft, false));
	spin_unlock(&shk_graft_lock);
	if (last)
		shk_mmu->flush_mm(mm);
}
