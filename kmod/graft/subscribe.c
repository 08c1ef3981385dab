// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mmu_notifier.h>
#include <linux/sched/signal.h>

#include "compat/mm_lock.h"
#include "compat/symbols.h"
#include "graft/subscribe.h"

/* Signals that come in the midst of it, time after time. */
#define SUBSCRIBE_TRIES 100

/*
 * The kernel gives up if any signal is pending, and a freezer, a tracer's stop or
 * job control looks like one until this task obeys. So the flags wait: they are back
 * before anything that asks for them.
 */
static int mm_try_subscribe(struct mm_struct *mm, bool own)
{
	bool signal, notify;
	int ret;

	if (own ? mmap_write_lock_killable(mm) : !shk_mmap_write_trylock(mm))
		return own ? -ERESTARTSYS : -EAGAIN;
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

int shk_mm_subscribe(struct mm_struct *mm, bool own)
{
	unsigned int tries = SUBSCRIBE_TRIES;
	sigset_t most, blocked;
	int ret;

	/* What need not be obeyed at once can wait. */
	siginitsetinv(&most, sigmask(SIGKILL) | sigmask(SIGSTOP));
	sigprocmask(SIG_SETMASK, &most, &blocked);
	do {
		ret = mm_try_subscribe(mm, own);
	} while (ret == -EINTR && !fatal_signal_pending(current) && --tries);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	return ret == -EINTR ? -ERESTARTSYS : ret;
}

/*
 * Nobody but its maker knows @mm yet. If that fails, mm_init() frees it without
 * its subscriptions, since it expects none, and bprm_mm_init() with them.
 */
void shk_mm_forget_subscriptions(struct mm_struct *mm)
{
	shk_call(__mmu_notifier_subscriptions_destroy)(mm);
	mmu_notifier_subscriptions_init(mm);
}
