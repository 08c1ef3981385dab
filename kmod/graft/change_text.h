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
 * Changes the text of @change->mm: calls @fn(graft, @arg), which writes the mm's entry, and then
 * flushes the mm on every CPU. The parameter graft of @fn is the mm's attached graft, or NULL. @to
 * is the shadow that the mm goes to, or NULL for the base. The caller holds the lock of @to. The
 * lock of the shadow that the mm leaves is not needed.
 *
 * The machine "must stop" if the shadow that the mm leaves, or @to, has bodies in place (graft.h),
 * and the two are not the same shadow.
 *
 * The caller sets @change->mm; @change->check, or NULL; and, if the mm may come from the base,
 * @change->deferred.graft (shk_graft_prealloc()). Afterwards, when no shadow is locked, it runs
 * shk_deferred_put_run() on @change->deferred. This function takes these steps in this order:
 *
 *   1. If the shadow that the mm leaves has bodies in place, stores a reference to that shadow in
 *      @change->deferred.in_place; the caller drops it. If the machine must stop, takes
 *      cpus_read_lock().
 *   2. Takes text_mutex. While it is held, no task of the mm is in a function that hooks/hooks.c
 *      makes run in the base: callers of such a function hold text_mutex, too.
 *   3. If @change->deferred.graft is not NULL, the mm may come from the base:
 *      shk_graft_pre_attach() evicts the mm's lazy TLB users.
 *   4. If the machine must stop, stops it and checks the stacks of the mm's threads. No thread may
 *      be in a body in place of one of the two shadows.
 *   5. Takes shk_graft_lock. Calls @change->check(), if it is set, and then, unless that returned
 *      an error, @fn. Neither sleeps.
 *   6. If @fn returned 1, flushes the mm on every CPU. If the machine was stopped, every CPU
 *      flushes in any case, before tasks run again.
 *   7. Calls shk_graft_post_detach(), also after an error.
 *
 * Releases all locks that it has taken. Sleeps.
 *
 * @fn returns 1 if it wrote the entry, 0 if there is nothing to flush, or an error. This function
 * returns the result of @fn, the error of @change->check(), or -EAGAIN. @change->busy says why
 * -EAGAIN was returned:
 *
 *   not 0   that thread is in a body in place, is in exec, or has a stack that cannot be walked
 *           reliably; @fn was not called
 *   0       the mm has meanwhile left or entered a shadow that has bodies in place; @fn was not
 *           called
 *   0       @change->check() or @fn itself returned -EAGAIN
 */
int shk_graft_change_text(struct shk_change *change, struct shk_shadow *to,
			  int (*fn)(struct shk_graft *graft, void *arg), void *arg);

#endif /* SHK_CHANGE_TEXT_H */
