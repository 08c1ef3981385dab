/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls as a scope: a process in a caller shadow (SHK_SYSCALLS_CREATE) executes the text
 * of that shadow's target during chosen system calls, and the base's otherwise.
 */
#ifndef SHK_SYSCALLS_H
#define SHK_SYSCALLS_H

#include "shadow/shadow.h"

/*
 * Looks up the function that all system calls of x86-64 pass. If this kernel has none, caller
 * shadows are not possible, and the rest of the module works.
 */
void shk_syscalls_init(void);
/* Returns true if this kernel has a function that all system calls pass, so that can be created. */
bool shk_syscalls_possible(void);
/*
 * Creates a caller shadow of @target: processes inside it execute the text of @target during the
 * system calls in @arg->calls only. Puts a jump at the entry of x64_sys_call() into both texts.
 * Takes the locks of both shadows; sleeps. Returns the shadow with a reference, or an ERR_PTR(),
 * after which @target is unchanged:
 *
 *   -EINVAL			@arg->flags, or no call is chosen
 *   NO_SYSCALL_ENTRY		shk_syscalls_possible() is false
 *   SYSCALL_UNKNOWN		the kernel lacks a chosen call; sets @arg->nr to its number
 *   SYSCALL_NO_RETURN		a chosen call does not return to its caller; sets @arg->nr
 *   SYSCALLS_ONLY		@target is a caller shadow itself
 *   POLICY			@target is SHK_ASYNC_OWNER or SHK_ASYNC_CAUSAL
 *   EDITS_IN_PLACE		@target has a patch for which threads are waited for
 *   EDIT_THERE			@target has an edit at that entry
 *   SHADOW_DESTROYED		of @target
 *   FTRACE_DISABLED, FTRACE_DEAD, XEN, -ENOMEM
 *   -ERESTARTSYS		the caller was killed
 */
struct shk_shadow *shk_syscalls_create(struct shk_shadow *target, struct shk_syscalls *arg);
/*
 * Removes the jump at the entry of x64_sys_call() from @shadow. If @shadow is a caller shadow, it
 * also ceases to be one of its target's callers, and the last caller removes the jump from the
 * target. A target that is torn down loses its jump; its callers stay its callers until their own
 * end. Nothing happens to a shadow without a jump. No process is inside @shadow. The locks of
 * @shadow and of its target are held; sleeps.
 */
void shk_syscalls_teardown(struct shk_shadow *shadow);

#endif /* SHK_SYSCALLS_H */
