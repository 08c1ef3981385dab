// SPDX-License-Identifier: GPL-2.0-only
/*
 * What runs when an edit executes. Any context, NMI included: nothing here takes a
 * lock or sleeps. A function of the kernel that may carry a probe is called between
 * hit_report_enter() and hit_report_leave() only, where hits count and are not reported: a hit
 * that called it elsewhere would hit itself without end. The one exception is
 * preempt_schedule_notrace(), see hit_leave().
 */
#include <linux/hardirq.h>
#include <linux/kprobes.h>
#include <linux/log2.h>
#include <linux/rculist.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <asm/text-patching.h>

#include "compat/compat.h"
#include "edit/patch.h"
#include "edit/probe.h"
#include "edit/slot_entry.h"
#include "graft/graft.h"
#include "graft/thread.h"

#define CREATE_TRACE_POINTS
#include "edit/trace.h"

/* Functions that one probe may have in flight: sleeping calls, many threads. */
#define NR_RETURNS 1024

struct return_node {
	struct rethook_node node; /* first: the kernel frees it by this address */
	u64 start_ns;
};

struct hit {
	unsigned int context; /* preempt_count() of the probed code */
	unsigned long sp;     /* of the function's return address, at an entry */
	const unsigned long *args;
};

static bool hit_is_async(unsigned int context)
{
	return context & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET);
}

/*
 * What the report in progress on this CPU has added to preempt_count(); 0 if there is
 * none. Written with preemption off. Interrupts and NMIs report nothing, so one is enough.
 */
static DEFINE_PER_CPU(unsigned int, reporting);

/* While interrupts are switched off and on, which kernels that check locks trace. */
#define REPORT_SWITCHES PREEMPT_OFFSET

/*
 * Begins the report of a hit in code that had @context as its preempt_count(). Preemption
 * is off. Returns false if a report is in progress on this CPU.
 *
 * The probed code may hold a lock that the clock or a listener takes, as read_hpet() does.
 * Both spare locks in NMIs. So a report is one for them, however the probe is armed; a
 * breakpoint's handler is one anyway.
 */
static bool hit_report_enter(unsigned int context, unsigned long *flags)
{
	if (this_cpu_read(reporting))
		return false;
	this_cpu_write(reporting, REPORT_SWITCHES);
	local_irq_save(*flags);
	__nmi_enter();
	this_cpu_write(reporting, preempt_count() - context);
	return true;
}

static void hit_report_leave(unsigned long flags)
{
	__nmi_exit();
	this_cpu_write(reporting, REPORT_SWITCHES);
	local_irq_restore(flags);
	this_cpu_write(reporting, 0);
}

/*
 * The kernel's trampoline recycles a hook after hit_on_return(), by functions whose returns
 * may be hooked, too: that trampoline would recycle in turn, without end. Each of them has
 * preemption off once more, and takes of the stack; no other code does as often.
 */
#define MAX_PREEMPT_OFF 8
#define MIN_STACK	(THREAD_SIZE / 4)

static bool may_hook_return(const struct hit *hit)
{
	return (hit->context & PREEMPT_MASK) < MAX_PREEMPT_OFF &&
	       hit->sp - (unsigned long)task_stack_page(current) >= MIN_STACK;
}

static const unsigned long no_args[6];

static void hit_fire_event(struct shk_probe *probe, bool is_return, unsigned long ret,
			   const unsigned long *args)
{
	trace_shadowk_probe(probe->site->shadow->name, probe->name,
			    (unsigned long)probe->site->kp.addr, is_return, ret, args);
}

static bool hit_hook_return(struct shk_probe *probe, const struct hit *hit)
{
	struct rethook_node *node;
	struct pt_regs regs;

	if (!may_hook_return(hit))
		return false;
	node = shk_call(rethook_try_get)(probe->rethook);
	if (!node)
		return false;
	if (probe->kind == SHK_PROBE_LATENCY)
		container_of(node, struct return_node, node)->start_ns = ktime_get_mono_fast_ns();
	/* All that arch_rethook_prepare() looks at. */
	regs.sp = hit->sp;
	shk_call(rethook_hook)(node, &regs, true);
	this_cpu_inc(probe->counts->unreturned);
	return true;
}

/* Apart, so that a hit that is only counted does not pay for its stack. */
static noinline void hit_report(struct shk_probe *probe, const struct hit *hit)
{
	unsigned long flags;
	bool done = true;

	if (!hit_report_enter(hit->context, &flags)) {
		this_cpu_inc(probe->counts->missed);
		return;
	}
	if (probe->rethook)
		done = hit_hook_return(probe, hit);
	else
		hit_fire_event(probe, false, 0, hit->args);
	hit_report_leave(flags);
	if (!done)
		this_cpu_inc(probe->counts->missed);
}

/*
 * Whatever context this is, it is nobody's of those whose probes these are. Which threads
 * of a process act on them is no question, either.
 */
static void hit_others(struct shk_site *site)
{
	struct shk_probe *probe;

	/* Preemption is off. Not asked for, for lockdep's answer may be probed. */
	list_for_each_entry_rcu (probe, &site->others, in_union, true)
		this_cpu_inc(probe->counts->async_hits);
}
NOKPROBE_SYMBOL(hit_others);

static __always_inline void hit_site(struct shk_site *site, const struct hit *hit)
{
	/* A hit within a report is that code's, not an NMI's. */
	bool async = hit_is_async(hit->context - this_cpu_read(reporting));
	struct shk_probe *probe;

	/* In the union nobody does. */
	if (!shk_thread_sees_edits(site->shadow)) {
		hit_others(site);
		return;
	}
	list_for_each_entry_rcu (probe, &site->probes, in_site, true) {
		if (async) {
			this_cpu_inc(probe->counts->async_hits);
			continue;
		}
		if (!probe->rethook)
			this_cpu_inc(probe->counts->hits);
		if (probe->rethook ||
		    (probe->kind == SHK_PROBE_EVENT && trace_shadowk_probe_enabled()))
			hit_report(probe, hit);
	}
}

/* The body that the function is to have, of the topmost patch that is on. */
static struct shk_func *hit_func_of(struct shk_site *site)
{
	struct shk_func *func;

	if (!shk_thread_sees_edits(site->shadow))
		return NULL;
	list_for_each_entry_rcu (func, &site->funcs, in_site, true)
		if (READ_ONCE(func->patch->state) != SHK_PATCH_OFF)
			return func;
	return NULL;
}
NOKPROBE_SYMBOL(hit_func_of);

/*
 * The base's call from there is due: to ftrace, which goes on behind it, that
 * is in the function's old body. So a patched function has ftrace's users
 * called from here, and what they want done with the instruction pointer is
 * not: the patch wins.
 */
static noinline unsigned long hit_enter_patched(struct shk_site *site, const struct hit *hit,
						unsigned long chain)
{
	struct shk_slot_regs *regs =
		container_of((unsigned long *)hit->sp, struct shk_slot_regs, parent);
	struct shk_func *func = hit_func_of(site);

	if (!func)
		return chain;
	regs->r10 = regs->site;
	regs->site = shk_stub_jump(func->stub);
	return chain ? (unsigned long)shk_traced : 0;
}
NOKPROBE_SYMBOL(hit_enter_patched);

asmlinkage void shk_call_tracers(struct pt_regs *regs);
asmlinkage void shk_call_tracers(struct pt_regs *regs)
{
	shk_call(arch_ftrace_ops_list_func)(regs->ip - CALL_INSN_SIZE, *(unsigned long *)regs->sp,
					    NULL, shk_ftrace_regs(regs));
}
NOKPROBE_SYMBOL(shk_call_tracers);

static __always_inline struct shk_site *hit_slot_site(unsigned long slot_return)
{
	unsigned long at = slot_return - (unsigned long)shk_slots;

	if (likely(at < SHK_NR_SLOTS * SHK_SLOT_SIZE))
		return READ_ONCE(shk_slot_sites[at / SHK_SLOT_SIZE]);
	return shk_stub_site(slot_return);
}

/*
 * A function's entry, by way of shk_slots and shk_stubs. Returns where to go on, 0 for the
 * address behind the site. There is no array on the stack of this and of shk_hit_jump(),
 * and a hit is to cost no more than the kernel's: no canary.
 */
asmlinkage unsigned long shk_hit_call(struct shk_slot_regs *regs);
asmlinkage __no_stack_protector unsigned long shk_hit_call(struct shk_slot_regs *regs)
{
	unsigned long next = 0;
	struct shk_site *site;
	struct hit hit = {
		.context = preempt_count(),
		.sp = (unsigned long)&regs->parent,
		.args = regs->args,
	};

	preempt_disable_notrace();
	site = hit_slot_site(regs->slot);
	if (site) {
		hit_site(site, &hit);
		next = READ_ONCE(site->chain);
		if (unlikely(!list_empty(&site->funcs)))
			next = hit_enter_patched(site, &hit, next);
	}
	preempt_enable_notrace();
	return next;
}
NOKPROBE_SYMBOL(shk_hit_call);

/*
 * Preemption is on again after a hit at @site. In the function that this calls to give up
 * the CPU it would call itself without end; there it is about to be given up anyway.
 */
static __always_inline void hit_leave(const struct shk_site *site)
{
	if (unlikely(site && site->gives_up_cpu)) {
		barrier();
		__preempt_count_sub(PREEMPT_OFFSET);
	} else {
		preempt_enable_notrace();
	}
}

static __always_inline struct shk_site *hit_detour_site(unsigned long detour_return)
{
	unsigned long at = detour_return - (unsigned long)shk_detours;

	return READ_ONCE(shk_detour_sites[at / SHK_DETOUR_SIZE]);
}

/*
 * A jump edit, by way of shk_detours. No ORC entry of a detour could know the frame of the
 * function that it was reached from. So while the hit is reported, shk_detour_common has
 * been called by the probed instruction, as far as the stack tells.
 */
asmlinkage void shk_hit_jump(struct shk_detour_regs *regs);
asmlinkage __no_stack_protector void shk_hit_jump(struct shk_detour_regs *regs)
{
	unsigned long detour = regs->detour;
	struct shk_site *site;
	struct hit hit = {
		.context = preempt_count(),
		.args = regs->args,
	};

	preempt_disable_notrace();
	site = hit_detour_site(detour);
	if (site) {
		/* The unwinder takes the byte before a return address for the call. */
		WRITE_ONCE(regs->detour, site->edit.addr + 1);
		hit_site(site, &hit);
		WRITE_ONCE(regs->detour, detour);
	}
	hit_leave(site);
}
NOKPROBE_SYMBOL(shk_hit_jump);

static struct shk_site *hit_find_site(struct shk_shadow *shadow, unsigned long addr)
{
	struct shk_site *site;

	hash_for_each_possible_rcu_notrace (shadow->sites, site, by_addr, addr)
		if (site->edit.addr == addr)
			return site;
	return NULL;
}
NOKPROBE_SYMBOL(hit_find_site);

/*
 * The kernel is about to serve an optimised kprobe by its breakpoint: it goes
 * on at copies of all instructions that the kprobe's jump would cover
 * (setup_detour_execution()), and so past our edits on them. They are straight
 * line, so each is executed now.
 */
static void hit_covered(struct shk_shadow *shadow, unsigned long addr, const struct hit *hit)
{
	struct kprobe *kp = shk_call(get_kprobe)((void *)addr);
	struct shk_site *site;
	unsigned int i;

	if (!kp || !kprobe_optimized(kp))
		return;
	for (i = 1; i < JMP32_INSN_SIZE; i++) {
		site = hit_find_site(shadow, addr + i);
		if (site)
			hit_site(site, hit);
	}
}
NOKPROBE_SYMBOL(hit_covered);

/* Behind the breakpoint, without the kernel's kprobe unless that must step. */
static bool hit_resume(struct shk_site *site, struct pt_regs *regs)
{
	if (site->detour)
		regs->ip = shk_detour_insn(site->detour);
	else if (site->kp.ainsn.emulate_op)
		site->kp.ainsn.emulate_op(&site->kp, regs);
	else
		return false;
	return true;
}
NOKPROBE_SYMBOL(hit_resume);

/*
 * kprobe_int3_handler() of every shadow begins here. Returns whether the
 * breakpoint is dealt with; if not, the kernel's own handler goes on, which
 * knows the address, since a disabled kprobe of ours is registered there.
 */
asmlinkage bool shk_hook_int3(struct pt_regs *regs);
asmlinkage bool shk_hook_int3(struct pt_regs *regs)
{
	unsigned long addr = regs->ip - INT3_INSN_SIZE, resume;
	unsigned long args[6] = { regs->di, regs->si, regs->dx, regs->cx, regs->r8, regs->r9 };
	struct hit hit = {
		/* exc_int3() has entered as an NMI does: not the probed code's doing. */
		.context = preempt_count() - NMI_OFFSET - HARDIRQ_OFFSET,
		.sp = regs->sp,
		.args = args,
	};
	struct shk_shadow *shadow;
	struct shk_site *site;

	if (user_mode(regs))
		return false;
	shadow = shk_current_shadow();
	if (!shadow)
		return false;

	site = hit_find_site(shadow, addr);
	if (site && site->arm != SHK_ARM_CALL) {
		hit_site(site, &hit);
		/* Unless somebody else has a breakpoint in the base and wants his turn: */
		if (READ_ONCE(site->edit.base[0]) == site->kp.opcode && hit_resume(site, regs))
			return true;
	} else {
		resume = shk_poke_resume(&shadow->text, addr);
		if (resume) {
			regs->ip = resume;
			return true;
		}
	}
	hit_covered(shadow, addr, &hit);
	return false;
}
NOKPROBE_SYMBOL(shk_hook_int3);

static void hit_add_latency(struct shk_probe *probe, u64 start_ns)
{
	u64 latency = ktime_get_mono_fast_ns() - start_ns;

	this_cpu_add(probe->counts->latency_sum, latency);
	this_cpu_inc(probe->histogram->slot[latency ? ilog2(latency) : 0]);
}

static SHK_RETHOOK_HANDLER(hit_on_return, node, data, regs)
{
	struct return_node *ret = container_of(node, struct return_node, node);
	struct shk_probe *probe = data;
	unsigned long flags;

	this_cpu_dec(probe->counts->unreturned);
	if (probe->kind != SHK_PROBE_COUNT) {
		if (!hit_report_enter(preempt_count(), &flags)) {
			this_cpu_inc(probe->counts->missed);
			return;
		}
		if (probe->kind == SHK_PROBE_LATENCY)
			hit_add_latency(probe, ret->start_ns);
		else
			hit_fire_event(probe, true, regs->ax, no_args);
		hit_report_leave(flags);
	}
	this_cpu_inc(probe->counts->hits);
}

/*
 * The kernel warns once if somebody reads the stack of a task that runs in a function
 * whose return is hooked, and goes on. Where warnings are fatal, that would stop the
 * machine. So the warning is marked as given, as often as a probe is added, for the
 * administrator can clear the marks.
 */
static void unwinder_silence(void)
{
#if SHK_UNWINDER_WARNS
	unsigned long addr, start = shk_symbols.rethook_find_ret_addr, offset, size;
	char name[SHK_SYMBOL_LEN];
	struct bug_entry *bug;

	if (shk_symbol_of(start, name, &offset, &size))
		return;
	for (addr = start; addr < start + size - LEN_UD2; addr++) {
		if (*(u16 *)shk_base_bytes(addr) != INSN_UD2)
			continue;
		bug = shk_call(find_bug)(addr);
		if (bug && bug->flags & BUGFLAG_ONCE)
			bug->flags |= BUGFLAG_DONE;
	}
#endif
}

static int returns_alloc_hooks(struct shk_probe *probe)
{
#if SHK_RETHOOK_OBJPOOL
	probe->rethook = shk_call(rethook_alloc)(probe, hit_on_return, sizeof(struct return_node),
						 NR_RETURNS);
	if (IS_ERR_OR_NULL(probe->rethook)) {
		probe->rethook = NULL;
		return -ENOMEM;
	}
#else
	int i;

	probe->rethook = shk_call(rethook_alloc)(probe, hit_on_return);
	if (!probe->rethook)
		return -ENOMEM;
	for (i = 0; i < NR_RETURNS; i++) {
		struct return_node *ret = kzalloc(sizeof(*ret), GFP_KERNEL_ACCOUNT);

		if (!ret) {
			shk_returns_exit(probe);
			return -ENOMEM;
		}
		shk_call(rethook_add_node)(probe->rethook, &ret->node);
	}
#endif
	return 0;
}

int shk_returns_init(struct shk_probe *probe)
{
	unwinder_silence();
	return returns_alloc_hooks(probe);
}

/*
 * Functions that are still in flight return through the kernel's own code. The
 * pointer stays for hits in progress: the kernel frees the rethook under RCU,
 * and gives no node of it any more.
 */
void shk_returns_exit(struct shk_probe *probe)
{
	if (probe->rethook)
		shk_call(rethook_free)(probe->rethook);
}
