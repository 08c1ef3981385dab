// SPDX-License-Identifier: GPL-2.0-only
/*
 * A caller shadow has one edit besides the hooks: a jump at the entry of x64_sys_call(), which
 * every system call of x86-64 passes. From 7.2 on that function has no __fentry__ site. There the
 * jump replaces do_syscall_64()'s call of it. It leads to shk_syscalls_called, which pushes the
 * address behind the call. A system call of a process inside goes on like this:
 *
 *   x64_sys_call()		jumps to shk_syscalls_entry
 *   shk_syscalls_entry		asks shk_syscalls_chosen(): a call that is not chosen goes on in
 *				x64_sys_call(), behind a jump there, in the caller shadow
 *   shk_syscalls_inside()	executes a chosen call in these steps:
 *   shk_graft_call_begin()	makes the mm's entry lead to the target's tables; flushes the mm
 *   x64_sys_call()		is executed, behind a jump there, in the target
 *   shk_graft_call_end()	makes the entry lead to the caller shadow's tables; flushes the mm
 *
 * The jump is in the target, too, while that has callers. A second thread of the process may
 * begin a call while the first one has the mm in the target. That call is counted: so the mm
 * stays in the target until the last such call has returned (graft/calls.c).
 *
 * A call may last for ever. It holds this module, to whose text it returns.
 */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/static_call.h>
#include <asm/text-patching.h>
#include <asm/unistd.h>

#include "graft/calls.h"
#include "graft/graft.h"
#include "scope/syscalls.h"
#include "shadow/edits.h"

/* Calls x64_sys_call() behind its __fentry__ site, so that a jump at the site is not executed. */
long shk_x64_sys_call(const struct pt_regs *regs, unsigned int nr);
DEFINE_STATIC_CALL_NULL(shk_x64_sys_call, shk_x64_sys_call);

/* syscalls_entry.S */
void shk_syscalls_entry(void);
void shk_syscalls_called(void);

/* The address behind the call that a jump to shk_syscalls_called replaces. */
unsigned long shk_syscalls_return __ro_after_init;

/*
 * Where the jump is, and where it leads: the __fentry__ site of x64_sys_call(), or its call. 0: the
 * kernel has neither.
 */
static unsigned long entry_site __ro_after_init;
static unsigned long entry_target __ro_after_init;

/*
 * Returns true if system call @nr is to execute the target's text: it is one of those that were
 * chosen (shk_shadow.calls) for the shadow that this CPU executes. Then it also takes a reference
 * to the module, which shk_syscalls_inside() drops. Called by shk_syscalls_entry with preemption
 * on.
 */
asmlinkage bool shk_syscalls_chosen(const struct pt_regs *regs, unsigned int nr);
asmlinkage bool shk_syscalls_chosen(const struct pt_regs *regs, unsigned int nr)
{
	struct shk_shadow *shadow;
	unsigned long flags;
	bool chosen;

	local_irq_save(flags);
	shadow = shk_current_shadow();
	chosen = shadow && nr < NR_syscalls && test_bit(nr, shadow->calls);
	local_irq_restore(flags);
	return chosen && try_module_get(THIS_MODULE);
}

/*
 * Executes system call @nr in the text of the target of the process's shadow (shk_shadow.target),
 * and returns its result. If the process was detached or moved after shk_syscalls_chosen(),
 * executes it in the text that the process has now. Sleeps.
 */
asmlinkage long shk_syscalls_inside(const struct pt_regs *regs, unsigned int nr);
asmlinkage long shk_syscalls_inside(const struct pt_regs *regs, unsigned int nr)
{
	u64 call = shk_graft_call_begin(nr);
	long ret = static_call(shk_x64_sys_call)(regs, nr);

	if (call)
		shk_graft_call_end(call);
	/* shk_hooks_exit() waits for tasks that are in the few instructions behind this. */
	module_put(THIS_MODULE);
	return ret;
}

/*
 * Returns true if the kernel's function of system call @nr returns to its caller,
 * shk_syscalls_inside(), in the same mm. The functions of exit and exec do not.
 */
static bool syscall_returns(unsigned int nr)
{
	return nr != __NR_exit && nr != __NR_exit_group && nr != __NR_execve && nr != __NR_execveat;
}

/*
 * Checks @arg, and copies the calls that it chooses to @calls. Returns 0; -EINVAL: @arg is
 * malformed or chooses none; SYSCALL_UNKNOWN or SYSCALL_NO_RETURN: the kernel lacks a call, or it
 * does not return, and @arg->nr is set to its number. Sets @arg->nr to 0 on success.
 */
static int syscalls_check_args(struct shk_syscalls *arg, unsigned long *calls)
{
	unsigned int nr;

	if (arg->flags || arg->reserved)
		return -EINVAL;
	BUILD_BUG_ON(sizeof(arg->calls) * BITS_PER_BYTE < NR_syscalls);
	bitmap_from_arr64(calls, arg->calls, SHK_SYSCALLS_WORDS * 64);
	if (bitmap_empty(calls, SHK_SYSCALLS_WORDS * 64))
		return -EINVAL;
	for_each_set_bit(nr, calls, SHK_SYSCALLS_WORDS * 64)
	{
		arg->nr = nr;
		if (nr >= NR_syscalls)
			return SHK_E(SYSCALL_UNKNOWN);
		if (!syscall_returns(nr))
			return SHK_E(SYSCALL_NO_RETURN);
	}
	arg->nr = 0;
	return 0;
}

/*
 * Puts the jump at x64_sys_call() into @shadow's text, which leads system calls to this file, if it
 * is not there. The shadow's lock is held; sleeps. Returns 0 or an error of shk_edit_apply().
 */
static int syscalls_redirect(struct shk_shadow *shadow)
{
	if (shadow->redirect.page)
		return 0;
	shk_edit_branch(&shadow->redirect, entry_site, JMP32_INSN_OPCODE, entry_target);
	return shk_edit_apply(shadow, &shadow->redirect);
}

/*
 * Removes the jump at x64_sys_call() from @shadow's text, if it is there. The shadow's lock is
 * held; sleeps.
 */
static void syscalls_unredirect(struct shk_shadow *shadow)
{
	if (shadow->redirect.page)
		shk_edit_revert(shadow, &shadow->redirect);
}

/*
 * Sets shk_shadow.calls of @target to all system calls that are chosen in one of its callers.
 * @target's lock is held. A system call that begins now reads the old word or the new one.
 */
static void syscalls_update_calls(struct shk_shadow *target)
{
	unsigned long all[SHK_SYSCALLS_WORDS] = {};
	struct shk_shadow *caller;
	unsigned int i;

	list_for_each_entry (caller, &target->callers, caller)
		bitmap_or(all, all, caller->calls, SHK_SYSCALLS_WORDS * BITS_PER_LONG);
	for (i = 0; i < SHK_SYSCALLS_WORDS; i++)
		WRITE_ONCE(target->calls[i], all[i]);
}

/*
 * Puts the jump at x64_sys_call() into the texts of @shadow and its target, and makes @shadow one
 * of the target's callers. The locks of both are held; sleeps. Returns 0, or an error after which
 * both are unchanged: EDITS_IN_PLACE, EDIT_THERE, SHADOW_DESTROYED, FTRACE_DISABLED, FTRACE_DEAD,
 * XEN, -ENOMEM.
 */
static int syscalls_link_target(struct shk_shadow *shadow)
{
	struct shk_shadow *target = shadow->target;
	struct shk_prepared was;
	int ret;

	/* A call that begins or ends cannot wait until no thread is in a body that changes. */
	if (!list_empty(&target->bodies))
		return SHK_E(EDITS_IN_PLACE);
	/* The target has tables and hooks before the first call executes it. */
	ret = shk_shadow_prepare(target, &was);
	if (ret)
		return ret;
	ret = syscalls_redirect(shadow);
	if (!ret)
		ret = syscalls_redirect(target);
	if (ret) {
		syscalls_unredirect(shadow);
		shk_shadow_unprepare(target, &was);
		return ret;
	}
	shk_graft_link_target(shadow);
	syscalls_update_calls(target);
	return 0;
}

bool shk_syscalls_possible(void)
{
	return entry_site;
}

struct shk_shadow *shk_syscalls_create(struct shk_shadow *target, struct shk_syscalls *arg)
{
	unsigned long calls[SHK_SYSCALLS_WORDS];
	struct shk_shadow *shadow;
	int ret;

	if (!shk_syscalls_possible())
		return ERR_PTR(SHK_E(NO_SYSCALL_ENTRY));
	ret = syscalls_check_args(arg, calls);
	if (ret)
		return ERR_PTR(ret);
	if (target->target)
		return ERR_PTR(SHK_E(SYSCALLS_ONLY));
	if (target->flags & (SHK_ASYNC_OWNER | SHK_ASYNC_CAUSAL))
		return ERR_PTR(SHK_E(POLICY));
	shadow = shk_shadow_create("", target->flags, target->teardown, target);
	if (IS_ERR(shadow))
		return shadow;
	memcpy(shadow->calls, calls, sizeof(calls));
	ret = shk_shadow_lock(shadow);
	if (!ret) {
		ret = syscalls_link_target(shadow);
		shk_shadow_unlock(shadow);
	}
	/* Last: a shadow without its link to the target must not be attached to. */
	if (!ret)
		ret = shk_shadow_publish(shadow);
	if (!ret)
		return shadow;
	shk_shadow_put(shadow);
	return ERR_PTR(ret);
}

void shk_syscalls_teardown(struct shk_shadow *shadow)
{
	struct shk_shadow *target = shadow->target;

	lockdep_assert_held(&shadow->lock);
	syscalls_unredirect(shadow);
	if (list_empty(&shadow->caller))
		return;
	shk_graft_unlink_target(shadow);
	syscalls_update_calls(target);
	if (list_empty(&target->callers))
		syscalls_unredirect(target);
}

void __init shk_syscalls_init(void)
{
	unsigned long addr, site, body, call;

	if (shk_symbol_unique("x64_sys_call", &addr))
		return;
	site = shk_call(ftrace_location)(addr);
	body = site + CALL_INSN_SIZE;
	entry_target = (unsigned long)shk_syscalls_entry;
	if (!site) {
		/* One call only, or system calls would pass by another one. */
		if (shk_symbol_calls("do_syscall_64", addr, &call) != 1 ||
		    offset_in_page(call) > PAGE_SIZE - CALL_INSN_SIZE)
			return;
		site = call;
		body = addr;
		shk_syscalls_return = call + CALL_INSN_SIZE;
		entry_target = (unsigned long)shk_syscalls_called;
	}
	static_call_update(shk_x64_sys_call, (typeof(shk_x64_sys_call) *)body);
	entry_site = site;
}
