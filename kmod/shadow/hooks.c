// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module needs to know of the processes inside, it learns from their
 * own text: a call in the place of the __fentry__ nop of four functions, in
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
 * kprobe_int3_handler()	breakpoints of probes, see edit/hit.c.
 */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "shadow/shadow.h"

/* hooks_entry.S */
void shk_entry_enter_lazy_tlb(void);
void shk_entry_pgd_alloc(void);
void shk_entry_pgd_free(void);
void shk_entry_int3(void);

static struct {
	const char *symbol;
	void (*entry)(void);
	unsigned long site;
} hooks[SHK_NR_HOOKS] = {
	[SHK_HOOK_ENTER_LAZY_TLB] = { "enter_lazy_tlb", shk_entry_enter_lazy_tlb },
	[SHK_HOOK_PGD_ALLOC] = { "pgd_alloc", shk_entry_pgd_alloc },
	[SHK_HOOK_PGD_FREE] = { "pgd_free", shk_entry_pgd_free },
	[SHK_HOOK_INT3] = { "kprobe_int3_handler", shk_entry_int3 },
};

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
	list_for_each_entry(a, &allocating, node)
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

int shk_hooks_apply(struct shk_shadow *shadow)
{
	unsigned int i;
	int ret;

	lockdep_assert_held(&shk_config_lock);
	if (shadow->hooked)
		return 0;
	for (i = 0; i < SHK_NR_HOOKS; i++) {
		shk_edit_branch(&shadow->hooks[i], hooks[i].site, CALL_INSN_OPCODE,
				(unsigned long)hooks[i].entry);
		ret = shk_edit_apply(shadow, &shadow->hooks[i]);
		if (ret)
			goto revert;
	}
	shadow->hooked = true;
	return 0;
revert:
	while (i--)
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

int __init shk_hooks_init(void)
{
	unsigned int i;

	for (i = 0; i < SHK_NR_HOOKS; i++) {
		unsigned long addr = shk_symbol_lookup(hooks[i].symbol);

		hooks[i].site = addr ? shk_call(ftrace_location)(addr) : 0;
		if (!hooks[i].site) {
			pr_err("%s cannot be hooked: not in this kernel, or not traceable\n",
			       hooks[i].symbol);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

static long nr_in_hook(void)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
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
