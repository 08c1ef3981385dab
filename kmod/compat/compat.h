/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels, by what their headers have. No file compares versions, since
 * vendors' kernels have parts of later ones: compat/configure asks the headers, and probes.c names
 * the commit that made each difference. Differences that headers do not show are found at load.
 */
#ifndef SHK_COMPAT_H
#define SHK_COMPAT_H

#include <linux/ftrace.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rethook.h>
#include <asm/ibt.h>

#include "compat/have.h"

/* SHK_RETHOOK_HANDLER() is the head of a handler of returns. */
#if SHK_HAVE_RETHOOK_RETURN_ADDRESS
#define SHK_RETHOOK_HANDLER(name, node, data, regs)                              \
	void name(struct rethook_node *node, void *data, unsigned long ret_addr, \
		  struct pt_regs *regs)
#else
#define SHK_RETHOOK_HANDLER(name, node, data, regs) \
	void name(struct rethook_node *node, void *data, struct pt_regs *regs)
#endif

/* 1 if rethook_alloc() allocates nodes itself. Else the caller adds them by rethook_add_node(). */
#define SHK_RETHOOK_OBJPOOL SHK_HAVE_RETHOOK_OBJPOOL

/*
 * SHK_MODULE_SYMBOL() is the head of a function that shk_each_module_symbol() calls for each symbol
 * of each module, until it returns another value than 0. shk_each_module_symbol() holds
 * module_mutex meanwhile, and sleeps.
 */
#if SHK_HAVE_MODULE_SYMBOLS_OF_ONE
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
 * True if a kernel thread has its name when it is created. The tracepoint task_rename does not
 * report such a name.
 */
#define SHK_KTHREADS_BORN_NAMED SHK_HAVE_CLONE_ARGS_NAME

/*
 * Returns @regs as a struct ftrace_regs. On x86 that struct contains a struct pt_regs and nothing
 * else. "ftrace: Make ftrace_regs abstract" (6.13) hides the member, but does not change that.
 */
static inline struct ftrace_regs *shk_ftrace_regs(struct pt_regs *regs)
{
	return (struct ftrace_regs *)regs;
}

/*
 * Returns the task that holds @lock, or NULL. Unless that task is current, it may have released the
 * lock meanwhile. The low bits of an owner are flags. With PREEMPT_RT a mutex is an rtmutex; the
 * module refuses such kernels when it is loaded.
 */
static inline struct task_struct *shk_mutex_owner(struct mutex *lock)
{
#ifdef CONFIG_PREEMPT_RT
	return (struct task_struct *)((unsigned long)READ_ONCE(lock->rtmutex.owner) & ~1UL);
#else
	return (struct task_struct *)(atomic_long_read(&lock->owner) & ~7UL);
#endif
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

/*
 * Returns true if the instruction at @addr is an ENDBR, or the instruction by which the kernel
 * replaces an ENDBR that no indirect call needs. The caller ensures that @addr is the entry of a
 * function.
 */
static inline bool shk_is_endbr(unsigned long addr)
{
#if !SHK_HAVE_ENDBR_BY_ADDRESS
	return is_endbr(*(u32 *)addr);
#elif defined(CONFIG_X86_KERNEL_IBT)
	return __is_endbr(*(u32 *)addr);
#else
	return false;
#endif
}

/* Early releases of 6.1 have no name for the attribute. */
#ifndef __no_stack_protector
#define __no_stack_protector __attribute__((__no_stack_protector__))
#endif

/*
 * Returns true if mm->notifier_subscriptions is allocated and ready for interval notifiers: the
 * kernel then inserts a notifier into @mm without the mmap_lock. Needs no lock. True stays true
 * while @mm has users.
 *
 * The subscriptions are a struct that is private to mm/mmu_notifier.c. This function expects a list
 * head in it, and then the flag. In a kernel with another layout, a wrong false makes the caller
 * take locks in vain, and a wrong true makes the insertion wait for them.
 */
static inline bool shk_mm_takes_notifiers(const struct mm_struct *mm)
{
	/* Pairs with smp_store_release() in __mmu_notifier_register(). */
	const char *subscriptions = (const char *)smp_load_acquire(&mm->notifier_subscriptions);

	return subscriptions &&
	       READ_ONCE(*(const bool *)(subscriptions + sizeof(struct hlist_head)));
}

#endif /* SHK_COMPAT_H */
