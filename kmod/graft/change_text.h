/* SPDX-License-Identifier: GPL-2.0-only */
/* Another text for an mm that others may run in. */
#ifndef SHK_CHANGE_TEXT_H
#define SHK_CHANGE_TEXT_H

#include "graft/graft.h"

/*
 * @fn, which gets the mm's graft, or NULL, and @arg, under shk_graft_lock lets @change->mm have the
 * text of @to, which is locked, or of the base if that is NULL; or changes nothing if @change->check() refuses. All ways lead through here
 * but those of a task that changes its own, and is where nothing may be in place, and those of
 * system calls into a target, which has nothing in place (edit/inplace.c). If what the mm leaves or
 * where it comes to has bodies in place: while the machine stands still, and no task of it is in one.
 * Returns what @fn does, 1 if the text is another; -EAGAIN: @change->busy is in one, or, if that is
 * 0, the mm has moved meanwhile.
 */
int shk_graft_change_text(struct shk_change *change, struct shk_shadow *to,
			  int (*fn)(struct shk_graft *graft, void *arg), void *arg);

#endif /* SHK_CHANGE_TEXT_H */
