/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Symbols that the kernel has and does not export. All of them are resolved when the module loads.
 * If one is missing, the module does not load, and the log names it.
 *
 * Functions are static calls: the kernel patches a direct call into the module's text. Such a call
 * is right with IBT even if the target's ENDBR has been sealed.
 */
#ifndef SHK_SYMBOLS_H
#define SHK_SYMBOLS_H

#include <linux/bug.h>
#include <linux/cgroup.h>
#include <linux/extable.h>
#include <linux/ftrace.h>
#include <linux/jump_label.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/memory.h>
#include <linux/module.h>
#include <linux/mmu_context.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/rtnetlink.h>
#include <linux/security.h>
#include <linux/set_memory.h>
#include <linux/stacktrace.h>
#include <linux/static_call.h>
#include <linux/stop_machine.h>
#include <linux/task_work.h>
#include <linux/wait.h>
#include <asm/insn.h>
#include <asm/pgalloc.h>
#include <asm/text-patching.h>
#include <asm/tlbflush.h>

#include "compat/compat.h"
#include "compat/reason.h"

/* Lists in kprobes' hash table, indexed by hash_ptr(). */
#define SHK_KPROBE_TABLE_BITS 6
#define SHK_NR_KPROBE_LISTS   (1 << SHK_KPROBE_TABLE_BITS)

/* All functions; shk_call() calls one. The list is expanded with F(name) for each. */
#define SHK_FUNCTIONS(F)                        \
	F(kallsyms_lookup_name)                 \
	F(kallsyms_on_each_match_symbol)        \
	F(module_kallsyms_on_each_symbol)       \
	F(switch_mm_irqs_off)                   \
	F(flush_tlb_mm_range)                   \
	F(__flush_tlb_all)                      \
	F(ftrace_location)                      \
	F(pgd_alloc)                            \
	F(pgd_free)                             \
	F(pidfd_pid)                            \
	F(jump_label_text_reserved)             \
	F(static_call_text_reserved)            \
	F(task_work_add)                        \
	F(__mmu_notifier_subscriptions_destroy) \
	F(security_locked_down)                 \
	F(text_poke)                            \
	F(set_memory_ro)                        \
	F(set_memory_rw)                        \
	F(__module_text_address)                \
	F(get_kprobe)                           \
	F(arch_adjust_kprobe_addr)              \
	F(arch_prepare_kprobe)                  \
	F(arch_remove_kprobe)                   \
	F(within_kprobe_blacklist)              \
	F(insn_decode)                          \
	F(insn_rip_relative)                    \
	F(kallsyms_show_value)                  \
	F(can_boost)                            \
	F(rethook_alloc)                        \
	F(rethook_free)                         \
	F(rethook_try_get)                      \
	F(rethook_hook)                         \
	F(rethook_recycle)                      \
	F(arch_ftrace_ops_list_func)            \
	F(stop_machine_cpuslocked)              \
	F(search_exception_tables)              \
	F(find_module)                          \
	F(find_bug)                             \
	F(task_call_func)                       \
	F(mm_alloc)                             \
	F(get_kthread_comm)                     \
	F(rtnl_lock_killable)                   \
	F(css_task_iter_start)                  \
	F(css_task_iter_next)                   \
	F(css_task_iter_end)                    \
	F(stack_trace_save_tsk_reliable)

/*
 * No header that modules can use declares these functions. All supported kernels have the same
 * prototypes.
 */
void flush_tlb_mm_range(struct mm_struct *mm, unsigned long start, unsigned long end,
			unsigned int stride_shift, bool freed_tables);
bool can_boost(struct insn *insn, void *addr);

#define SHK_DECLARE(name) DECLARE_STATIC_CALL(shk_##name, name);
SHK_FUNCTIONS(SHK_DECLARE)
#if !SHK_RETHOOK_OBJPOOL
SHK_DECLARE(rethook_add_node)
#endif
#undef SHK_DECLARE

/* The static call of an unexported function: shk_call(name)(arguments). */
#define shk_call(name) static_call(shk_##name)

/* Functions that flush the kernel's own mappings, in shk_symbols.flush_sites. */
enum shk_flush {
	SHK_FLUSH_KERNEL_RANGE, /* flush_tlb_kernel_range() */
	SHK_FLUSH_ALL,		/* flush_tlb_all() */
	SHK_FLUSH_CPA,		/* cpa_flush(), or __cpa_flush_tlb() where that is inlined */
	SHK_FLUSH_CPA_ALL,	/* __cpa_flush_all() */
	SHK_NR_FLUSHES
};

/* Addresses. Fixed after shk_symbols_init(). */
struct shk_symbols {
	struct mm_struct *init_mm;
	struct mutex *text_mutex;
	const int *modules_disabled;
	const int *ftrace_enabled;
	/* cpu_tlbstate.loaded_mm, the first member of cpu_tlbstate in all supported kernels */
	struct mm_struct *__percpu *loaded_mm;
	/* cpu_tlbstate_shared.is_lazy: the first member of its struct in all supported kernels */
	bool __percpu *is_lazy;
	struct mm_struct *efi_mm; /* NULL: this kernel has none */
	unsigned long text;	  /* _text, on a 2 MB boundary */
	unsigned long stext;	  /* [stext, etext) is the text of the kernel image */
	unsigned long etext;
	unsigned long sched_text; /* to sched_text_end: functions that wait or switch tasks */
	unsigned long sched_text_end;
	/* The kernel image's ORC tables; 0 without CONFIG_UNWINDER_ORC */
	unsigned long orc_ips;
	unsigned long orc_ips_end;
	unsigned long orc_entries;
	/* The kernel image's entries of static keys, see linux/jump_label.h */
	struct jump_entry *jump_table;
	struct jump_entry *jump_table_end;
	unsigned long preempt_schedule_notrace; /* 0: this kernel is not preemptible */
	unsigned long napi_threaded_poll;	/* the function of NAPI threads */
	/* ftrace sites: addresses in __text_poke(), and in the functions of enum shk_flush */
	unsigned long __text_poke;
	unsigned long flush_sites[SHK_NR_FLUSHES]; /* by enum shk_flush */
	unsigned long rethook_find_ret_addr;	   /* the function */
	/*
	 * The per-CPU variables current_kprobe and kprobe_ctlblk of kprobes, or both are NULL.
	 * Captured kprobes need them.
	 */
	struct kprobe *__percpu *current_kprobe;
	struct kprobe_ctlblk __percpu *kprobe_ctlblk;
	struct mutex *kprobe_mutex; /* may be NULL. Captured kprobes need it. */
	/* kprobes' hash table, of SHK_NR_KPROBE_LISTS; NULL: it or kprobe_mutex is not found. */
	struct hlist_head *kprobe_table;
};

extern struct shk_symbols shk_symbols;

/*
 * Resolves all symbols. Called at load, before any other function of the module needs one. May
 * sleep. Returns 0; -EOPNOTSUPP: the kernel lacks one, and the log names it.
 */
int shk_symbols_init(void);

/*
 * Returns the address of the symbol @name, or 0 if there is none. Searches the kernel image before
 * the modules. If several symbols have that name, returns the first one. Does not sleep.
 */
unsigned long shk_symbol_lookup(const char *name);
/*
 * Stores the address of the only symbol called @name in *@addr. @name is "SYMBOL" in the kernel
 * image, or "MODULE:SYMBOL" in a module. May sleep. The module may be unloaded at any time, unless
 * the caller has a reference to it. Returns 0, or an error, after which *@addr is unchanged:
 *   SYMBOL_UNKNOWN    no symbol has that name
 *   SYMBOL_AMBIGUOUS  several symbols have that name
 */
int shk_symbol_unique(const char *name, unsigned long *addr);
/*
 * Stores the address of the only function @name of all modules in *@addr. Takes module_mutex; may
 * sleep. The module may be unloaded meanwhile. Returns 0, or an error, after which *@addr is
 * undefined:
 *   SYMBOL_UNKNOWN    there is none
 *   SYMBOL_AMBIGUOUS  there are several
 */
int shk_symbol_in_modules(const char *name, unsigned long *addr);

/*
 * Stores the address of the @pos-th symbol called @name in *@addr. @name is "SYMBOL" in the kernel
 * image, or "MODULE:SYMBOL" in a module. Symbols are counted from 1 on in the order of the kernel's
 * table, as livepatch does. If @pos is 0, there must be only one. May sleep. The module may be
 * unloaded at any time, unless the caller has a reference to it. Returns 0, or an error, after
 * which *@addr is unchanged:
 *   SYMBOL_UNKNOWN    there is none, or there are fewer than @pos
 *   SYMBOL_AMBIGUOUS  (only if @pos is 0) there are several
 */
int shk_symbol_nth(const char *name, unsigned long pos, unsigned long *addr);

/*
 * Counts the direct calls in the function @caller of the kernel image that lead to the function at
 * @target: to its first byte, behind its ENDBR, or to the padding before it, where retbleed=stuff
 * has a thunk. Stores the address of the last such call in *@call. Called at load; may sleep.
 * Returns the number, or 0 if @caller is unknown or cannot be decoded.
 */
unsigned int shk_symbol_calls(const char *caller, unsigned long target, unsigned long *call);

/* Returns true if @addr is in the text of the kernel image. Any context. */
static inline bool shk_is_kernel_text(unsigned long addr)
{
	return addr >= shk_symbols.stext && addr < shk_symbols.etext;
}

/*
 * Returns true if @addr is in the modules' area, which has the text of modules and much else. Any
 * context.
 */
static inline bool shk_in_module_area(unsigned long addr)
{
	return addr >= MODULES_VADDR && addr < MODULES_END;
}

#endif /* SHK_SYMBOLS_H */
