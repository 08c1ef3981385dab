/* SPDX-License-Identifier: GPL-2.0-only */
/* What fork and exec make of an mm that is inside: hooks in pgd_alloc(), pgd_free(), exec. */
#ifndef SHK_INHERIT_H
#define SHK_INHERIT_H

#include "graft/graft.h"

/*
 * Is somebody in @graft's mm between pgd_alloc() and where a failure of fork or exec
 * ends the new mm with exit_mmap()? shk_graft_lock held.
 */
bool shk_graft_has_unfinished_child(struct shk_graft *graft);
/*
 * The mms that execs of @graft's process will take into use are disconnected, each with a
 * reference; likewise. And when the lock is not held any more.
 */
void shk_graft_detach_execs(struct shk_graft *graft, struct list_head *gone);
void shk_graft_put_execs(struct list_head *gone);

#endif /* SHK_INHERIT_H */
