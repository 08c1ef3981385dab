/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The notifier subscriptions of an mm: the struct in which the kernel keeps the interval notifiers
 * that report the end of grafted mms to graft.c.
 */
#ifndef SHK_SUBSCRIBE_H
#define SHK_SUBSCRIBE_H

#include <linux/mm_types.h>

/*
 * Allocates the notifier subscriptions of @mm. Afterwards shk_graft_alloc() inserts a notifier
 * into @mm without any lock of @mm, and whatever signals are pending. The kernel's own function
 * for that gives up at any pending signal; this one does not.
 *
 * If @own, it waits for @mm's mmap_lock, killably; otherwise it only tries it. The caller has a
 * user of @mm, and holds no lock except cred_guard_mutex. Sleeps. Signals of current are blocked
 * meanwhile, except SIGKILL and SIGSTOP.
 *
 * Errors:
 *   -EAGAIN        The mmap_lock is taken (without @own); or a page fault that holds only the
 *                  lock of its VMA does not end.
 *   -ENOMEM
 *   -ERESTARTSYS   the caller was killed, or signals interrupted every try
 */
int shk_mm_subscribe(struct mm_struct *mm, bool own);

/*
 * Frees the notifier subscriptions of @mm, so that @mm is as fork or exec has allocated it. Called
 * when the creation of @mm fails, by the task that creates it; no other task knows @mm.
 */
void shk_mm_forget_subscriptions(struct mm_struct *mm);

#endif /* SHK_SUBSCRIBE_H */
