/* SPDX-License-Identifier: GPL-2.0-only */
/* Another text for an mm that others may run in. */
#ifndef SHK_SWITCH_H
#define SHK_SWITCH_H

#include "shadow/shadow.h"

/*
 * @change(@arg), under shk_graft_lock, lets @mm have the text of @to, or of the base if
 * that is NULL; shk_config_lock held. All ways lead through here but those of a task that
 * changes its own, and is where nothing may be in place, and those of system calls into a
 * target, which has nothing in place (edit/inplace.c). If what @mm leaves or where it comes
 * to has bodies in place: while the machine stands still, and no task of @mm is in one.
 * Returns what @change does, 1 if the text is another; -EAGAIN: @busy is in one.
 */
int shk_graft_change_text(struct mm_struct *mm, struct shk_shadow *to, int (*change)(void *arg),
			  void *arg, pid_t *busy);

#endif /* SHK_SWITCH_H */
