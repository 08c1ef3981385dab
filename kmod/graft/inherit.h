/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fork and exec in an mm that is grafted to a shadow create an mm that is grafted to it, too. Hooks
 * in the shadow's text do that, in functions of the kernel that fork and exec call: see inherit.c.
 *
 * The functions below are called by shk_graft_detach() only. A detach may meet a fork or exec that
 * has created its mm and goes on. The grafts of such mms are in shk_graft.children of the graft
 * that is detached ("Children" in graft.h). By the state of the new mm, the detach
 *
 *   fork or exec, no mapping yet    fails with -EAGAIN: shk_graft_has_unfinished_child()
 *   fork, has a mapping             leaves it inside, as any child
 *   exec, not yet taken into use    detaches it, too: shk_graft_detach_execs() and
 *                                   shk_graft_queue_free_execs()
 */
#ifndef SHK_INHERIT_H
#define SHK_INHERIT_H

#include "graft/graft.h"

/*
 * Returns true if a fork or exec in @graft's mm has created an mm that has no mapping yet. If true,
 * the caller must not detach @graft. The reason is that the fork or exec may still fail. The kernel
 * then frees the new mm without exit_mmap(). Only the hook in pgd_free() reports this to the
 * module, and the task passes that hook only while it executes the text of a shadow.
 *
 * Also calls shk_graft_set_made() for each child of fork that has a mapping: the child's graft
 * leaves @graft's list of children. Children of exec stay in the list, where
 * shk_graft_detach_execs() looks for them.
 *
 * shk_graft_lock is held. Does not sleep. The result is valid until that lock is released.
 */
bool shk_graft_has_unfinished_child(struct shk_graft *graft);

/*
 * Detaches the mms that execs of tasks in @graft's mm have created and not yet taken into use.
 * Called before @graft itself is detached, when shk_graft_has_unfinished_child() has returned
 * false. An mm that is exiting, since its exec has failed, is left alone: exit_mmap() detaches it.
 *
 * Moves the grafts of these mms, which are DETACHED then, to the list @gone, by shk_graft.sibling.
 * Increments mm_users of each mm. The caller has initialised @gone, which may stay empty, and
 * passes it to shk_graft_queue_free_execs() after it has released shk_graft_lock.
 *
 * shk_graft_lock is held. Does not sleep, flushes nothing. Cannot fail.
 */
void shk_graft_detach_execs(struct shk_graft *graft, struct list_head *gone);

/*
 * Ends the grafts that shk_graft_detach_execs() has moved to @gone. For each of them: flushes the
 * mm, removes the graft from the count of its shadow, and has a worker free the graft
 * (shk_graft_flush_and_queue_free()). Then decrements mm_users, which shk_graft_detach_execs()
 * incremented. If that becomes 0, a worker of the kernel calls exit_mmap() (mmput_async()).
 *
 * No spinlock is held, and interrupts are on. Waits for IPIs. Cannot fail.
 */
void shk_graft_queue_free_execs(struct list_head *gone);

#endif /* SHK_INHERIT_H */
