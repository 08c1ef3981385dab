// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module needs to know of the processes inside, it learns from their
 * own text: a call in the place of the __fentry__ nop of a few functions, in
 * every shadow. The base has no hook, no tracepoint and no notifier, so who is
 * outside pays nothing for context switches, forks and exits.
 *
 * enter_lazy_tlb()	is called when the CPU goes from a process to a kernel
 *			thread that borrows its mm, and when a task gives up its
 *			mm (exit, kthread_unuse_mm). Text is left for the base
 *			there, as leave_mm() would. The way back is
 *			switch_mm_irqs_off()'s own.
 * pgd_alloc()		every new mm of fork and exec passes here, early enough
 *			to fail: the child is inside before it exists.
 * pgd_free()		the new mm came to nothing.
 * exec_mm_release()	exec is about to take its new mm into use, with the process's
 *			cred_guard_mutex held, which attach and detach hold, too. If
 *			that mm is not where the process is now (it was attached
 *			after pgd_alloc()), it follows before its first instruction.
 * kprobe_int3_handler()	breakpoints of probes, see edit/hit.c.
 * security_bprm_committing_creds()
 *			exec knows the program's credentials
 *			and has not put them on yet, long after pgd_alloc(). What
 *			an unprivileged process brought inside leaves here if it
 *			is about to gain privileges.
 * spurious_kernel_fault()	the first thing that a fault of the kernel itself
 *			calls: the shadow's tables for modules may lag behind the
 *			base's, see mmu/modules.c.
 * kernel_fpu_end()	on machines with EFI: a call of the firmware, by a worker that
 *			has borrowed an mm, loads that mm when it is over, and is lazy
 *			no more (arch_efi_call_virt_teardown()). This comes next.
 *
 * And what reads or compares the kernel's text while it is being patched must
 * see the base's, also when a process inside does the patching: __text_poke()
 * would BUG, ftrace kill itself, a kprobe copy an edit for an instruction.
 * Those functions begin with a jump, in every shadow, to an entry that loads
 * init_mm with interrupts off, calls the very same function, now the base's,
 * and returns to the shadow. None of them sleeps. All are called with
 * text_mutex held, and it is held while a text comes or goes under a process
 * (graft/change_text.c): so no task is ever inside the bytes that the jump replaces.
 *
 * The handlers of interrupts, all that this machine has (vectors.c), and
 * handle_softirqs() begin with such a jump, too,
 * unless the shadow is SHK_ASYNC_INHERIT: whose work they do has nothing to do
 * with whom they land on. Theirs is at the __fentry__ site, one instruction in
 * the place of one.
 */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/efi.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/shadowk.h>

#include "hooks/hooks.h"
#include "hooks/load.h"

/* entry.S */
void shk_entry_enter_lazy_tlb(void);
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

/* The functions that run in the base; entry.S passes arguments through. */
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

/* One of each for a handler of an interrupt, which shk_hooks_init() chooses. */
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

#define IN_BASE(_symbol, _name)                                                             \
	{                                                                                   \
		.symbol = _symbol, .entry = shk_entry_##_name, .opcode = JMP32_INSN_OPCODE, \
		.key = &STATIC_CALL_KEY(shk_base_##_name),                                  \
		.tramp = &STATIC_CALL_TRAMP(shk_base_##_name),                              \
	}

static struct {
	const char *symbol;
	void (*entry)(void);
	u8 opcode;
	struct static_call_key *key; /* it runs in the base */
	void *tramp;
	unsigned long site; /* 0: this machine has no use for it */
} hooks[SHK_NR_HOOKS] = {
	[SHK_HOOK_ENTER_LAZY_TLB] = { "enter_lazy_tlb", shk_entry_enter_lazy_tlb,
				      CALL_INSN_OPCODE },
	[SHK_HOOK_PGD_ALLOC] = { "pgd_alloc", shk_entry_pgd_alloc, CALL_INSN_OPCODE },
	[SHK_HOOK_PGD_FREE] = { "pgd_free", shk_entry_pgd_free, CALL_INSN_OPCODE },
	[SHK_HOOK_EXEC_MM] = { "exec_mm_release", shk_entry_exec_mm, CALL_INSN_OPCODE },
	[SHK_HOOK_INT3] = { "kprobe_int3_handler", shk_entry_int3, CALL_INSN_OPCODE },
	[SHK_HOOK_EXEC] = { "security_bprm_committing_creds", shk_entry_exec, CALL_INSN_OPCODE },
	[SHK_HOOK_FAULT] = { "spurious_kernel_fault", shk_entry_fault, CALL_INSN_OPCODE },
	[SHK_HOOK_FPU_END] = { "kernel_fpu_end", shk_entry_fpu_end, CALL_INSN_OPCODE },
	/* Its __fentry__ site is a call in the base, too. */
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

static struct shk_vector vectors[SHK_VECTORS_MAX];

/* Tasks in hooks that sleep: unload waits for them. */
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

/* From entry.S, interrupts off. */
asmlinkage void shk_hook_enter_lazy_tlb(void);
asmlinkage void shk_hook_enter_lazy_tlb(void)
{
	shk_load_base();
}
NOKPROBE_SYMBOL(shk_hook_enter_lazy_tlb);

/* Preemption is off. */
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

asmlinkage bool shk_hook_fault(unsigned long error, unsigned long addr);
asmlinkage bool shk_hook_fault(unsigned long error, unsigned long addr)
{
	struct shk_text *text = shk_current_text();

	return text && shk_mmu->fault(&text->tables, error, addr);
}
NOKPROBE_SYMBOL(shk_hook_fault);

/* Around a call from entry.S, whose functions do not sleep. */
struct base_call {
	unsigned long flags;
	struct mm_struct *from;
};

asmlinkage struct base_call shk_base_enter(void);
asmlinkage struct base_call shk_base_enter(void)
{
	struct base_call call;

	local_irq_save(call.flags);
	call.from = shk_load(shk_symbols.init_mm);
	return call;
}

asmlinkage void shk_base_leave(struct base_call call);
asmlinkage void shk_base_leave(struct base_call call)
{
	shk_load_back(call.from);
	local_irq_restore(call.flags);
}

/*
 * __text_poke(func, addr, src, len): most pokes are where the shadow has no
 * edit, and there it has what the base has. Returns where to go on then, in
 * the shadow: at what the base calls from this place (text/sync.c's hook, or
 * ftrace's list of hooks); 0 for the base.
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
	if (base[0] != CALL_INSN_OPCODE)
		return 0;
	memcpy(&rel, base + 1, sizeof(rel));
	return site + CALL_INSN_SIZE + rel;
}

/*
 * ftrace_verify_code(ip, old_code) asks whether the base has these bytes, for
 * each function that is traced. Returns whether it has; what is to be done if
 * not is ftrace's to say, in the base.
 */
asmlinkage bool shk_hook_ftrace_verify(unsigned long ip, const void *old_code);
asmlinkage bool shk_hook_ftrace_verify(unsigned long ip, const void *old_code)
{
	return shk_is_kernel_text(ip) && !memcmp(shk_base_bytes(ip), old_code, MCOUNT_INSN_SIZE);
}

static bool hooks_wanted(const struct shk_hooks *own, enum shk_hook hook)
{
	if (!hooks[hook].site)
		return false;
	if (hook >= SHK_HOOK_UPCALL) /* and what comes behind it */
		return !(own->flags & SHK_ASYNC_INHERIT);
	return true;
}

static void hooks_revert_first(struct shk_hooks *own, struct shk_text *text, unsigned int nr)
{
	while (nr--)
		if (hooks_wanted(own, nr))
			shk_text_revert(text, &own->edits[nr]);
}

int shk_hooks_apply(struct shk_hooks *own, struct shk_text *text)
{
	unsigned int i;
	int ret;

	if (own->applied)
		return 0;
	for (i = 0; i < SHK_NR_HOOKS; i++) {
		if (!hooks_wanted(own, i))
			continue;
		shk_edit_branch(&own->edits[i], hooks[i].site, hooks[i].opcode,
				(unsigned long)hooks[i].entry);
		ret = shk_text_apply(text, &own->edits[i]);
		if (ret) {
			hooks_revert_first(own, text, i);
			return ret;
		}
	}
	own->applied = true;
	return 0;
}

void shk_hooks_revert(struct shk_hooks *own, struct shk_text *text)
{
	if (!own->applied)
		return;
	hooks_revert_first(own, text, SHK_NR_HOOKS);
	own->applied = false;
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

bool shk_hooks_replace_body(const char *symbol)
{
	unsigned int i;

	for (i = 0; i < SHK_NR_HOOKS; i++)
		if (i < SHK_HOOK_UPCALL && (hooks[i].key || i == SHK_HOOK_ENTER_LAZY_TLB) &&
		    !strcmp(symbol, hooks[i].symbol))
			return true;
	return false;
}

static bool __init hook_is_needed(enum shk_hook hook)
{
	if (hook >= SHK_HOOK_VECTOR)
		return hooks[hook].symbol;
	switch (hook) {
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

/* Names live in @vectors; where all interrupts are upcalls there are no others. */
static int __init hooks_find_vectors(void)
{
	int i, nr = shk_mmu->upcalls ? 0 : shk_vectors_find(vectors);

	for (i = 0; i < nr; i++)
		hooks[SHK_HOOK_VECTOR + i].symbol = vectors[i].name;
	return nr < 0 ? nr : 0;
}

int __init shk_hooks_init(void)
{
	unsigned long addr;
	unsigned int i;
	int ret = hooks_find_vectors();

	if (ret)
		return ret;
	for (i = 0; i < SHK_NR_HOOKS; i++) {
		if (!hook_is_needed(i))
			continue;
		if (shk_symbol_unique(hooks[i].symbol, &addr)) {
			pr_err("symbols: this kernel has no %s, or several\n", hooks[i].symbol);
			return -EOPNOTSUPP;
		}
		/* Untraced functions have no __fentry__ site; a jump needs none. */
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
	/* Who was preempted on the way into a hook counts itself in meanwhile. */
	synchronize_rcu_tasks();
	/* A task on its way through context_switch() has been seen to switch. */
	synchronize_rcu();
	while (hooks_nr_running())
		schedule_timeout_uninterruptible(1);
	/* And on the way out. */
	synchronize_rcu_tasks();
}
