// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inside during some system calls, whatever program it is that makes them.
 *
 * A shadow is made whose one edit is a jump at the entry of x64_sys_call(), which
 * every system call of x86-64 passes; it leads to shk_syscalls_entry, which goes
 * on behind that jump, for the calls that were chosen by way of
 * shk_syscalls_inside(). That writes the target's tables into the mm, calls the
 * function, whose text is the target's by then, and writes the others back. So the
 * switch is one entry and one flush of the mm on either side (graft/calls.c), and all that
 * makes, moves and ends grafts knows nothing of it.
 *
 * While it has such callers, the target has the jump, too: another thread of the
 * process may be in the target already, and its call must not find itself outside
 * when the first one returns. So the calls in progress are counted.
 *
 * A call may last for ever. It holds this module, in whose text it will return.
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

/* x64_sys_call() behind its __fentry__ site. */
long shk_x64_sys_call(const struct pt_regs *regs, unsigned int nr);
DEFINE_STATIC_CALL_NULL(shk_x64_sys_call, shk_x64_sys_call);

void shk_syscalls_entry(void);

static unsigned long entry_site __ro_after_init; /* 0: this kernel has none */

/*
 * Of the tables that the mm has this moment, interrupts off. If so, the module is
 * held, for shk_syscalls_inside().
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

asmlinkage long shk_syscalls_inside(const struct pt_regs *regs, unsigned int nr);
asmlinkage long shk_syscalls_inside(const struct pt_regs *regs, unsigned int nr)
{
	u64 call = shk_graft_call_begin(nr);
	long ret = static_call(shk_x64_sys_call)(regs, nr);

	if (call)
		shk_graft_call_end(call);
	/* The few instructions behind this are waited for by shk_hooks_exit(). */
	module_put(THIS_MODULE);
	return ret;
}

/* They do not come back to shk_syscalls_inside(), or not in the same mm. */
static bool syscall_returns(unsigned int nr)
{
	return nr != __NR_exit && nr != __NR_exit_group && nr != __NR_execve && nr != __NR_execveat;
}

static int syscalls_check_args(struct shk_syscalls *arg, unsigned long *calls)
{
	unsigned int nr;

	arg->nr = 0;
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

static int syscalls_redirect(struct shk_shadow *shadow)
{
	if (shadow->redirect.page)
		return 0;
	shk_edit_branch(&shadow->redirect, entry_site, JMP32_INSN_OPCODE,
			(unsigned long)shk_syscalls_entry);
	return shk_edit_apply(shadow, &shadow->redirect);
}

static void syscalls_unredirect(struct shk_shadow *shadow)
{
	if (shadow->redirect.page)
		shk_edit_revert(shadow, &shadow->redirect);
}

/* A call that is on its way finds the old set or the new one. */
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

static int syscalls_link_target(struct shk_shadow *shadow)
{
	struct shk_shadow *target = shadow->target;
	struct shk_prepared was;
	int ret;

	/* A call that begins or ends cannot wait until nobody is in one. */
	if (!list_empty(&target->bodies))
		return SHK_E(EDITS_IN_PLACE);
	/* It has its tables, and what every text has, before somebody calls. */
	ret = shk_shadow_prepare(target, &was);
	if (ret)
		return ret;
	ret = syscalls_redirect(shadow);
	if (!ret)
		ret = syscalls_redirect(target);
	if (ret) {
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
	unsigned long addr;

	if (!shk_symbol_unique("x64_sys_call", &addr))
		entry_site = shk_call(ftrace_location)(addr);
	/* All else does without. */
	if (!entry_site)
		return;
	static_call_update(shk_x64_sys_call,
			   (typeof(shk_x64_sys_call) *)(entry_site + CALL_INSN_SIZE));
}
