/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes the text of an mm while threads may run in it: writes its entry, the top-level page-table
 * entry for kernel text (graft.h). Attach, move, detach, enter and leave do that by the function
 * below.
 *
 * Other code writes an entry only where no task of the mm can be in text that must not change:
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
 * The parameter graft of @fn is the mm's attached graft, or NULL. @to is the shadow that the mm
 * goes to, NULL for the base. It is locked; the shadow that the mm leaves need not be.
 *
 * "Must stop" below: the shadow that the mm leaves, or @to, has bodies in place (graft.h), and they
 * are not the same shadow. In this order:
 *
 *   1. If the mm's shadow has bodies in place: a reference to it, in @change->deferred.in_place.
 *      If it must stop: cpus_read_lock().
 *   2. text_mutex: no task of the mm is in a function that hooks/hooks.c makes run in the base.
 *   3. If @change->deferred has a spare graft, so that the mm may come from the base:
 *      shk_graft_pre_attach() evicts its lazy TLB users.
 *   4. If it must stop: the machine is stopped, and the stacks of the mm's threads are checked. No
 *      thread may be in a body in place of one of the two shadows.
 *   5. shk_graft_lock: @change->check(), then @fn. Neither sleeps.
 *   6. If @fn returned 1: every CPU flushes the mm. While the machine is stopped every CPU flushes
 *      in any case, before it goes on.
 *   7. shk_graft_post_detach(), also after an error.
 *
 * All locks taken here are released on return. Sleeps.
 *
 * @fn returns 1 if it wrote the entry, 0 if there is nothing to flush, or an error. This function
 * returns what @fn returned, or the error of @change->check(), or
 *   -EAGAIN   @fn was not called. The thread @change->busy is in a body in place, in exec, or has
 *             a stack that cannot be walked reliably. If @change->busy is 0, the mm has meanwhile
 *             left or entered a shadow that has bodies in place.
 */
int shk_graft_change_text(struct shk_change *change, struct shk_shadow *to,
			  int (*fn)(struct shk_graft *graft, void *arg), void *arg);

#endif /* SHK_CHANGE_TEXT_H */
