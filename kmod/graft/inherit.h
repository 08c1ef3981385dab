/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fork and exec pass a graft on to the mms that they create. The hooks in pgd_alloc(), pgd_free(),
 * exec_mm_release() and security_bprm_committing_creds() do that; see inherit.c and hooks/hooks.c.
 * The functions below are for a detach that meets a fork or exec in progress.
 */
#ifndef SHK_INHERIT_H
#define SHK_INHERIT_H

#include "graft/graft.h"

/*
 * Returns true if a fork or exec in @graft's mm has created an mm that has no mapping yet. If it
 * fails now, the kernel frees the new mm without exit_mmap(). Only the hook in pgd_free() reports
 * that. The hook is in the shadow's text, so @graft must not be detached until then.
 *
 * Children of fork that have a mapping count as made from here on. shk_graft_lock is held.
 */
bool shk_graft_has_unfinished_child(struct shk_graft *graft);

/*
 * Detaches the mms that execs of tasks in @graft's mm have created and not yet taken into use.
 * Moves their grafts to the list @gone, by .sibling, each with a user of its mm (mmget). An mm
 * that is exiting is left alone: exit_mmap() detaches it.
 *
 * shk_graft_lock is held. Does not sleep. The caller passes @gone to shk_graft_put_execs() when it
 * has released shk_graft_lock.
 */
void shk_graft_detach_execs(struct shk_graft *graft, struct list_head *gone);

/*
 * Ends the grafts that shk_graft_detach_execs() has moved to @gone: flushes, unaccounts and puts
 * each (shk_graft_flush_and_put()), and drops the user of its mm. The mm is freed by a worker if
 * that was its last user. No spinlock is held; waits for IPIs.
 */
void shk_graft_put_execs(struct list_head *gone);

#endif /* SHK_INHERIT_H */
