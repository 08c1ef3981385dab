/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernel versions. Only files of compat/ compare versions. Each difference
 * names the commit that made it, and the first release that has it.
 */
#ifndef SHK_COMPAT_H
#define SHK_COMPAT_H

#include <linux/ftrace.h>
#include <linux/mm.h>
#include <linux/rethook.h>
#include <linux/version.h>

/*
 * SHK_RETHOOK_HANDLER() is the head of a handler of returns. "x86/rethook: ... pass the return
 * address" (6.9) gave it an argument.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#define SHK_RETHOOK_HANDLER(name, node, data, regs)                              \
	void name(struct rethook_node *node, void *data, unsigned long ret_addr, \
		  struct pt_regs *regs)
#else
#define SHK_RETHOOK_HANDLER(name, node, data, regs) \
	void name(struct rethook_node *node, void *data, struct pt_regs *regs)
#endif

/*
 * 1 if rethook_alloc() allocates nodes itself: "rethook: Use objpool for rethook" (6.7). Else the
 * caller adds them by rethook_add_node().
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#define SHK_RETHOOK_OBJPOOL 1
#else
#define SHK_RETHOOK_OBJPOOL 0
#endif

/*
 * True if rethook_find_ret_addr() warns once, when the stack of a task that runs is read: before
 * "rethook: Remove warning messages printed for finding return address of a frame" (6.10).
 */
#define SHK_UNWINDER_WARNS (LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0))

/*
 * SHK_MODULE_SYMBOL() is the head of a function that shk_each_module_symbol() calls for each symbol
 * of each module, until it returns another value than 0. The walk holds module_mutex, so it sleeps.
 * "kallsyms: Delete an unused parameter related to {module_}kallsyms_on_each_symbol()" (6.3)
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define SHK_MODULE_SYMBOL(name, data, symbol, addr) \
	int name(void *data, const char *symbol, unsigned long addr)
#define shk_each_module_symbol(func, data) \
	shk_call(module_kallsyms_on_each_symbol)(NULL, func, data)
#else
#define SHK_MODULE_SYMBOL(name, data, symbol, addr) \
	int name(void *data, const char *symbol, struct module *mod, unsigned long addr)
#define shk_each_module_symbol(func, data) shk_call(module_kallsyms_on_each_symbol)(func, data)
#endif

/*
 * True if a kernel thread has its name when it is created, so that the tracepoint task_rename does
 * not tell: "kthread: Pass in the thread's name during creation" (6.4).
 */
#define SHK_KTHREADS_BORN_NAMED (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0))

/*
 * Returns @regs as a struct ftrace_regs. On x86 that struct contains a struct pt_regs and nothing
 * else. "ftrace: Make ftrace_regs abstract" (6.13) hides the member, but does not change that.
 */
static inline struct ftrace_regs *shk_ftrace_regs(struct pt_regs *regs)
{
	return (struct ftrace_regs *)regs;
}

#if IS_ENABLED(CONFIG_UNWINDER_ORC)
#include <linux/objtool.h>
#include <asm/orc_types.h>

/*
 * Returns true if @entry describes the stack frame of a called function. Such an entry has the type
 * ORC_TYPE_CALL since "x86,objtool: Introduce ORC_TYPE_*" (6.4).
 */
static inline bool shk_orc_is_call(const struct orc_entry *entry)
{
#ifdef ORC_TYPE_CALL
	return entry->type == ORC_TYPE_CALL;
#else
	return entry->type == UNWIND_HINT_TYPE_CALL && !entry->end;
#endif
}
#endif

/* Early releases of 6.1 have no name for the attribute. */
#ifndef __no_stack_protector
#define __no_stack_protector __attribute__((__no_stack_protector__))
#endif

/*
 * Returns true if the notifier subscriptions of @mm are ready for interval notifiers. Then the
 * kernel inserts a notifier into @mm without any lock of @mm. Needs no lock. True stays true while
 * @mm has users.
 *
 * The subscriptions are a struct that is private to mm/mmu_notifier.c. This function expects a list
 * head in it, and then the flag. In a kernel that differs, a wrong false makes the caller take
 * locks in vain, and a wrong true makes the insertion wait for them.
 */
static inline bool shk_mm_takes_notifiers(const struct mm_struct *mm)
{
	/* Pairs with smp_store_release() in __mmu_notifier_register(). */
	const char *subscriptions = (const char *)smp_load_acquire(&mm->notifier_subscriptions);

	return subscriptions &&
	       READ_ONCE(*(const bool *)(subscriptions + sizeof(struct hlist_head)));
}

#endif /* SHK_COMPAT_H */
