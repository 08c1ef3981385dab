/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chosen system calls (SHK_SYSCALLS_CREATE, scope/syscalls.h). An mm in a caller shadow executes
 * the text of that shadow's target while at least one of its threads is in a chosen call.
 * Otherwise it executes the caller shadow's own text. That has no edits except the module's hooks
 * and a jump at the entry of system calls.
 */
#ifndef SHK_CALLS_H
#define SHK_CALLS_H

#include "shadow/shadow.h"

/*
 * Begins system call @nr of current. If @nr is a chosen call of the shadow that current->mm is in,
 * every thread of the mm executes the target's text from the return on. The first call switches
 * the mm and flushes it; calls that begin meanwhile are counted.
 *
 * Returns the number to pass to shk_graft_call_end() when the call is over. Returns 0, and no end
 * is due, if the mm is in no shadow, its shadow has no target, @nr is not chosen, or Xen refused.
 * Called in process context with no lock held; waits for IPIs.
 */
u64 shk_graft_call_begin(unsigned int nr);

/*
 * Ends the system call for which shk_graft_call_begin() returned @call. With the last call in
 * progress the mm executes its own shadow's text again, and is flushed.
 *
 * Does nothing if the mm was detached, moved or attached again since the begin: then its graft has
 * another order than @call. current has the mm that it had at the begin. Called in process context
 * with no lock held; waits for IPIs. Cannot fail.
 */
void shk_graft_call_end(u64 call);

/*
 * Adds @caller to the callers of its target. @caller and its target are locked, and no graft is to
 * @caller yet. Does not sleep.
 */
void shk_graft_link_target(struct shk_shadow *caller);

/*
 * Removes @caller from the callers of its target. @caller and its target are locked, and no graft
 * is to @caller. Does not sleep.
 */
void shk_graft_unlink_target(struct shk_shadow *caller);

#endif /* SHK_CALLS_H */
