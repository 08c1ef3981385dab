/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stretches of system calls: a process, or some of its threads, is in a shadow from enter to
 * return, and comes back to where it was.
 */
#ifndef SHK_ENTER_H
#define SHK_ENTER_H

#include "graft/attach.h"

/*
 * As shk_graft_attach(), until shk_graft_return(), within the stretches that the mm is in.
 * -ENOSPC.
 */
int shk_graft_enter(struct shk_shadow *shadow, bool delegated, struct shk_change *change);
/*
 * The same, but only current acts on edits, besides those threads that have done so
 * before. -EBUSY: the process is in another stretch than that; -EMEDIUMTYPE: interrupts
 * and kernel threads execute the shadow, too.
 */
int shk_graft_enter_thread(struct shk_shadow *shadow, bool delegated, struct shk_change *change);
/*
 * The innermost stretch of the mm, current's, is over; it is where it was before,
 * or, if that was destroyed, where it was before that. No shadow is locked. -ENOENT: it is in no
 * stretch, or not in @from. -EIO, -ERESTARTSYS, and as shk_graft_detach().
 */
int shk_graft_return(const struct shk_shadow *from, struct shk_change *change);

#endif /* SHK_ENTER_H */
