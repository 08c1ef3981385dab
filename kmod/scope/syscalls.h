/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls as a scope: a process in a caller shadow (SHK_SYSCALLS_CREATE) executes the text
 * of that shadow's target during chosen system calls, and the base's otherwise.
 */
#ifndef SHK_SYSCALLS_H
#define SHK_SYSCALLS_H

#include "shadow/shadow.h"

/*
 * Looks up x64_sys_call(), which every system call of x86-64 passes. If the kernel has no such
 * function, or the function has no __fentry__ site and do_syscall_64() does not have exactly one
 * call of it, shk_syscalls_create() fails. The rest of the module works. Called once, at load.
 */
void shk_syscalls_init(void);
/*
 * Returns true if shk_syscalls_create() can succeed: shk_syscalls_init() has found a place for the
 * jump. Any context; needs no lock.
 */
bool shk_syscalls_possible(void);
/*
 * Creates a caller shadow, whose target is @target: processes inside it execute the text of @target
 * during the system calls in @arg->calls only. Puts a jump at x64_sys_call(), or at its call, into
 * both texts. Takes the locks of both shadows; sleeps. Returns the caller shadow with a reference,
 * or an ERR_PTR(), after which @target has the edits and callers that it had before:
 *
 *   -EINVAL			@arg->flags or @arg->reserved is not 0, or no call is chosen
 *   NO_SYSCALL_ENTRY		shk_syscalls_possible() is false
 *   SYSCALL_UNKNOWN		the kernel lacks a chosen call; sets @arg->nr to its number
 *   SYSCALL_NO_RETURN		a chosen call does not return to its caller; sets @arg->nr
 *   SYSCALLS_ONLY		@target is a caller shadow itself
 *   POLICY			@target is SHK_ASYNC_OWNER or SHK_ASYNC_CAUSAL
 *   EDITS_IN_PLACE		@target has an IN_PLACE patch, or a LIVEPATCH without UNSAFE_NOW
 *   EDIT_THERE			@target has another edit at the entry of x64_sys_call()
 *   SHADOW_DESTROYED		@target was destroyed
 *   FTRACE_DISABLED		ftrace is switched off
 *   FTRACE_DEAD		ftrace has stopped after a fault
 *   XEN			Xen refused a change of page tables
 *   -ENOMEM
 *   -ERESTARTSYS		the caller was killed
 */
struct shk_shadow *shk_syscalls_create(struct shk_shadow *target, struct shk_syscalls *arg);
/*
 * Removes the jump of shk_syscalls_create() from @shadow, if @shadow has one. If @shadow is a
 * caller shadow, also removes it from its target's list of callers, and removes the target's jump
 * if that list is empty then. If @shadow is a target, its callers stay in @shadow->callers until
 * they are torn down themselves.
 *
 * The caller has made sure that no process is inside @shadow. The locks of @shadow and of its
 * target are held; sleeps.
 */
void shk_syscalls_teardown(struct shk_shadow *shadow);

#endif /* SHK_SYSCALLS_H */
