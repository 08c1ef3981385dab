/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The notifier subscriptions of an mm: the struct in which the kernel keeps the interval notifiers
 * that report the end of grafted mms to graft.c.
 */
#ifndef SHK_SUBSCRIBE_H
#define SHK_SUBSCRIBE_H

#include <linux/mm_types.h>

/*
 * Allocates the notifier subscriptions of @mm. Afterwards shk_graft_alloc() can insert a notifier
 * into @mm without the mmap_lock, also while a signal is pending. mmu_notifier_register() allocates
 * them, too, but gives up if any signal is pending. This function does not.
 *
 * Takes @mm's mmap_lock. If @wait, waits for that lock until current is killed; otherwise only
 * tries it. Blocks all signals of current except SIGKILL and SIGSTOP until it returns.
 *
 * The caller has a user of @mm (mmget), and holds no lock except cgroups_lock and cred_guard_mutex.
 * Sleeps.
 *
 * Returns 0 or
 *   -EAGAIN        Only without @wait: another task holds the mmap_lock. Or a page fault that holds
 *                  only the lock of its VMA has not ended within some milliseconds.
 *   -ENOMEM
 *   -ERESTARTSYS   the caller was killed, or signals interrupted every try
 */
int shk_mm_subscribe(struct mm_struct *mm, bool wait);

/*
 * Frees the notifier subscriptions of @mm, so that @mm is as fork or exec has allocated it. Called
 * when the creation of @mm fails, by the task that creates @mm. No other task knows @mm.
 */
void shk_mm_forget_subscriptions(struct mm_struct *mm);

#endif /* SHK_SUBSCRIBE_H */
