/* SPDX-License-Identifier: GPL-2.0-only */
/* The only place that knows one kernel from another. */
#ifndef SHK_COMPAT_H
#define SHK_COMPAT_H

#include <linux/ftrace.h>
#include <linux/mm.h>
#include <linux/rethook.h>
#include <linux/version.h>

/*
 * "rethook: Use objpool for rethook" (6.7) gave rethook_alloc() the pool, and
 * "x86/rethook: ... pass the return address" (6.9) its handler an argument.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#define SHK_RETHOOK_HANDLER(name, node, data, regs)                              \
	void name(struct rethook_node *node, void *data, unsigned long ret_addr, \
		  struct pt_regs *regs)
#else
#define SHK_RETHOOK_HANDLER(name, node, data, regs) \
	void name(struct rethook_node *node, void *data, struct pt_regs *regs)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#define SHK_RETHOOK_OBJPOOL 1
#else
#define SHK_RETHOOK_OBJPOOL 0
#endif

/*
 * "rethook: Remove warning messages printed for finding return address of a frame" (6.10):
 * of a task that runs.
 */
#define SHK_UNWINDER_WARNS (LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0))

/* "tracing/treewide: Remove second parameter of __assign_str()" (6.10) */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define shk_assign_str(dst, src) __assign_str(dst)
#else
#define shk_assign_str(dst, src) __assign_str(dst, src)
#endif

/* "kallsyms: Delete an unused parameter related to {module_}kallsyms_on_each_symbol()" (6.3) */
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

/* "kthread: Pass in the thread's name during creation" (6.4): task_rename does not tell. */
#define SHK_KTHREADS_BORN_NAMED (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0))

/* All of a ftrace_regs on x86, until "ftrace: Make ftrace_regs abstract" (6.13) and after. */
static inline struct ftrace_regs *shk_ftrace_regs(struct pt_regs *regs)
{
	return (struct ftrace_regs *)regs;
}

#if IS_ENABLED(CONFIG_UNWINDER_ORC)
#include <linux/objtool.h>
#include <asm/orc_types.h>

/* "x86,objtool: Introduce ORC_TYPE_*" (6.4) */
static inline bool shk_orc_is_call(const struct orc_entry *entry)
{
#ifdef ORC_TYPE_CALL
	return entry->type == ORC_TYPE_CALL;
#else
	return entry->type == UNWIND_HINT_TYPE_CALL && !entry->end;
#endif
}
#endif

/* Early releases of 6.1 do not name the attribute. */
#ifndef __no_stack_protector
#define __no_stack_protector __attribute__((__no_stack_protector__))
#endif

/*
 * Does @mm have what an interval notifier is kept in? Then another one is inserted without
 * @mm's locks. The struct is mm/mmu_notifier.c's own: a list head, then this flag. If a
 * kernel has it elsewhere, the caller only takes locks in vain, or inserting waits for them.
 */
static inline bool shk_mm_takes_notifiers(const struct mm_struct *mm)
{
	const char *subscriptions = (const char *)smp_load_acquire(&mm->notifier_subscriptions);

	return subscriptions &&
	       READ_ONCE(*(const bool *)(subscriptions + sizeof(struct hlist_head)));
}

#endif /* SHK_COMPAT_H */
