/* SPDX-License-Identifier: GPL-2.0-only */
/* An mm's list of notifiers, which a graft is told the mm's end by. */
#ifndef SHK_SUBSCRIBE_H
#define SHK_SUBSCRIBE_H

#include <linux/mm_types.h>

/*
 * Let grafts of @mm, of which the caller has a user, be made without a wait, and whatever
 * signals are pending. @own: it is current's; only then its mmap_lock is waited for.
 * No locks but cred_guard_mutex. -EAGAIN: that is taken, or a fault does not end;
 * -ERESTARTSYS: the caller is killed, or signals came without end; -ENOMEM.
 */
int shk_mm_subscribe(struct mm_struct *mm, bool own);
/* The list is as in a new mm. @mm, which only its maker knows, has come to nothing. */
void shk_mm_forget_subscriptions(struct mm_struct *mm);

#endif /* SHK_SUBSCRIBE_H */
