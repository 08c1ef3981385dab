/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chosen system calls (SHK_SYSCALLS_CREATE, scope/syscalls.h). A caller shadow is a shadow that has
 * another one as its target (shk_shadow.target), and a set of chosen system calls
 * (shk_shadow.calls). An mm in it executes the target's text while at least one of its threads is
 * in a chosen call. Otherwise the mm executes the caller shadow's text. That has no edits except
 * the module's hooks and a jump at the entry of system calls.
 */
#ifndef SHK_CALLS_H
#define SHK_CALLS_H

#include "shadow/shadow.h"

/*
 * Makes every thread of current's mm execute the text of the target of its shadow
 * (shk_shadow.target) during system call @nr of current. Has an effect only if current->mm is in a
 * shadow that has a target, and @nr is one of the shadow's chosen calls (shk_shadow.calls). If
 * several threads are in such calls at a time, the first switches the mm. Each call flushes the mm,
 * unless an earlier one has completed the flush.
 *
 * Returns the number to pass to shk_graft_call_end() when the system call is over. Returns 0 if
 * there is nothing to end: the call has no effect, or Xen refused. Called in process context with
 * no lock held; waits for IPIs.
 */
u64 shk_graft_call_begin(unsigned int nr);

/*
 * Ends the system call for which shk_graft_call_begin() returned @call. If no other such call is in
 * progress, the mm executes the caller shadow's text again, and is flushed.
 *
 * Does nothing if the mm was detached, moved or attached again since the begin: @call is the
 * shk_graft.attach_seq of the begin, and each attach and move sets a new one. current still has the
 * mm that it had at the begin. Called in process context with no lock held; waits for IPIs. Cannot
 * fail.
 */
void shk_graft_call_end(u64 call);

/*
 * Adds @caller to .callers of its target, the shadow whose text executes during chosen calls
 * (shk_shadow.target). The caller holds the locks of @caller and its target, and has made sure that
 * no graft is to @caller yet. Does not sleep.
 */
void shk_graft_link_target(struct shk_shadow *caller);

/*
 * Removes @caller from .callers of its target (shk_shadow.target). The caller holds the locks of
 * @caller and its target, and has made sure that no graft is to @caller. Does not sleep.
 */
void shk_graft_unlink_target(struct shk_shadow *caller);

#endif /* SHK_CALLS_H */
