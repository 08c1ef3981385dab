// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes an mm ready for interval notifiers. The kernel does that, too, when the first is inserted
 * (mmu_notifier_register()), but in a way that does not do here:
 *
 * - Not even a kill ends its wait for the mmap_lock.
 * - It waits for page faults while it holds a lock of the whole machine.
 * - It fails if any signal is pending.
 */
#include <linux/mmu_notifier.h>
#include <linux/sched/signal.h>

#include "compat/mm_lock.h"
#include "compat/symbols.h"
#include "graft/subscribe.h"

/* How often shk_mm_subscribe() begins again after a signal that arrived meanwhile. */
#define SUBSCRIBE_TRIES 100

/*
 * Tries once to allocate the notifier subscriptions of @mm. If @wait, waits for the mmap_lock until
 * current is killed; otherwise only tries it. Sleeps.
 *
 * While a freezer, a tracer or job control is about to stop the task, signal_pending() is true, and
 * __mmu_notifier_register() gives up. So this function clears the thread flags that
 * signal_pending() reads, and sets them again after that call.
 *
 * Returns 0 or
 *   -EAGAIN        another task holds the mmap_lock (only without @wait), or a page fault that
 *                  holds only the lock of its VMA has not ended within some milliseconds
 *   -ERESTARTSYS   the caller was killed
 *   -EINTR         a signal arrived meanwhile
 *   -ENOMEM
 */
static int mm_try_subscribe(struct mm_struct *mm, bool wait)
{
	bool signal, notify;
	int ret;

	if (wait ? mmap_write_lock_killable(mm) : !shk_mmap_write_trylock(mm))
		return wait ? -ERESTARTSYS : -EAGAIN;
	if (!shk_vmas_lock(mm)) {
		mmap_write_unlock(mm);
		return -EAGAIN;
	}
	signal = test_and_clear_thread_flag(TIF_SIGPENDING);
	notify = test_and_clear_thread_flag(TIF_NOTIFY_SIGNAL);
	ret = __mmu_notifier_register(NULL, mm);
	if (signal)
		set_thread_flag(TIF_SIGPENDING);
	if (notify)
		set_thread_flag(TIF_NOTIFY_SIGNAL);
	mmap_write_unlock(mm);
	return ret;
}

int shk_mm_subscribe(struct mm_struct *mm, bool wait)
{
	unsigned int tries = SUBSCRIBE_TRIES;
	sigset_t most, blocked;
	int ret;

	/* Blocked signals do not set TIF_SIGPENDING while the loop runs. */
	siginitsetinv(&most, sigmask(SIGKILL) | sigmask(SIGSTOP));
	sigprocmask(SIG_SETMASK, &most, &blocked);
	do {
		ret = mm_try_subscribe(mm, wait);
	} while (ret == -EINTR && !fatal_signal_pending(current) && --tries);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	return ret == -EINTR ? -ERESTARTSYS : ret;
}

/*
 * Frees @mm's subscriptions of mmu notifiers, and sets the pointer to them as for a new mm. Without
 * that, the subscriptions would leak: when the creation of an mm fails, mm_init() frees the mm but
 * not its subscriptions, since it expects none. bprm_mm_init() frees both.
 */
void shk_mm_forget_subscriptions(struct mm_struct *mm)
{
	shk_call(__mmu_notifier_subscriptions_destroy)(mm);
	mmu_notifier_subscriptions_init(mm);
}
