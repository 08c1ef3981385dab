// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module learns about the processes inside a shadow from their own text: some functions have a
 * call at their __fentry__ site, in every shadow. The base has no hook, tracepoint or notifier for
 * that, so processes outside pay nothing for context switches, forks and exits.
 *
 *   enter_lazy_tlb()       The CPU goes from a process to a kernel thread that borrows its mm, or a
 *                          task gives up its mm (exit, kthread_unuse_mm()). The hook loads init_mm,
 *                          as leave_mm() does. switch_mm_irqs_off() does the way back.
 *                          Kernels from 7.1 on have it inline, and these two hooks instead:
 *   finish_task_switch()   The CPU has gone to another task. If that is a kernel thread which
 *                          borrows the mm, the hook loads init_mm. Interrupts have been off since
 *                          the scheduler chose the task.
 *   membarrier_update_current_mm()
 *                          A task gives up its mm (exit, kthread_unuse_mm()), with interrupts off.
 *                          enter_lazy_tlb() comes next, and finds init_mm.
 *   pgd_alloc()            fork or exec makes an mm. The hook grafts it, and may fail. So a child
 *                          is inside before any other task knows it.
 *   pgd_free()             The making of an mm has failed.
 *   exec_mm_release()      exec is about to take its new mm into use, with the process's
 *                          cred_guard_mutex held, which attach and detach hold, too. If the process
 *                          was attached after pgd_alloc(), the new mm follows before its first
 *                          instruction. From 7.3 on it is mm_exit_exec_release(), which exit
 *                          calls, too.
 *   kprobe_int3_handler()  A breakpoint of a probe, see edit/hit.c, or of an edit in progress.
 *   security_bprm_committing_creds()
 *                          exec knows the program's credentials, and has not put them on yet, long
 *                          after pgd_alloc(). If they gain privileges, the hook takes an mm out
 *                          that came into the shadow by a handle's right.
 *   spurious_kernel_fault()
 *                          The first function that a fault of the kernel itself calls. The shadow's
 *                          tables for modules may lack an entry of the base's, see mmu/modules.c.
 *   kernel_fpu_end()       Only with EFI. A worker that borrows an mm has called the firmware. On
 *                          return the kernel has loaded that mm, not as a lazy TLB user
 *                          (arch_efi_call_virt_teardown()), and calls this function next. The hook
 *                          loads init_mm.
 *
 * Functions that read or compare the kernel's text while it is patched must see the base's, also if
 * a process inside does the patching. In a shadow's text __text_poke() would BUG, ftrace would stop
 * itself, and a kprobe would copy an edit instead of an instruction. So in every shadow these
 * functions begin with a jump to an entry of entry.S. That loads init_mm with interrupts off, calls
 * the same function, which is the base's then, and loads the shadow again. None of them sleeps.
 * They are called with text_mutex held, and a process is attached or detached with that held
 * (graft/change_text.c). So no task is in the bytes that the jump replaces.
 *
 * The handlers of this machine's interrupts (vectors.c) and handle_softirqs() have such a jump,
 * too, at their __fentry__ site: one instruction in the place of one. Their work does not belong to
 * the process that they interrupt. A shadow that is SHK_ASYNC_INHERIT has no hooks there.
 */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/efi.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/shadowk.h>

#include "hooks/hooks.h"
#include "mmu/load.h"
#include "mmu/modules.h"

/* entry.S */
void shk_entry_enter_lazy_tlb(void);
void shk_entry_task_switch(void);
void shk_entry_leave_mm(void);
void shk_entry_pgd_alloc(void);
void shk_entry_pgd_free(void);
void shk_entry_exec_mm(void);
void shk_entry_int3(void);
void shk_entry_exec(void);
void shk_entry_fault(void);
void shk_entry_fpu_end(void);
void shk_entry_text_poke(void);
void shk_entry_ftrace_verify(void);
void shk_entry_jump_label(void);
void shk_entry_static_call(void);
void shk_entry_can_probe(void);
void shk_entry_copy_insn(void);
void shk_entry_can_optimize(void);
void shk_entry_upcall(void);
void shk_entry_softirq(void);

/*
 * The type of the static calls below, by which entry.S calls the base's functions. It passes the
 * arguments on unchanged, so all have one type. shk_in_base() is never defined.
 */
void shk_in_base(void);
DEFINE_STATIC_CALL_NULL(shk_base_text_poke, shk_in_base);
DEFINE_STATIC_CALL_NULL(shk_base_ftrace_verify, shk_in_base);
DEFINE_STATIC_CALL_NULL(shk_base_jump_label, shk_in_base);
DEFINE_STATIC_CALL_NULL(shk_base_static_call, shk_in_base);
DEFINE_STATIC_CALL_NULL(shk_base_can_probe, shk_in_base);
DEFINE_STATIC_CALL_NULL(shk_base_copy_insn, shk_in_base);
DEFINE_STATIC_CALL_NULL(shk_base_can_optimize, shk_in_base);
DEFINE_STATIC_CALL_NULL(shk_base_upcall, shk_in_base);
DEFINE_STATIC_CALL_NULL(shk_base_softirq, shk_in_base);

/*
 * An entry and a static call for each handler of an interrupt. shk_hooks_init() chooses which entry
 * serves which handler.
 */
/* clang-format off */
#define VECTORS(F)                                                                          \
	F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15) \
	F(16) F(17) F(18) F(19) F(20) F(21) F(22) F(23)
/* clang-format on */
#define DEFINE_VECTOR(n)                \
	void shk_entry_vector##n(void); \
	DEFINE_STATIC_CALL_NULL(shk_base_vector##n, shk_in_base);
VECTORS(DEFINE_VECTOR)
#undef DEFINE_VECTOR

/* A hook at the function @_symbol, whose body the base executes. */
#define IN_BASE(_symbol, _name)                                                             \
	{                                                                                   \
		.symbol = _symbol, .entry = shk_entry_##_name, .opcode = JMP32_INSN_OPCODE, \
		.key = &STATIC_CALL_KEY(shk_base_##_name),                                  \
		.tramp = &STATIC_CALL_TRAMP(shk_base_##_name),                              \
	}

/* All hooks. Fixed after shk_hooks_init(). */
static struct {
	const char *symbol;  /* the function; NULL: a vector that this machine does not have */
	void (*entry)(void); /* in entry.S */
	u8 opcode;	     /* call or jump from the function to @entry */
	struct static_call_key *key; /* of the call to the base's function; NULL: there is none */
	void *tramp;		     /* trampoline of that call */
	const char *later;	     /* the function's name in later kernels; NULL: the same */
	unsigned long site; /* address of the edit; 0: this machine does not need the hook */
} hooks[SHK_NR_HOOKS] = {
	[SHK_HOOK_ENTER_LAZY_TLB] = { "enter_lazy_tlb", shk_entry_enter_lazy_tlb,
				      CALL_INSN_OPCODE },
	[SHK_HOOK_TASK_SWITCH] = { "finish_task_switch", shk_entry_task_switch, CALL_INSN_OPCODE },
	[SHK_HOOK_LEAVE_MM] = { "membarrier_update_current_mm", shk_entry_leave_mm,
				CALL_INSN_OPCODE },
	[SHK_HOOK_PGD_ALLOC] = { "pgd_alloc", shk_entry_pgd_alloc, CALL_INSN_OPCODE },
	[SHK_HOOK_PGD_FREE] = { "pgd_free", shk_entry_pgd_free, CALL_INSN_OPCODE },
	[SHK_HOOK_EXEC_MM] = { "exec_mm_release", shk_entry_exec_mm, CALL_INSN_OPCODE,
			       .later = "mm_exit_exec_release" },
	[SHK_HOOK_INT3] = { "kprobe_int3_handler", shk_entry_int3, CALL_INSN_OPCODE },
	[SHK_HOOK_EXEC] = { "security_bprm_committing_creds", shk_entry_exec, CALL_INSN_OPCODE },
	[SHK_HOOK_FAULT] = { "spurious_kernel_fault", shk_entry_fault, CALL_INSN_OPCODE },
	[SHK_HOOK_FPU_END] = { "kernel_fpu_end", shk_entry_fpu_end, CALL_INSN_OPCODE },
	/* A call, since the base has one at that __fentry__ site, too, to sync.c's ftrace hook. */
	[SHK_HOOK_TEXT_POKE] = { "__text_poke", shk_entry_text_poke, CALL_INSN_OPCODE,
				 &STATIC_CALL_KEY(shk_base_text_poke),
				 &STATIC_CALL_TRAMP(shk_base_text_poke) },
	[SHK_HOOK_FTRACE_VERIFY] = IN_BASE("ftrace_verify_code", ftrace_verify),
	[SHK_HOOK_JUMP_LABEL] = IN_BASE("__jump_label_patch", jump_label),
	[SHK_HOOK_STATIC_CALL] = IN_BASE("__static_call_validate", static_call),
	[SHK_HOOK_CAN_PROBE] = IN_BASE("can_probe", can_probe),
	[SHK_HOOK_COPY_INSN] = IN_BASE("__copy_instruction", copy_insn),
	[SHK_HOOK_CAN_OPTIMIZE] = IN_BASE("can_optimize", can_optimize),
	[SHK_HOOK_UPCALL] = IN_BASE("__xen_pv_evtchn_do_upcall", upcall),
	[SHK_HOOK_SOFTIRQ] = IN_BASE("handle_softirqs", softirq),
#define HOOK_VECTOR(n) [SHK_HOOK_VECTOR + n] = IN_BASE(NULL, vector##n),
	VECTORS(HOOK_VECTOR)
#undef HOOK_VECTOR
};

static struct shk_vector vectors[SHK_VECTORS_MAX]; /* names of hooks[].symbol */

/*
 * Number of tasks between shk_hook_begin() and shk_hook_end(). A task may begin and end on two
 * CPUs, so only the sum over all CPUs has a meaning.
 */
static DEFINE_PER_CPU(long, in_hook);

void shk_hook_begin(void)
{
	this_cpu_inc(in_hook);
}

void shk_hook_end(void)
{
	this_cpu_dec(in_hook);
}

struct shk_text *shk_current_text(void)
{
	struct shk_tables *tables = shk_mmu->current_tables();

	return tables ? container_of(tables, struct shk_text, tables) : NULL;
}
NOKPROBE_SYMBOL(shk_current_text);

/* Makes this CPU execute the base: hook in enter_lazy_tlb(). Called by entry.S, interrupts off. */
asmlinkage void shk_hook_enter_lazy_tlb(void);
asmlinkage void shk_hook_enter_lazy_tlb(void)
{
	shk_load_base();
}
NOKPROBE_SYMBOL(shk_hook_enter_lazy_tlb);

/*
 * Makes this CPU execute the base, if current is a kernel thread that borrows an mm: hook in
 * finish_task_switch(). Called by entry.S when the CPU has switched to current. Interrupts are off.
 */
asmlinkage void shk_hook_task_switch(void);
asmlinkage void shk_hook_task_switch(void)
{
	if (shk_is_borrowing())
		shk_load_base();
}
NOKPROBE_SYMBOL(shk_hook_task_switch);

/*
 * Makes this CPU execute the base, if current gives up its mm: hook in
 * membarrier_update_current_mm(). @mm, that function's argument, is then NULL. Otherwise
 * current->mm has become @mm, which the kernel is about to load. Called by entry.S, interrupts off.
 */
asmlinkage void shk_hook_leave_mm(const struct mm_struct *mm);
asmlinkage void shk_hook_leave_mm(const struct mm_struct *mm)
{
	if (!mm)
		shk_load_base();
}
NOKPROBE_SYMBOL(shk_hook_leave_mm);

/*
 * Makes this CPU execute the base, if current is a kernel thread that borrows an mm: hook in
 * kernel_fpu_end(), after a call of the EFI firmware. Called by entry.S, preemption off.
 */
asmlinkage void shk_hook_fpu_end(void);
asmlinkage void shk_hook_fpu_end(void)
{
	unsigned long flags;

	local_irq_save(flags);
	if (shk_is_borrowing())
		shk_load_base();
	local_irq_restore(flags);
}
NOKPROBE_SYMBOL(shk_hook_fpu_end);

/*
 * Handles a page fault of the kernel itself in a shadow, if the shadow's tables for modules lack an
 * entry that the base has: copies the entry. Hook in spurious_kernel_fault(); called by entry.S,
 * interrupts off. @error: the fault's error code; @addr: the address of the access. Returns true if
 * the CPU can repeat the access; false: the kernel's function goes on.
 */
asmlinkage bool shk_hook_fault(unsigned long error, unsigned long addr);
asmlinkage bool shk_hook_fault(unsigned long error, unsigned long addr)
{
	struct shk_text *text = shk_current_text();

	return text && shk_mmu->fault(&text->tables, error, addr);
}
NOKPROBE_SYMBOL(shk_hook_fault);

/*
 * State around a call of a base's function that entry.S makes, from shk_base_enter() to
 * shk_base_leave(). Nothing sleeps in between.
 */
struct base_call {
	unsigned long flags;	/* of local_irq_save() */
	struct mm_struct *from; /* of shk_load() */
};

/*
 * Makes this CPU execute the base from the return on, with interrupts off. Called by entry.S, which
 * passes the result to shk_base_leave().
 */
asmlinkage struct base_call shk_base_enter(void);
asmlinkage struct base_call shk_base_enter(void)
{
	struct base_call call;

	local_irq_save(call.flags);
	call.from = shk_load(shk_symbols.init_mm);
	return call;
}

/*
 * Makes this CPU execute the text again that it executed before shk_base_enter(), whose result is
 * @call. Restores interrupts. Called by entry.S.
 */
asmlinkage void shk_base_leave(struct base_call call);
asmlinkage void shk_base_leave(struct base_call call)
{
	shk_load_back(call.from);
	local_irq_restore(call.flags);
}

/*
 * Decides whether the shadow itself executes a call of __text_poke(), or the base does so for it.
 * Called by entry.S with the arguments of that call; text_mutex is held.
 *
 * Returns 0 if the base is to execute the function: the shadow has an edit at [@addr, @addr +
 * @len), or ftrace is changing the function's __fentry__ site. Otherwise, as for most pokes, the
 * shadow has the base's bytes there. Then returns the address at which the shadow's __text_poke()
 * continues: that of the function which the base calls from the __fentry__ site. It is the hook of
 * text/sync.c, or ftrace's list of hooks.
 */
asmlinkage unsigned long shk_hook_text_poke(void *func, unsigned long addr, const void *src,
					    size_t len);
asmlinkage unsigned long shk_hook_text_poke(void *func, unsigned long addr, const void *src,
					    size_t len)
{
	struct shk_text *text = shk_current_text();
	unsigned long site = hooks[SHK_HOOK_TEXT_POKE].site;
	u8 base[CALL_INSN_SIZE];
	s32 rel;

	if (!text || shk_text_edited(text, addr, len))
		return 0;
	memcpy(base, shk_base_bytes(site), sizeof(base));
	/*
	 * ftrace is changing the site. Where text of modules is never private, no hook has to see a
	 * poke of it, and the base could not do it: it may sleep, see mmu/write.h.
	 */
	if (base[0] != CALL_INSN_OPCODE)
		return shk_modules_possible() || shk_is_kernel_text(addr) ? 0
									  : site + CALL_INSN_SIZE;
	memcpy(&rel, base + 1, sizeof(rel));
	return site + CALL_INSN_SIZE + rel;
}

/*
 * Compares the base's bytes at @ip with @old_code, in the place of ftrace_verify_code(). Returns
 * true if they are equal: the function then returns 0. Returns false otherwise, or if @ip is text
 * of a module: the base then executes the function, which reports an error if there is one. Called
 * by entry.S with the function's arguments, for each function that is traced.
 */
asmlinkage bool shk_hook_ftrace_verify(unsigned long ip, const void *old_code);
asmlinkage bool shk_hook_ftrace_verify(unsigned long ip, const void *old_code)
{
	return shk_is_kernel_text(ip) && !memcmp(shk_base_bytes(ip), old_code, MCOUNT_INSN_SIZE);
}

/*
 * Returns true if the text of @shadow_hooks gets @hook: this machine needs the hook, and the policy
 * and .exec of @shadow_hooks choose it.
 */
static bool hooks_wanted(const struct shk_hooks *shadow_hooks, enum shk_hook hook)
{
	if (!hooks[hook].site)
		return false;
	if (hook >= SHK_HOOK_UPCALL) /* handlers of interrupts and softirqs */
		return !(shadow_hooks->flags & SHK_ASYNC_INHERIT);
	return hook != SHK_HOOK_EXEC || shadow_hooks->exec;
}

/*
 * Reverts those of the first @nr hooks (by enum shk_hook) that @shadow_hooks chooses for @text. The
 * owner's lock is held; sleeps.
 */
static void hooks_revert_first(struct shk_hooks *shadow_hooks, struct shk_text *text,
			       unsigned int nr)
{
	while (nr--)
		if (hooks_wanted(shadow_hooks, nr))
			shk_text_revert(text, &shadow_hooks->edits[nr]);
}

/*
 * Applies @hook to @text: writes the hook's call or jump, as the edit @shadow_hooks->edits[@hook].
 * The owner's lock is held; sleeps. Returns 0 or an error of shk_text_apply().
 */
static int hooks_apply_one(struct shk_hooks *shadow_hooks, struct shk_text *text,
			   enum shk_hook hook)
{
	shk_edit_branch(&shadow_hooks->edits[hook], hooks[hook].site, hooks[hook].opcode,
			(unsigned long)hooks[hook].entry);
	return shk_text_apply(text, &shadow_hooks->edits[hook]);
}

int shk_hooks_add_exec(struct shk_hooks *shadow_hooks, struct shk_text *text)
{
	int ret;

	if (shadow_hooks->exec)
		return 0;
	ret = shadow_hooks->applied ? hooks_apply_one(shadow_hooks, text, SHK_HOOK_EXEC) : 0;
	shadow_hooks->exec = !ret;
	return ret;
}

int shk_hooks_apply(struct shk_hooks *shadow_hooks, struct shk_text *text)
{
	unsigned int i;
	int ret;

	if (shadow_hooks->applied)
		return 0;
	for (i = 0; i < SHK_NR_HOOKS; i++) {
		if (!hooks_wanted(shadow_hooks, i))
			continue;
		ret = hooks_apply_one(shadow_hooks, text, i);
		if (ret) {
			hooks_revert_first(shadow_hooks, text, i);
			return ret;
		}
	}
	shadow_hooks->applied = true;
	return 0;
}

void shk_hooks_revert(struct shk_hooks *shadow_hooks, struct shk_text *text)
{
	if (!shadow_hooks->applied)
		return;
	hooks_revert_first(shadow_hooks, text, SHK_NR_HOOKS);
	shadow_hooks->applied = false;
}

unsigned int shk_hooks_count(void)
{
	unsigned int i, count = 0;

	for (i = 0; i < SHK_NR_HOOKS; i++)
		count += !!hooks[i].site;
	return count;
}

bool shk_is_hook_at(unsigned long addr)
{
	unsigned int i;

	for (i = 0; i < SHK_NR_HOOKS; i++)
		if (addr >= hooks[i].site && addr < hooks[i].site + CALL_INSN_SIZE)
			return true;
	return false;
}

/* Returns true if @symbol is @function, or a clone or part that the compiler made of it. */
static bool hooks_is_part_of(const char *symbol, const char *function)
{
	size_t len = strlen(function);

	return !strncmp(symbol, function, len) && (!symbol[len] || symbol[len] == '.');
}

bool shk_hooks_replace_body(const char *symbol)
{
	unsigned int i;

	for (i = 0; i < SHK_NR_HOOKS; i++)
		if (i < SHK_HOOK_UPCALL && (hooks[i].key || i == SHK_HOOK_ENTER_LAZY_TLB) &&
		    hooks_is_part_of(symbol, hooks[i].symbol))
			return true;
	return false;
}

/*
 * Returns true if this machine needs @hook: its kernel, its CPUs or its backend (native or Xen PV)
 * can reach the function.
 */
static bool __init hook_is_needed(enum shk_hook hook)
{
	if (hook >= SHK_HOOK_VECTOR)
		return hooks[hook].symbol;
	switch (hook) {
	case SHK_HOOK_ENTER_LAZY_TLB:
		return shk_symbol_lookup(hooks[hook].symbol);
	case SHK_HOOK_TASK_SWITCH:
	case SHK_HOOK_LEAVE_MM:
		return !hooks[SHK_HOOK_ENTER_LAZY_TLB].site;
	case SHK_HOOK_FAULT:
		return shk_mmu->fault;
	case SHK_HOOK_FPU_END:
		return efi_enabled(EFI_RUNTIME_SERVICES);
	case SHK_HOOK_UPCALL:
		return shk_mmu->upcalls;
	default:
		return true;
	}
}

/*
 * Sets the names of the handlers of interrupts in hooks[]. Where all interrupts are Xen's upcalls,
 * there are no such handlers. Returns 0, or an error of shk_vectors_find().
 */
static int __init hooks_find_vectors(void)
{
	int i, nr = shk_mmu->upcalls ? 0 : shk_vectors_find(vectors);

	for (i = 0; i < nr; i++)
		hooks[SHK_HOOK_VECTOR + i].symbol = vectors[i].name;
	return nr < 0 ? nr : 0;
}

/*
 * Stores the address of the function of @hook in *@addr. The compiler may have made one clone of a
 * static function, with a suffix, in its place. A clone has other arguments, so it is accepted only
 * for hooks that do not read the arguments. Returns 0, SYMBOL_UNKNOWN or SYMBOL_AMBIGUOUS.
 */
static int __init hook_find_function(enum shk_hook hook, unsigned long *addr)
{
	static const char *const suffixes[] = {
		".isra.0", ".constprop.0", ".isra.0.constprop.0", ".constprop.0.isra.0",
		".isra.1", ".constprop.1"
	};
	const char *symbol = hooks[hook].symbol;
	bool takes_clones =
		hook == SHK_HOOK_TASK_SWITCH ||
		(hooks[hook].key && hook != SHK_HOOK_TEXT_POKE && hook != SHK_HOOK_FTRACE_VERIFY);
	unsigned int i, found = 0;
	char name[KSYM_NAME_LEN];
	int ret = shk_symbol_unique(symbol, addr);

	if (ret == SHK_E(SYMBOL_UNKNOWN) && hooks[hook].later)
		ret = shk_symbol_unique(hooks[hook].later, addr);
	if (ret != SHK_E(SYMBOL_UNKNOWN) || !takes_clones)
		return ret;
	for (i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(name, sizeof(name), "%s%s", symbol, suffixes[i]);
		ret = shk_symbol_unique(name, addr);
		if (!ret)
			found++;
		else if (ret != SHK_E(SYMBOL_UNKNOWN))
			return ret;
	}
	return found == 1 ? 0 : found ? SHK_E(SYMBOL_AMBIGUOUS) : SHK_E(SYMBOL_UNKNOWN);
}

int __init shk_hooks_init(void)
{
	unsigned long addr, call;
	unsigned int i;
	int ret = hooks_find_vectors();

	if (ret)
		return ret;
	for (i = 0; i < SHK_NR_HOOKS; i++) {
		if (!hook_is_needed(i))
			continue;
		if (hook_find_function(i, &addr)) {
			pr_err("symbols: this kernel has no %s, or several\n", hooks[i].symbol);
			return -EOPNOTSUPP;
		}
		/* If not, the compiler made another copy for it, in which a hook has no effect. */
		if (i == SHK_HOOK_TASK_SWITCH && !shk_symbol_calls("__schedule", addr, &call)) {
			pr_err("symbols: __schedule() does not call %s()\n", hooks[i].symbol);
			return -EOPNOTSUPP;
		}
		/* A function that is not traced has no __fentry__ site, and a jump needs none. */
		hooks[i].site = shk_call(ftrace_location)(addr);
		if (!hooks[i].site && hooks[i].key && i < SHK_HOOK_UPCALL)
			hooks[i].site = addr;
		if (!hooks[i].site) {
			pr_err("symbols: %s cannot be traced, so it cannot be hooked\n",
			       hooks[i].symbol);
			return -EOPNOTSUPP;
		}
		if (hooks[i].key)
			__static_call_update(hooks[i].key, hooks[i].tramp, (void *)addr);
	}
	return 0;
}

/* Returns the number of tasks between shk_hook_begin() and shk_hook_end(). */
static long hooks_nr_running(void)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu (cpu)
		sum += per_cpu(in_hook, cpu);
	return sum;
}

void shk_hooks_exit(void)
{
	/* Tasks that were preempted before shk_hook_begin() have reached it after this. */
	synchronize_rcu_tasks();
	/* CPUs in a hook with preemption off, as that of enter_lazy_tlb(), have left it then. */
	synchronize_rcu();
	while (hooks_nr_running())
		schedule_timeout_uninterruptible(1);
	/* Tasks that were preempted behind shk_hook_end() have left the hook after this. */
	synchronize_rcu_tasks();
}
