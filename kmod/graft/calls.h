/* SPDX-License-Identifier: GPL-2.0-only */
/* Chosen system calls in the text of a shadow's target, see scope/syscalls.h. */
#ifndef SHK_CALLS_H
#define SHK_CALLS_H

#include "shadow/shadow.h"

/*
 * current begins and ends a system call. Until the end its mm executes the text of its
 * shadow's target, if it has one and @nr is one of its calls; else 0 is returned, and
 * there is no end.
 */
u64 shk_graft_call_begin(unsigned int nr);
void shk_graft_call_end(u64 call);
/* @caller, in which nothing is, is one of its target's callers; or no more. Both are locked. */
void shk_graft_link_target(struct shk_shadow *caller);
void shk_graft_unlink_target(struct shk_shadow *caller);

#endif /* SHK_CALLS_H */
