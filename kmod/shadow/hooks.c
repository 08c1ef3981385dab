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
 *			SHK_DELEGABLE only: exec knows the program's credentials
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
 * (attach.c): so no task is ever inside the bytes that the jump replaces.
 *
 * The handlers of interrupts, all that this machine has (vectors.c), and
 * handle_softirqs() begin with such a jump, too,
 * unless the shadow is SHK_ASYNC_INHERIT: whose work they do has nothing to do
 * with whom they land on. Theirs is at the __fentry__ site, one instruction in
 * the place of one.
 */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/binfmts.h>
#include <linux/cred.h>
#include <linux/efi.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "shadow/shadow.h"

/* hooks_entry.S */
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

/* The functions that run in the base; hooks_entry.S passes arguments through. */
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

static void hook_enter(void)
{
	this_cpu_inc(in_hook);
}

static void hook_leave(void)
{
	this_cpu_dec(in_hook);
}

/* From hooks_entry.S, interrupts off. */
asmlinkage void shk_hook_enter_lazy_tlb(void);
asmlinkage void shk_hook_enter_lazy_tlb(void)
{
	shk_call(switch_mm_irqs_off)(NULL, shk_symbols.init_mm, NULL);
}
NOKPROBE_SYMBOL(shk_hook_enter_lazy_tlb);

/* Preemption is off. */
asmlinkage void shk_hook_fpu_end(void);
asmlinkage void shk_hook_fpu_end(void)
{
	unsigned long flags;

	local_irq_save(flags);
	if (shk_is_borrowing())
		shk_call(switch_mm_irqs_off)(NULL, shk_symbols.init_mm, NULL);
	local_irq_restore(flags);
}
NOKPROBE_SYMBOL(shk_hook_fpu_end);

/*
 * The mms for which this hook itself has called pgd_alloc(), which comes by
 * here once more. On the stacks of those tasks.
 */
struct allocating {
	struct mm_struct *mm;
	struct list_head node;
};

static LIST_HEAD(allocating);
static DEFINE_SPINLOCK(allocating_lock);

static bool is_allocating(struct mm_struct *mm)
{
	struct allocating *a;
	bool found = false;

	spin_lock(&allocating_lock);
	list_for_each_entry (a, &allocating, node)
		found |= a->mm == mm;
	spin_unlock(&allocating_lock);
	return found;
}

/* Returns whether *@pgd is what pgd_alloc() is to return. */
asmlinkage bool shk_hook_pgd_alloc(struct mm_struct *mm, pgd_t **pgd);
asmlinkage bool shk_hook_pgd_alloc(struct mm_struct *mm, pgd_t **pgd)
{
	struct allocating self = { .mm = mm };

	hook_enter();
	if (is_allocating(mm)) {
		hook_leave();
		return false;
	}
	spin_lock(&allocating_lock);
	list_add(&self.node, &allocating);
	spin_unlock(&allocating_lock);

	*pgd = shk_call(pgd_alloc)(mm);

	spin_lock(&allocating_lock);
	list_del(&self.node);
	spin_unlock(&allocating_lock);

	if (*pgd && shk_graft_inherit(mm)) {
		shk_call(pgd_free)(mm, *pgd);
		*pgd = NULL;
	}
	hook_leave();
	return true;
}

asmlinkage void shk_hook_pgd_free(struct mm_struct *mm);
asmlinkage void shk_hook_pgd_free(struct mm_struct *mm)
{
	hook_enter();
	shk_graft_abort(mm);
	hook_leave();
}

/* On its way back to user space a process joins the shadow that it was attached to. */
struct arrival {
	struct callback_head work;
	struct shk_shadow *shadow;
};

/* Past its point of no return exec kills, see failure_of_births_is_undone.c. */
static void arrive(struct shk_shadow *shadow)
{
	if (shk_graft_arrive(shadow))
		send_sig(SIGKILL, current, 1);
}

static void arrive_work(struct callback_head *work)
{
	struct arrival *arrival = container_of(work, struct arrival, work);

	arrive(arrival->shadow);
	kfree(arrival);
	hook_leave();
}

asmlinkage void shk_hook_exec_mm(void);
asmlinkage void shk_hook_exec_mm(void)
{
	struct shk_shadow *shadow;
	struct arrival *arrival;

	hook_enter();
	shadow = shk_graft_exec();
	if (!shadow)
		goto leave;
	arrival = kmalloc(sizeof(*arrival), GFP_KERNEL_ACCOUNT);
	if (!arrival)
		goto kill;
	arrival->shadow = shadow;
	init_task_work(&arrival->work, arrive_work);
	if (!shk_call(task_work_add)(current, &arrival->work, TWA_RESUME))
		return;
	kfree(arrival);
kill:
	arrive(shadow);
	send_sig(SIGKILL, current, 1);
leave:
	hook_leave();
}

/*
 * secureexec says set-id and file capabilities, but not that root is given all
 * those back that it had dropped.
 */
asmlinkage void shk_hook_exec(const struct linux_binprm *bprm);
asmlinkage void shk_hook_exec(const struct linux_binprm *bprm)
{
	hook_enter();
	if (bprm->secureexec ||
	    !cap_issubset(bprm->cred->cap_permitted, current_cred()->cap_permitted))
		shk_graft_leave(current->mm);
	hook_leave();
}

asmlinkage bool shk_hook_fault(unsigned long error, unsigned long addr);
asmlinkage bool shk_hook_fault(unsigned long error, unsigned long addr)
{
	struct shk_shadow *shadow = shk_current_shadow();

	return shadow && shk_mmu->fault(&shadow->text.tables, error, addr);
}
NOKPROBE_SYMBOL(shk_hook_fault);

/* The text around a call from hooks_entry.S, whose functions do not sleep. */
struct base_visit {
	unsigned long flags;
	/*
	 * Not current->active_mm: that may be one that exec is about to load,
	 * which Xen does not take yet.
	 */
	struct mm_struct *from;
};

asmlinkage struct base_visit shk_base_enter(void);
asmlinkage struct base_visit shk_base_enter(void)
{
	struct base_visit visit;

	local_irq_save(visit.flags);
	/*
	 * A kernel thread whose process is being attached: what tells this CPU to
	 * leave the mm (flush_mm()) may be this very interrupt, and finds it left.
	 */
	visit.from = shk_is_borrowing() ? shk_symbols.init_mm
					: *this_cpu_ptr(shk_symbols.loaded_mm);
	shk_call(switch_mm_irqs_off)(NULL, shk_symbols.init_mm, NULL);
	return visit;
}

asmlinkage void shk_base_leave(struct base_visit visit);
asmlinkage void shk_base_leave(struct base_visit visit)
{
	shk_bare_leave(visit.from);
	local_irq_restore(visit.flags);
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
	struct shk_shadow *shadow = shk_current_shadow();
	struct shk_edit *edit;
	s32 rel;

	if (!shadow || shk_text_edited(&shadow->text, addr, len))
		return 0;
	edit = &shadow->hooks[SHK_HOOK_TEXT_POKE];
	if (edit->base[0] != CALL_INSN_OPCODE)
		return 0;
	memcpy(&rel, edit->base + 1, sizeof(rel));
	return edit->addr + CALL_INSN_SIZE + rel;
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

static bool has_hook(const struct shk_shadow *shadow, enum shk_hook hook)
{
	if (!hooks[hook].site)
		return false;
	if (hook >= SHK_HOOK_UPCALL) /* and what comes behind it */
		return !(shadow->flags & SHK_ASYNC_INHERIT);
	return hook != SHK_HOOK_EXEC || shadow->flags & SHK_DELEGABLE;
}

int shk_hooks_apply(struct shk_shadow *shadow)
{
	unsigned int i;
	int ret;

	lockdep_assert_held(&shk_config_lock);
	if (shadow->hooked)
		return 0;
	for (i = 0; i < SHK_NR_HOOKS; i++) {
		if (!has_hook(shadow, i))
			continue;
		shk_edit_branch(&shadow->hooks[i], hooks[i].site, hooks[i].opcode,
				(unsigned long)hooks[i].entry);
		ret = shk_edit_apply(shadow, &shadow->hooks[i]);
		if (ret)
			goto revert;
	}
	shadow->hooked = true;
	return 0;
revert:
	while (i--)
		if (has_hook(shadow, i))
			shk_edit_revert(shadow, &shadow->hooks[i]);
	return ret;
}

void shk_hooks_revert(struct shk_shadow *shadow)
{
	unsigned int i;

	lockdep_assert_held(&shk_config_lock);
	if (!shadow->hooked)
		return;
	for (i = 0; i < SHK_NR_HOOKS; i++)
		if (has_hook(shadow, i))
			shk_edit_revert(shadow, &shadow->hooks[i]);
	shadow->hooked = false;
}

bool shk_hooks_own(unsigned long addr)
{
	unsigned int i;

	for (i = 0; i < SHK_NR_HOOKS; i++)
		if (addr >= hooks[i].site && addr < hooks[i].site + CALL_INSN_SIZE)
			return true;
	return false;
}

bool shk_hooks_replace(const char *symbol)
{
	unsigned int i;

	for (i = 0; i < SHK_NR_HOOKS; i++)
		if (i < SHK_HOOK_UPCALL && (hooks[i].key || i == SHK_HOOK_ENTER_LAZY_TLB) &&
		    !strcmp(symbol, hooks[i].symbol))
			return true;
	return false;
}

static bool __init is_needed(enum shk_hook hook)
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
static int __init find_vectors(void)
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
	int ret = find_vectors();

	if (ret)
		return ret;
	for (i = 0; i < SHK_NR_HOOKS; i++) {
		if (!is_needed(i))
			continue;
		if (shk_symbol_unique(hooks[i].symbol, &addr)) {
			pr_err("this kernel has no symbol %s, or several\n", hooks[i].symbol);
			return -EOPNOTSUPP;
		}
		/* Untraced functions have no __fentry__ site; a jump needs none. */
		hooks[i].site = shk_call(ftrace_location)(addr);
		if (!hooks[i].site && hooks[i].key && i < SHK_HOOK_UPCALL)
			hooks[i].site = addr;
		if (!hooks[i].site) {
			pr_err("%s cannot be traced, so it cannot be hooked\n", hooks[i].symbol);
			return -EOPNOTSUPP;
		}
		if (hooks[i].key)
			__static_call_update(hooks[i].key, hooks[i].tramp, (void *)addr);
	}
	return 0;
}

static long nr_in_hook(void)
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
	while (nr_in_hook())
		schedule_timeout_uninterruptible(1);
	/* And on the way out. */
	synchronize_rcu_tasks();
}
