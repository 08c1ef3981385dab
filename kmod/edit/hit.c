// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs when an edit executes, in any context, NMI included. Nothing here sleeps or takes a lock.
 *
 *   edit                        enters by         from
 *   call or jump at an entry    shk_hit_call()    a slot or stub, slot_entry.S
 *   with all registers          shk_hit_full()    shk_full, slot_entry.S, after shk_hit_call()
 *   jump elsewhere              shk_hit_jump()    a detour, slot_entry.S
 *   breakpoint                  shk_hook_int3()   kprobe_int3_handler(), hooks/entry.S
 *   hooked return               shk_hit_return()  the kernel's trampoline of rethooks
 *   call of tracepoint's users  shk_hit_tracepoint()  shk_users, slot_entry.S
 *
 * Three parameters of the functions below describe the probed code at a hit:
 *
 *   @context  its preempt_count(), which tells whether it is an NMI, an interrupt or a softirq
 *   @sp       its stack pointer; at a function's entry the return address is there. 0, and
 *             not used, at a jump that is not at an entry
 *   @args     its SHK_NR_ARGS argument registers: rdi, rsi, rdx, rcx, r8, r9
 *
 * Functions of the kernel that may carry a probe are called only between hit_report_enter() and
 * hit_report_leave(). Executions there are the listeners' own, and no hits. Elsewhere a hit in such
 * a function would call it again, without end. The exception is preempt_schedule_notrace(), see
 * hit_leave().
 */
#include <linux/hardirq.h>
#include <linux/kprobes.h>
#include <linux/log2.h>
#include <linux/rculist.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>
#include <asm/text-patching.h>

#include "compat/compat.h"
#include "edit/capture.h"
#include "edit/patch.h"
#include "edit/probe.h"
#include "edit/returns.h"
#include "edit/site_table.h"
#include "edit/slot_entry.h"
#include "edit/trace.h"
#include "edit/tracepoint.h"
#include "graft/graft.h"
#include "graft/thread.h"

/*
 * Returns true if the probed code is an NMI, interrupt or softirq. @context: its preempt_count().
 */
static bool hit_is_async(unsigned int context)
{
	return context & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET);
}

/*
 * The value that the report in progress on this CPU has added to preempt_count(); 0 if no report is
 * in progress. Written with preemption off, read by hits within the report. One per CPU is enough,
 * since hits in interrupts and NMIs are not reported.
 */
static DEFINE_PER_CPU(unsigned int, reporting);

/*
 * The value of reporting before __nmi_enter() and after __nmi_exit(). Switching interrupts off and
 * on calls functions that may be probed, on kernels that check locks.
 */
#define REPORT_SWITCHES PREEMPT_OFFSET

/*
 * Begins the report of a hit: the part of a hit in which functions of the kernel may be called,
 * which may be probed themselves. @context: preempt_count() of the probed code. Switches interrupts
 * off and returns their state, for hit_report_leave(). Preemption is off. The caller has checked
 * that no report is in progress on this CPU.
 *
 * The probed code may hold a lock that the clock or a listener takes, as read_hpet() does. Both
 * take no such lock in an NMI, so a report is an NMI for them, however the probe is armed.
 */
static __always_inline unsigned long hit_report_begin(unsigned int context)
{
	unsigned long flags;

	this_cpu_write(reporting, REPORT_SWITCHES);
	local_irq_save(flags);
	__nmi_enter();
	this_cpu_write(reporting, preempt_count() - context);
	return flags;
}

/*
 * Begins a report, the part of a hit that may call functions of the kernel (hit_report_begin()),
 * unless one is in progress on this CPU. @context: preempt_count() of the probed code. Sets *@flags
 * to the state of interrupts, for hit_report_leave(). Returns false if a report is in progress:
 * nothing has changed.
 */
static bool hit_report_enter(unsigned int context, unsigned long *flags)
{
	if (this_cpu_read(reporting))
		return false;
	*flags = hit_report_begin(context);
	return true;
}

/*
 * Ends the report of hit_report_begin(), which returned @flags: restores preempt_count() and
 * interrupts.
 */
static __always_inline void hit_report_leave(unsigned long flags)
{
	__nmi_exit();
	this_cpu_write(reporting, REPORT_SWITCHES);
	local_irq_restore(flags);
	this_cpu_write(reporting, 0);
}

/*
 * Limits of nested trampolines. The kernel's trampoline recycles a hook after shk_hit_return(), and
 * the functions that do so may have their returns hooked, too. Their returns run the trampoline
 * again, without end. Each level has preemption off once more and uses some of the stack; no other
 * code nests so deep.
 */
#define MAX_PREEMPT_OFF 8
#define MIN_STACK	(THREAD_SIZE / 4)

/*
 * Returns true if the return of the function may be hooked at this hit. @context: preempt_count()
 * of the probed code; @sp: its stack pointer. Returns false if preempt_count() shows that
 * preemption was disabled MAX_PREEMPT_OFF times, or if little stack is left: the trampolines of
 * hooked returns could then nest too deep.
 */
static bool may_hook_return(unsigned int context, unsigned long sp)
{
	return (context & PREEMPT_MASK) < MAX_PREEMPT_OFF &&
	       sp - (unsigned long)task_stack_page(current) >= MIN_STACK;
}

static const unsigned long no_args[SHK_NR_ARGS];

/*
 * Fires the tracepoint shadowk_probe for a hit of @probe. @args: argument registers of the probed
 * code; at a return zeros, and @ret is the function's result. Called between hit_report_enter() and
 * hit_report_leave(), since listeners may execute probed functions. Any context.
 */
static void hit_fire_event(struct shk_probe *probe, bool is_return, unsigned long ret,
			   const unsigned long *args)
{
	trace_shadowk_probe(probe, is_return, ret, args);
}

/* Returns true if @value fulfils @condition. */
static bool condition_holds(const struct shk_condition *condition, u64 value)
{
	unsigned int shift = 64 - 8 * condition->bytes;
	u64 wanted = condition->value;
	bool less;

	value = condition->is_signed ? (u64)((s64)(value << shift) >> shift)
				     : value << shift >> shift;
	less = condition->is_signed ? (s64)value < (s64)wanted : value < wanted;
	switch (condition->op) {
	case SHK_OP_EQ:
		return value == wanted;
	case SHK_OP_NE:
		return value != wanted;
	case SHK_OP_LT:
		return less;
	case SHK_OP_LE:
		return less || value == wanted;
	case SHK_OP_GT:
		return !less && value != wanted;
	case SHK_OP_GE:
		return !less;
	default:
		return value & wanted;
	}
}
NOKPROBE_SYMBOL(condition_holds);

/* Returns true if @args, the argument registers, fulfil all conditions of @probe on arguments. */
static bool hit_args_match(const struct shk_probe *probe, const unsigned long *args)
{
	const struct shk_conditions *conditions = probe->conditions;
	unsigned int i;

	for (i = 0; conditions && i < conditions->nr_args; i++)
		if (!condition_holds(&conditions->condition[i],
				     args[conditions->condition[i].of - SHK_OF_ARG1]))
			return false;
	return true;
}
NOKPROBE_SYMBOL(hit_args_match);

/*
 * Returns true if a call that returned @ret after @duration ns fulfils the conditions of @probe on
 * the result and the duration.
 */
static bool hit_return_matches(const struct shk_probe *probe, unsigned long ret, u64 duration)
{
	const struct shk_conditions *conditions = probe->conditions;
	unsigned int i;

	for (i = conditions ? conditions->nr_args : 0; conditions && i < conditions->nr; i++)
		if (!condition_holds(&conditions->condition[i],
				     conditions->condition[i].of == SHK_OF_RETURN ? ret : duration))
			return false;
	return true;
}
NOKPROBE_SYMBOL(hit_return_matches);

/*
 * Returns true if @probe reports the duration of calls, so that the hook of a return needs the time
 * of the call.
 */
static bool hit_is_timed(const struct shk_probe *probe)
{
	return probe->kind == SHK_PROBE_LATENCY || probe->kind == SHK_PROBE_CALL;
}
NOKPROBE_SYMBOL(hit_is_timed);

/*
 * Hooks the return of the function that is being entered, for @probe: its return calls
 * shk_hit_return(). @context, @sp and @args: the probed code's preempt_count(), stack pointer and
 * argument registers. Called between hit_report_enter() and hit_report_leave(). Returns false if no
 * hook is free, or hooks may nest too deep.
 */
static bool hit_hook_return(struct shk_probe *probe, unsigned int context, unsigned long sp,
			    const unsigned long *args)
{
	struct shk_return_node *ret, *around;
	struct pt_regs regs;

	if (!may_hook_return(context, sp))
		return false;
	ret = shk_returns_get(probe->returns);
	if (!ret)
		return false;
	ret->probe = probe->id;
	ret->site = probe->site->edit.addr;
	ret->is_call = probe->kind == SHK_PROBE_CALL;
	if (ret->is_call) {
		around = shk_returns_innermost(probe->site, sp);
		ret->depth = around ? around->depth + 1 : 0;
		memcpy(ret->args, args, SHK_NR_ARGS * sizeof(*args));
	}
	if (hit_is_timed(probe))
		ret->start_ns = ktime_get_mono_fast_ns();
	/* arch_rethook_prepare() reads no other member. */
	regs.sp = sp;
	shk_call(rethook_hook)(&ret->node, &regs, true);
	this_cpu_inc(probe->counts->unreturned);
	return true;
}

/*
 * Reports a hit of @probe: hooks the return of the function if the probe wants that, else fires the
 * tracepoint. If that is not possible, increments the probe's counter .missed. @context, @sp and
 * @args: the probed code's preempt_count(), stack pointer and argument registers. Any context, NMIs
 * included; takes no lock.
 */
static void hit_report(struct shk_probe *probe, unsigned int context, unsigned long sp,
		       const unsigned long *args)
{
	unsigned long flags;
	bool done = true;

	if (!hit_report_enter(context, &flags)) {
		this_cpu_inc(probe->counts->missed);
		return;
	}
	if (probe->returns)
		done = hit_hook_return(probe, context, sp, args);
	else
		hit_fire_event(probe, false, 0, args);
	hit_report_leave(flags);
	if (!done)
		this_cpu_inc(probe->counts->missed);
}
NOKPROBE_SYMBOL(hit_report);

/*
 * Counts and reports a hit of @probe, which is not .plain (more than a count), if its conditions
 * are fulfilled. @context, @sp and @args: see the head of this file. @async: in an interrupt,
 * softirq or NMI. Not inlined, so that plain counts do not set up its stack frame.
 */
static noinline void hit_probe(struct shk_probe *probe, unsigned int context, unsigned long sp,
			       const unsigned long *args, bool async)
{
	if (!hit_args_match(probe, args))
		return;
	if (probe->flags & SHK_PROBE_BELOW && !shk_returns_innermost(probe->site, sp))
		return;
	if (async) {
		this_cpu_inc(probe->counts->async_hits);
		return;
	}
	if (!probe->returns)
		this_cpu_inc(probe->counts->hits);
	if (probe->returns || (probe->kind == SHK_PROBE_EVENT && trace_shadowk_probe_enabled()))
		hit_report(probe, context, sp, args);
}
NOKPROBE_SYMBOL(hit_probe);

/*
 * Counts a hit at @site for each probe of shk_site.union_probes. These are probes of
 * SHK_ASYNC_UNION shadows at a site of the union, the hidden shadow that interrupts and kernel
 * threads execute. Such hits belong to no process or context, so all count as async. Does nothing
 * at sites of other shadows, which have no such probes. @args: argument registers of the probed
 * code. Any context.
 */
static void hit_union_probes(struct shk_site *site, const unsigned long *args)
{
	struct shk_probe *probe;

	/* "true": preemption is off. lockdep is not asked, since its functions may be probed. */
	list_for_each_entry_rcu (probe, &site->union_probes, in_union, true)
		/* No task that executes the union is in a call that the shadow has hooked. */
		if (!(probe->flags & SHK_PROBE_BELOW) && hit_args_match(probe, args))
			this_cpu_inc(probe->counts->async_hits);
}
NOKPROBE_SYMBOL(hit_union_probes);

/* The probes of a site that are hit. */
enum hit_probes {
	HIT_ALL,
	HIT_ENTRY,  /* those with .at_entry: a patch's body is entered instead of the old one */
	HIT_OTHERS, /* those without: a patch's body calls the old one, and the entry was hit */
};

/*
 * Counts a hit at @site for each of its probes that @which selects, and reports it to probes that
 * want a report. Does neither for executions by a report in progress on this CPU, such as those of
 * a BPF program that reads the event. @context, @sp and @args: see the head of this file.
 */
static __always_inline void hit_site(struct shk_site *site, enum hit_probes which,
				     unsigned int context, unsigned long sp,
				     const unsigned long *args)
{
	unsigned int added = this_cpu_read(reporting);
	bool async = hit_is_async(context - added);
	struct shk_probe *probe;

	/* No thread sees the union's edits: shk_shadow_create_hidden() makes it so. */
	if (!shk_thread_sees_edits(site->shadow)) {
		hit_union_probes(site, args);
		return;
	}
	/* The report in progress executes this, not the process. An NMI may interrupt a report. */
	if (unlikely(added && !async))
		return;
	list_for_each_entry_rcu (probe, &site->probes, in_site, true) {
		if (which != HIT_ALL && (which == HIT_ENTRY) != probe->at_entry)
			continue;
		if (unlikely(!probe->plain))
			hit_probe(probe, context, sp, args, async);
		else if (async)
			this_cpu_inc(probe->counts->async_hits);
		else
			this_cpu_inc(probe->counts->hits);
	}
}

/*
 * Counts and reports a hit of @probe, which is @site->only_event, and returns true. Does nothing
 * and returns false if a report is in progress on this CPU, or if edits of the shadow act on some
 * threads only. @context and @args: preempt_count() and argument registers of the probed code. Not
 * inlined, so that other hits do not set up its stack frame.
 */
static noinline __no_stack_protector bool hit_event(struct shk_probe *probe,
						    const struct shk_site *site,
						    unsigned int context, const unsigned long *args)
{
	unsigned long flags;

	if (this_cpu_read(reporting) || smp_load_acquire(&site->shadow->nr_threads))
		return false;
	if (unlikely(hit_is_async(context))) {
		this_cpu_inc(probe->counts->async_hits);
		return true;
	}
	this_cpu_inc(probe->counts->hits);
	if (trace_shadowk_probe_enabled()) {
		flags = hit_report_begin(context);
		hit_fire_event(probe, false, 0, args);
		hit_report_leave(flags);
	}
	return true;
}
NOKPROBE_SYMBOL(hit_event);

/*
 * Counts and reports a hit at @site, and returns true, if the site's only probe is a plain event
 * (shk_site.only_event). Otherwise, and while a report is in progress on this CPU, does nothing and
 * returns false. hit_site() would do the same by more instructions. @context and @args: see the
 * head of this file.
 */
static __always_inline bool hit_event_only(const struct shk_site *site, unsigned int context,
					   const unsigned long *args)
{
	struct shk_probe *probe = READ_ONCE(site->only_event);

	return probe && hit_event(probe, site, context, args);
}

/*
 * Returns the topmost function of @site whose patch is on, so that its new body is to execute.
 * Returns NULL if there is none, or if the shadow's edits do not act on the current thread.
 */
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
 * Returns which probes of @site its instruction hits. Behind a __fentry__ site with a patch that is
 * on, leaves out the probes of the function's entry (.at_entry): they were hit at the entry.
 */
static enum hit_probes hit_which(const struct shk_site *site)
{
	struct shk_site *entry;

	if (likely(!site->has_entry))
		return HIT_ALL;
	entry = shk_site_at(site->shadow, site->edit.addr - CALL_INSN_SIZE);
	return entry && hit_func_of(entry) ? HIT_OTHERS : HIT_ALL;
}
NOKPROBE_SYMBOL(hit_which);

/*
 * Chooses the body of the function after a hit at @site, a function's entry that has patches. If a
 * new body is to execute, changes the saved registers so that the stub returns to the jump to that
 * body. Then it also hits the probes of the entry that are in the old body. Returns the address
 * where the stub continues first: ftrace's trampoline (@chain is shk_site.chain), shk_full(), or
 * 0: none. @context: preempt_count() of the probed code.
 *
 * ftrace's trampoline returns behind the __fentry__ site, into the old body. So if a new body is to
 * execute, shk_full() calls ftrace's users instead. If one of them changes the instruction
 * pointer, that has no effect: the patch takes precedence.
 */
static noinline unsigned long hit_enter_patched(struct shk_site *site, struct shk_slot_regs *regs,
						unsigned int context, unsigned long chain)
{
	struct shk_func *func = hit_func_of(site);
	struct shk_site *behind;

	if (!func)
		return chain;
	behind = shk_site_at(site->shadow, regs->site);
	if (behind && behind->has_entry)
		hit_site(behind, HIT_ENTRY, context, (unsigned long)&regs->parent, regs->args);
	regs->r10 = (unsigned long)site;
	regs->site = shk_stub_jump(func->stub);
	return chain ? (unsigned long)shk_full : 0;
}
NOKPROBE_SYMBOL(hit_enter_patched);

/*
 * Counts a hit at @site, and returns true, if the site's only probe is a plain count
 * (shk_site.only). Otherwise does nothing and returns false; so also if @site is NULL, while edits
 * act on some threads only, and while a report is in progress on this CPU. Needs neither a call nor
 * a loop. @context: preempt_count() of the probed code.
 */
static __always_inline bool hit_count_only(struct shk_site *site, unsigned int context)
{
	struct shk_counts __percpu *counts;

	if (unlikely(!site))
		return false;
	counts = READ_ONCE(site->only);
	if (unlikely(!counts || this_cpu_read(reporting) ||
		     smp_load_acquire(&site->shadow->nr_threads)))
		return false;
	if (unlikely(hit_is_async(context)))
		this_cpu_inc(counts->async_hits);
	else
		this_cpu_inc(counts->hits);
	return true;
}

/*
 * Handles a hit at an entry where more than one probe, a probe that is not plain, or a patch may
 * be. @context: preempt_count() of the probed code. Returns the address where the slot or stub
 * continues, or 0: at @regs->site. Called with preemption off, and enables it.
 */
static noinline unsigned long hit_call_slow(struct shk_slot_regs *regs, struct shk_site *site,
					    unsigned int context)
{
	unsigned long next = 0;

	if (regs->index >= SHK_NR_SLOTS)
		site = shk_stub_site(regs->index - SHK_NR_SLOTS);
	if (site) {
		hit_site(site, HIT_ALL, context, (unsigned long)&regs->parent, regs->args);
		next = READ_ONCE(site->chain);
		if (!list_empty(&site->funcs))
			next = hit_enter_patched(site, regs, context, next);
		if (READ_ONCE(site->has_captured)) {
			regs->r10 = (unsigned long)site;
			next = (unsigned long)shk_full;
		}
	}
	preempt_enable_notrace();
	return next;
}
NOKPROBE_SYMBOL(hit_call_slow);

/*
 * Handles a hit at an entry that hit_count_only() has not handled: tries hit_event_only(), then
 * hit_call_slow(). Returns the address where the slot or stub continues, or 0: at @regs->site.
 * @context: preempt_count() of the probed code. Called with preemption off, and enables it. Not
 * inlined, so that counted hits do not set up its stack frame.
 */
static noinline unsigned long hit_call_event(struct shk_slot_regs *regs, struct shk_site *site,
					     unsigned int context)
{
	unsigned long next;

	if (!site || !hit_event_only(site, context, regs->args))
		return hit_call_slow(regs, site, context);
	next = READ_ONCE(site->chain);
	preempt_enable_notrace();
	return next;
}
NOKPROBE_SYMBOL(hit_call_event);

/*
 * Returns the site at the __fentry__ site that ends at @behind, in the shadow that has slot @index.
 * Returns NULL if there is none, or if @index is that of a stub, the code of a patched function.
 */
static __always_inline struct shk_site *hit_slot_site(unsigned long index, unsigned long behind)
{
	struct shk_shadow *shadow;

	if (unlikely(index >= SHK_NR_SLOTS)) /* a stub */
		return NULL;
	shadow = READ_ONCE(shk_slot_shadows[index]);
	return likely(shadow) ? shk_site_at(shadow, behind - CALL_INSN_SIZE) : NULL;
}

/*
 * Handles a hit at a function's entry. Called through shk_slot_common by slots and stubs. These are
 * text of the module, which edits at entries call or jump to. Returns the address where the slot or
 * stub continues, or 0: it continues at @regs->site. Preemption may be on.
 *
 * Without stack protector, since its cost would be added to each hit. Neither this function nor
 * shk_hit_jump() has an array on its stack.
 */
asmlinkage unsigned long shk_hit_call(struct shk_slot_regs *regs);
asmlinkage __no_stack_protector unsigned long shk_hit_call(struct shk_slot_regs *regs)
{
	unsigned int context = preempt_count();
	struct shk_site *site;
	unsigned long next;

	preempt_disable_notrace();
	site = hit_slot_site(regs->index, regs->site);
	if (unlikely(!hit_count_only(site, context)))
		return hit_call_event(regs, site, context);
	next = READ_ONCE(site->chain);
	preempt_enable_notrace();
	return next;
}
NOKPROBE_SYMBOL(shk_hit_call);

/*
 * Enables preemption after a hit at @site; NULL: the site was removed. At most sites this calls
 * preempt_schedule_notrace() if the task is to be preempted. At a site in that function itself, the
 * call would hit the site again, without end. There this only decrements preempt_count(), and the
 * probed function preempts the task.
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

/*
 * Returns the site of the detour whose call of shk_detour_common returns to @detour_return; NULL:
 * it has none. Preemption is off.
 */
static __always_inline struct shk_site *hit_detour_site(unsigned long detour_return)
{
	unsigned long at = detour_return - (unsigned long)shk_detours;

	return READ_ONCE(shk_detour_sites[at / SHK_DETOUR_SIZE]);
}

/*
 * Handles a hit at @site, which is armed by a jump, that hit_count_only() has not handled. Does
 * nothing if @site is NULL, since it was removed. @context: preempt_count() of the probed code.
 *
 * A detour serves any function, so no ORC entry can describe the frame in it. While the hit is
 * reported, the return address on the stack is therefore that of a call by the probed instruction,
 * from which the unwinder finds the callers.
 */
static noinline void hit_jump_slow(struct shk_detour_regs *regs, struct shk_site *site,
				   unsigned int context)
{
	unsigned long detour = regs->detour;

	if (!site)
		return;
	/* The unwinder looks up the byte before a return address. */
	WRITE_ONCE(regs->detour, site->edit.addr + 1);
	if (!hit_event_only(site, context, regs->args))
		hit_site(site, hit_which(site), context, 0, regs->args);
	WRITE_ONCE(regs->detour, detour);
}
NOKPROBE_SYMBOL(hit_jump_slow);

/*
 * Handles a hit at a site that is armed by a jump. Detours, the code to which such jumps lead, call
 * it by shk_detour_common. Preemption may be on.
 */
asmlinkage void shk_hit_jump(struct shk_detour_regs *regs);
asmlinkage __no_stack_protector void shk_hit_jump(struct shk_detour_regs *regs)
{
	unsigned int context = preempt_count();
	struct shk_site *site;

	preempt_disable_notrace();
	site = hit_detour_site(regs->detour);
	if (unlikely(!hit_count_only(site, context)))
		hit_jump_slow(regs, site, context);
	hit_leave(site);
}
NOKPROBE_SYMBOL(shk_hit_jump);

/*
 * Counts and reports hits at the sites that an optimised kprobe at @addr covers. The kernel serves
 * the kprobe's breakpoint, then continues at its copies of all instructions under the kprobe's jump
 * (setup_detour_execution()), and so passes by the edits there. No branch leads into these
 * instructions, so each of them is about to execute. Does nothing if no optimised kprobe is at
 * @addr. @context, @sp and @args: see the head of this file.
 */
static void hit_covered(struct shk_shadow *shadow, unsigned long addr, unsigned int context,
			unsigned long sp, const unsigned long *args)
{
	struct kprobe *kp = shk_call(get_kprobe)((void *)addr);
	struct shk_site *site;
	unsigned int i;

	if (!kp || !kprobe_optimized(kp))
		return;
	for (i = 1; i < JMP32_INSN_SIZE; i++) {
		site = shk_site_at(shadow, addr + i);
		if (site)
			hit_site(site, hit_which(site), context, sp, args);
	}
}
NOKPROBE_SYMBOL(hit_covered);

/*
 * Makes @regs continue behind the breakpoint of @site: in a detour, which executes a copy of the
 * instruction, or by emulation of the instruction. Returns false if neither is possible; the
 * kernel's kprobe then steps the instruction.
 */
static bool hit_resume(struct shk_site *site, struct pt_regs *regs)
{
	if (site->detour)
		regs->ip = shk_detour_insn(site->detour);
	else if (site->kp->ainsn.emulate_op)
		site->kp->ainsn.emulate_op(site->kp, regs);
	else
		return false;
	return true;
}
NOKPROBE_SYMBOL(hit_resume);

/*
 * Calls the handler of @kp, a captured kprobe, as kprobes does after a breakpoint at @kp->addr.
 * Called between hit_report_enter() and hit_report_leave(), with interrupts off. Returns true if
 * @regs say where to continue.
 */
static bool hit_call_kprobe(struct kprobe *kp, struct pt_regs *regs)
{
	struct kprobe_ctlblk *ctlblk = this_cpu_ptr(shk_symbols.kprobe_ctlblk);
	struct kprobe **current_kprobe = this_cpu_ptr(shk_symbols.current_kprobe);
	unsigned long ip = regs->ip;
	bool jumps;

	/* A user outside may have enabled it, for all: kprobes calls its handler. */
	if (!kprobe_disabled(kp) || !kp->pre_handler)
		return false;
	if (*current_kprobe) {
		kp->nmissed++;
		return false;
	}
	/* BPF programs ask for the kprobe, and kprobes takes further ones for nested. */
	*current_kprobe = kp;
	ctlblk->kprobe_status = KPROBE_HIT_ACTIVE;
	regs->ip = (unsigned long)kp->addr + INT3_INSN_SIZE;
	jumps = kp->pre_handler(kp, regs);
	*current_kprobe = NULL;
	if (!jumps)
		regs->ip = ip;
	return jumps;
}
NOKPROBE_SYMBOL(hit_call_kprobe);

/*
 * Calls the function of @ops, a captured struct ftrace_ops, as ftrace does for the function that is
 * entered. @behind: the address behind its __fentry__ site. @regs: the registers there, apart from
 * .ip. Called between hit_report_enter() and hit_report_leave(), with interrupts off. Returns true
 * if the function has changed @regs->ip, where to continue. The function itself handles recursion.
 */
static bool hit_call_ops(struct ftrace_ops *ops, unsigned long behind, struct pt_regs *regs)
{
	unsigned long ip = regs->ip;

	regs->ip = behind;
	ops->func(behind - CALL_INSN_SIZE, *(unsigned long *)regs->sp, ops, shk_ftrace_regs(regs));
	if (regs->ip != behind)
		return true;
	regs->ip = ip;
	return false;
}
NOKPROBE_SYMBOL(hit_call_ops);

/*
 * Calls what @captured describes, unless its owner has released it, for a hit at @site. The other
 * parameters and the result are those of hit_captured().
 */
static bool hit_call_captured(const struct shk_captured *captured, const struct shk_site *site,
			      struct pt_regs *regs)
{
	/* While it is being armed, its owner may give it up without waiting for hits. */
	struct ftrace_ops *ops = smp_load_acquire(&captured->arming) ? NULL
								     : READ_ONCE(captured->ops);
	struct kprobe *kp = READ_ONCE(captured->kp);
	unsigned long behind = site->edit.addr;

	if (site->arm == SHK_ARM_CALL)
		behind += CALL_INSN_SIZE;
	if (ops)
		return hit_call_ops(ops, behind, regs);
	return kp && hit_call_kprobe(kp, regs);
}
NOKPROBE_SYMBOL(hit_call_captured);

/*
 * Calls the handlers of captured kprobes and the functions of captured ftrace_ops at @site, which
 * tools have armed in this shadow only (capture.h). Ends when one changes where @regs continue, and
 * returns true then; else returns false. @context: preempt_count() of the probed code. Preemption
 * is off, and stays so until the kernel may free what is called.
 */
static noinline bool hit_captured(struct shk_site *site, unsigned int context, struct pt_regs *regs)
{
	struct shk_probe *probe;
	unsigned long flags;
	bool jumps = false;

	if (!shk_thread_sees_edits(site->shadow) || !hit_report_enter(context, &flags))
		return false;
	list_for_each_entry_rcu (probe, &site->probes, in_site, true) {
		if (!probe->captured)
			continue;
		jumps = hit_call_captured(probe->captured, site, regs);
		if (jumps)
			break;
	}
	hit_report_leave(flags);
	return jumps;
}
NOKPROBE_SYMBOL(hit_captured);

/*
 * Handles the entry of a function where all registers are needed: by captured ftrace_ops, or by
 * ftrace's users if a patch's body is to execute. Called by shk_full. @regs: the registers. The
 * struct shk_site is in .r10, and .ip is not set. Returns the address of ftrace's trampoline, which
 * is to be executed first, or 0. May change the address on top of the stack, where execution then
 * continues.
 *
 * The site may have been removed since shk_hit_call() has chosen shk_full. It is not freed: the
 * task has not slept, so no grace period of RCU tasks has passed.
 */
asmlinkage unsigned long shk_hit_full(struct pt_regs *regs);
asmlinkage unsigned long shk_hit_full(struct pt_regs *regs)
{
	struct shk_site *site = (struct shk_site *)regs->r10;
	unsigned long behind = site->edit.addr + CALL_INSN_SIZE;
	unsigned long *top = (unsigned long *)regs->sp - 1, chain;
	unsigned int context = preempt_count();

	regs->ip = behind;
	preempt_disable_notrace();
	if (READ_ONCE(site->has_captured) && hit_captured(site, context, regs)) {
		*top = regs->ip;
		chain = 0;
	} else {
		chain = READ_ONCE(site->chain);
	}
	/* ftrace's trampoline would return behind the site. A patch's body is to be executed. */
	if (chain && *top != behind) {
		shk_call(arch_ftrace_ops_list_func)(site->edit.addr, *(unsigned long *)regs->sp,
						    NULL, shk_ftrace_regs(regs));
		chain = 0;
	}
	preempt_enable_notrace();
	return chain;
}
NOKPROBE_SYMBOL(shk_hit_full);

/*
 * Handles a breakpoint in a shadow's text. The entry of kprobe_int3_handler() calls it in every
 * shadow, with interrupts off. Returns true if @regs say where to continue. Otherwise the kernel's
 * handler continues; it knows the address, at which a site's disabled kprobe is registered.
 */
asmlinkage bool shk_hook_int3(struct pt_regs *regs);
asmlinkage bool shk_hook_int3(struct pt_regs *regs)
{
	unsigned long addr = regs->ip - INT3_INSN_SIZE, resume;
	unsigned long args[SHK_NR_ARGS] = { regs->di, regs->si, regs->dx,
					    regs->cx, regs->r8, regs->r9 };
	/* exc_int3() has added this, as for an NMI; the probed code was in none. */
	unsigned int context = preempt_count() - NMI_OFFSET - HARDIRQ_OFFSET;
	struct shk_shadow *shadow;
	struct shk_site *site;

	if (user_mode(regs))
		return false;
	shadow = shk_current_shadow();
	if (!shadow)
		return false;

	site = shk_site_at(shadow, addr);
	if (site && site->arm != SHK_ARM_CALL) {
		if (!hit_event_only(site, context, args))
			hit_site(site, hit_which(site), context, regs->sp, args);
		if (unlikely(READ_ONCE(site->has_captured)) && hit_captured(site, context, regs))
			return true;
		/* If another user's breakpoint is in the base, the kernel's handler serves it. */
		if (READ_ONCE(site->edit.base[0]) == site->kp->opcode && hit_resume(site, regs))
			return true;
	} else {
		resume = shk_poke_resume(&shadow->text, addr);
		if (resume) {
			regs->ip = resume;
			return true;
		}
	}
	hit_covered(shadow, addr, context, regs->sp, args);
	return false;
}
NOKPROBE_SYMBOL(shk_hook_int3);

/*
 * Calls @func, a function that is registered at a tracepoint, with its @data. @args: the
 * SHK_NR_ARGS argument registers, of which the first is not used. @stack: the SHK_TRACEPOINT_STACK
 * arguments on the stack. @func reads as many arguments as it has. Any context.
 */
static void hit_call_user(void *func, void *data, const unsigned long *args,
			  const unsigned long *stack)
{
	void (*call)(void *data, unsigned long, unsigned long, unsigned long, unsigned long,
		     unsigned long, unsigned long, unsigned long, unsigned long, unsigned long,
		     unsigned long, unsigned long, unsigned long) = func;

	static_assert(SHK_TRACEPOINT_STACK == 7);
	call(data, args[1], args[2], args[3], args[4], args[5], stack[0], stack[1], stack[2],
	     stack[3], stack[4], stack[5], stack[6]);
}
NOKPROBE_SYMBOL(hit_call_user);

/*
 * Calls the functions that are registered at a tracepoint: those of the base, then those that were
 * captured for the shadow (edit/capture.h). Does not call captured ones for a thread on which edits
 * do not act, nor while a hit is being reported. shk_users_common calls this instead of the
 * tracepoint's static call. @args: the argument registers. @words: the arguments on the stack.
 * @index: number of the element of shk_users. The tracepoint's reader section is open, so what the
 * functions use is not freed. Any context.
 */
asmlinkage void shk_hit_tracepoint(const unsigned long *args, const unsigned long *words,
				   unsigned int index);
asmlinkage void shk_hit_tracepoint(const unsigned long *args, const unsigned long *words,
				   unsigned int index)
{
	const struct shk_tracepoint_users *users = READ_ONCE(shk_users_of[index]);
	unsigned long stack[SHK_TRACEPOINT_STACK] = {};
	const struct shk_captured *captured;
	struct tracepoint_func *func;
	unsigned int i;
	bool sees;
	void *user;

	/* KASAN would complain of the caller's frame. */
	for (i = 0; i < users->nr_stack; i++)
		stack[i] = READ_ONCE_NOCHECK(words[i]);
	func = rcu_dereference_raw(users->tracepoint->funcs);
	for (; func && func->func; func++)
		hit_call_user(func->func, func->data, args, stack);
	/* The report of a hit may execute this, not the probed code: see hit_site(). */
	preempt_disable_notrace(); /* a block of SRCU does not */
	sees = !this_cpu_read(reporting) && shk_thread_sees_edits(users->shadow);
	preempt_enable_notrace();
	if (!sees)
		return;
	list_for_each_entry_rcu (captured, &users->captured, in_users, true) {
		user = READ_ONCE(captured->user);
		if (user)
			hit_call_user(user, captured->data, args, stack);
	}
}
NOKPROBE_SYMBOL(shk_hit_tracepoint);

/*
 * Adds @latency to the sum and the histogram of @probe. Called between hit_report_enter() and
 * hit_report_leave(). Any context.
 */
static void hit_add_latency(struct shk_probe *probe, u64 latency)
{
	this_cpu_add(probe->counts->latency_sum, latency);
	this_cpu_inc(probe->histogram->slot[latency ? ilog2(latency) : 0]);
}

/*
 * Reports the return of a call for @probe, if the result in @regs and the duration fulfil the
 * probe's conditions. @ret: the hook of the call. Returns true if they are fulfilled. Called
 * between hit_report_enter() and hit_report_leave().
 */
static bool hit_report_return(struct shk_probe *probe, struct shk_return_node *ret,
			      const struct pt_regs *regs)
{
	u64 duration = hit_is_timed(probe) ? ktime_get_mono_fast_ns() - ret->start_ns : 0;

	if (!hit_return_matches(probe, regs->ax, duration))
		return false;
	switch (probe->kind) {
	case SHK_PROBE_LATENCY:
		hit_add_latency(probe, duration);
		break;
	case SHK_PROBE_EVENT:
		hit_fire_event(probe, true, regs->ax, no_args);
		break;
	case SHK_PROBE_CALL:
		trace_shadowk_call(probe, regs->ax, duration, ret->depth, ret->args);
		break;
	default:
		break;
	}
	return true;
}

/* Returns the probe for which @ret of @shadow was hooked; NULL if it has been removed. */
static struct shk_probe *hit_probe_of(struct shk_shadow *shadow, const struct shk_return_node *ret)
{
	struct shk_site *site = shk_site_at(shadow, ret->site);
	struct shk_probe *probe;

	if (!site)
		return NULL;
	list_for_each_entry_rcu (probe, &site->probes, in_site, true)
		if (probe->id == ret->probe)
			return probe;
	return NULL;
}
NOKPROBE_SYMBOL(hit_probe_of);

SHK_RETHOOK_HANDLER(shk_hit_return, node, data, regs)
{
	struct shk_return_node *ret = container_of(node, struct shk_return_node, node);
	struct shk_probe *probe = hit_probe_of(data, ret);
	unsigned long flags;
	bool matches = true;

	if (!probe)
		return;

	this_cpu_dec(probe->counts->unreturned);
	if (probe->kind != SHK_PROBE_COUNT || probe->conditions) {
		if (!hit_report_enter(preempt_count(), &flags)) {
			this_cpu_inc(probe->counts->missed);
			return;
		}
		matches = hit_report_return(probe, ret, regs);
		hit_report_leave(flags);
	}
	if (matches)
		this_cpu_inc(probe->counts->hits);
}
