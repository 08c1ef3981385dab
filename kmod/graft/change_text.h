/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes the text of an mm while other threads may run in it. Attach, move, detach, enter and
 * leave pass here.
 *
 * Elsewhere the entry of an mm is written only where no task can be in text that must not change:
 *
 *   new mms         inherit.c: no CPU has executed them
 *   end of exec     inherit.c: only current runs in its new mm, at a known place
 *   exit_mmap()     graft.c: no task runs in the mm
 *   chosen calls    calls.c: both texts have the same hooks, and no bodies in place
 *   carriers        carrier.c: no process has the mm
 */
#ifndef SHK_CHANGE_TEXT_H
#define SHK_CHANGE_TEXT_H

#include "graft/graft.h"

/*
 * Calls @fn(graft, @arg), which writes the entry of @change->mm, and flushes every CPU afterwards.
 * graft is the mm's attached graft, or NULL. @to is the shadow that the mm goes to, NULL for the
 * base. In this order:
 *
 *   1. If the shadow that the mm leaves, or @to, has bodies in place: cpus_read_lock().
 *   2. text_mutex: no task of the mm is in a function that hooks/hooks.c makes run in the base.
 *   3. If the mm can come out of the base: its lazy TLB users are evicted.
 *   4. If there are bodies in place: the machine is stopped, and the stacks of the mm's threads are
 *      checked. No thread may be in a body.
 *   5. shk_graft_lock: @change->check(), then @fn. Neither sleeps.
 *   6. Every CPU flushes the mm. If the machine is stopped, each does so before it goes on.
 *   7. shk_graft_post_detach(), also after an error.
 *
 * @to is locked; the shadow that the mm leaves need not be. All locks taken here are released on
 * return. Sleeps.
 *
 * @fn returns 1 if it wrote the entry, 0 if there is nothing to flush, or an error. This function
 * returns what @fn returned, or the error of @change->check(), or
 *   -EAGAIN   The thread @change->busy is in a body. If @change->busy is 0, the mm has meanwhile
 *             left or entered a shadow that has bodies in place. @fn was not called.
 */
int shk_graft_change_text(struct shk_change *change, struct shk_shadow *to,
			  int (*fn)(struct shk_graft *graft, void *arg), void *arg);

#endif /* SHK_CHANGE_TEXT_H */
