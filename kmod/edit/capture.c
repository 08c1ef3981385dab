// SPDX-License-Identifier: GPL-2.0-only
/*
 * Captures kprobes, fprobes and users of tracepoints; see capture.h.
 *
 * A helper is a shadow in which unmodified tools run; the target is the shadow that they trace.
 * Arming functions are those of the kernel by which a tool arms a kprobe, an fprobe, a user of a
 * tracepoint, or a tracer. Functions named divert_*() replace them in helpers. A task in a
 * divert_*() function executes the helper's text, so an arming function that it calls is replaced,
 * too. Therefore a worker, which executes the base, adds the probe.
 */
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/workqueue.h>
#include <asm/ibt.h>
#include <asm/text-patching.h>

#include "compat/ftrace_hook.h"
#include "edit/capture.h"
#include "edit/capture_ftrace.h"
#include "edit/capture_perf.h"
#include "edit/inplace.h"
#include "edit/patch.h"
#include "edit/probe.h"
#include "graft/graft.h"
#include "shadow/edits.h"

/*
 * Protects the three lists, and those members of their elements that struct shk_captured names.
 * Taken with interrupts off, also while kprobe_mutex is held. No lock is taken inside.
 */
static DEFINE_RAW_SPINLOCK(captures_lock);
static LIST_HEAD(captured_kprobes);
static LIST_HEAD(captured_ops);
static LIST_HEAD(captured_users);

/* ---- release, in all texts ---- */

static LLIST_HEAD(release_list);
static void captured_release_work_fn(struct work_struct *work);
static DECLARE_WORK(captured_release_work, captured_release_work_fn);
/* A helper may exist or have existed. Set before the first one gets its patch, never cleared. */
static bool was_used;

static void captured_on_release(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
				struct ftrace_regs *regs);

/* ftrace sites of disable_kprobe() and __unregister_kprobe_top(); 0: there is no such site. */
static unsigned long release_sites[2];
/* Registered while a DIVERT patch or a captured kprobe exists: each is a user of the hook. */
static SHK_FTRACE_HOOK(release_hook, release_sites, ARRAY_SIZE(release_sites), 0,
		       captured_on_release);

static void captured_redirect(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
			      struct ftrace_regs *regs);

/*
 * ftrace sites of tracepoint_probe_unregister(), perf_tp_event_init() and
 * write_enabled_file_bool(). Without the first one there are no helpers. Of the others the array
 * has those that the kernel has.
 */
static unsigned long redirect_sites[3];
/* Site of write_enabled_file_bool(), by which debugfs arms or disarms all kprobes; 0: none. */
static unsigned long arm_all_site;
/* Registered while a DIVERT patch, a captured fprobe or a captured user of a tracepoint exists. */
static SHK_FTRACE_HOOK(redirect_hook, redirect_sites, ARRAY_SIZE(redirect_sites),
		       FTRACE_OPS_FL_IPMODIFY, captured_redirect);

/*
 * Returns the element of captured_kprobes for @kp, or NULL. Takes no reference. captures_lock is
 * held.
 */
static struct shk_captured *captured_find(const struct kprobe *kp)
{
	struct shk_captured *captured;

	lockdep_assert_held(&captures_lock);
	list_for_each_entry (captured, &captured_kprobes, node)
		if (captured->kp == kp)
			return captured;
	return NULL;
}

/*
 * Returns the element of captured_ops for @ops, or NULL. Takes no reference. captures_lock is held.
 */
static struct shk_captured *captured_find_ops(const struct ftrace_ops *ops)
{
	struct shk_captured *captured;

	lockdep_assert_held(&captures_lock);
	list_for_each_entry (captured, &captured_ops, node)
		if (captured->ops == ops)
			return captured;
	return NULL;
}

/*
 * Returns the element of captured_users with the tracepoint @tracepoint, the function @user and its
 * data @data, or NULL. Takes no reference. captures_lock is held.
 */
static struct shk_captured *captured_find_user(const struct tracepoint *tracepoint,
					       const void *user, const void *data)
{
	struct shk_captured *captured;

	lockdep_assert_held(&captures_lock);
	list_for_each_entry (captured, &captured_users, node)
		if (captured->tracepoint == tracepoint && captured->user == user &&
		    captured->data == data)
			return captured;
	return NULL;
}

/* Returns the ftrace hook that is registered as long as @captured exists. Needs no lock. */
static struct shk_ftrace_hook *captured_hook(const struct shk_captured *captured)
{
	return captured->tracepoint || captured->ftrace ? &redirect_hook : &release_hook;
}

/*
 * Makes @captured a user of the hooks that observe its release. The helper's patch is one already,
 * so this registers nothing. Sleeps. Returns 0 or -errno.
 */
static int captured_hooks_get(const struct shk_captured *captured)
{
	int ret = captured->ftrace ? shk_unregister_probe_get() : 0;

	if (ret)
		return ret;
	ret = shk_errno(shk_ftrace_hook_get(captured_hook(captured)));
	if (ret && captured->ftrace)
		shk_unregister_probe_put();
	return ret;
}

/* Ends the effect of captured_hooks_get(). Sleeps. */
static void captured_hooks_put(const struct shk_captured *captured)
{
	shk_ftrace_hook_put(captured_hook(captured));
	if (captured->ftrace)
		shk_unregister_probe_put();
}

/*
 * Drops the references to @captured, its target, its hooks and the modules that exist until it is
 * released and its probes are removed. The caller has removed @captured from its list. The last
 * reference to @captured frees it. Sleeps; no shadow's lock is held.
 */
static void captured_drop(struct shk_captured *captured)
{
	struct module *module = captured->module;

	shk_shadow_put(captured->target);
	captured_hooks_put(captured);
	kvfree(captured->ids);
	shk_captured_put(captured);
	module_put(module);
	module_put(THIS_MODULE);
}

/*
 * Removes the probes of the elements of release_list from their targets, and drops the references.
 * Worker: executes the base. Takes the locks of the targets, and event_mutex; sleeps.
 */
static void captured_release_work_fn(struct work_struct *work)
{
	struct shk_captured *captured, *next;

	llist_for_each_entry_safe (captured, next, llist_del_all(&release_list), release_node) {
		/* Probes may be gone already: with the target, or by SHK_PROBE_REMOVE. */
		shk_probes_remove(captured->target, captured->ids, captured->nr);
		if (captured->tracepoint)
			shk_perf_copy_free(captured->data);
		captured_drop(captured);
	}
}

void shk_captured_queue_release(struct shk_captured *captured)
{
	llist_add(&captured->release_node, &release_list);
	queue_work(system_long_wq, &captured_release_work);
}

/*
 * Removes @captured, whose owner releases it, from its list: no further hit calls it. Returns true
 * if it is armed: the caller queues it by shk_captured_queue_release(). Otherwise it is still being
 * armed, and captured_arm() does that later. captures_lock is held.
 */
static bool captured_unlist(struct shk_captured *captured)
{
	lockdep_assert_held(&captures_lock);
	list_del_init(&captured->node);
	WRITE_ONCE(captured->kp, NULL);
	WRITE_ONCE(captured->ops, NULL);
	WRITE_ONCE(captured->user, NULL);
	return !captured->arming;
}

/*
 * Releases the kprobe with which disable_kprobe() or __unregister_kprobe_top() is called, if it is
 * captured: no further hit calls its handlers. Has a worker remove the probe if the kprobe is
 * armed. If it is still being armed, capture() does that later.
 *
 * Callback of ftrace at the entry of both functions, in any task. @fregs: the registers there. The
 * caller may hold kprobe_mutex. Does not sleep. Cannot fail. The kernel waits for hits in progress
 * before it frees the kprobe.
 */
static void captured_on_release(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
				struct ftrace_regs *fregs)
{
	const struct kprobe *kp = (const struct kprobe *)ftrace_get_regs(fregs)->di;
	struct shk_captured *captured;
	unsigned long flags;
	bool armed = false;

	raw_spin_lock_irqsave(&captures_lock, flags);
	captured = captured_find(kp);
	if (captured)
		armed = captured_unlist(captured);
	raw_spin_unlock_irqrestore(&captures_lock, flags);
	if (armed)
		shk_captured_queue_release(captured);
}

bool shk_captured_release_ops(const struct ftrace_ops *ops, struct shk_captured **captured)
{
	struct shk_captured *found;
	unsigned long flags;

	local_irq_save(flags);
	/*
	 * lockdep takes a breakpoint for an NMI, in which no lock is waited for. The holder has
	 * interrupts off, and never comes here.
	 */
	while (!raw_spin_trylock(&captures_lock))
		cpu_relax();
	found = captured_find_ops(ops);
	*captured = found && captured_unlist(found) ? found : NULL;
	raw_spin_unlock(&captures_lock);
	local_irq_restore(flags);
	return found;
}

/* Executed instead of tracepoint_probe_unregister() for a captured user: returns 0, for success. */
static int captured_unregistered(void)
{
	return 0;
}

/*
 * Releases the user (a function with its data) with which tracepoint_probe_unregister() is called,
 * if it is captured: no further hit calls it. The kernel does not know this user, so the call
 * returns 0 at once: @regs, the registers at its entry, are changed. Has a worker remove the probe
 * if the user is armed. If it is still being armed, capture() does that later.
 *
 * Does not sleep. Cannot fail. The owner waits for hits in progress before it frees what they use.
 */
static void captured_on_unregister(struct pt_regs *regs)
{
	struct shk_captured *captured;
	unsigned long flags;
	bool armed = false;

	raw_spin_lock_irqsave(&captures_lock, flags);
	captured = captured_find_user((const struct tracepoint *)regs->di, (const void *)regs->si,
				      (const void *)regs->dx);
	if (captured) {
		armed = captured_unlist(captured);
		regs->ip = (unsigned long)captured_unregistered;
	}
	raw_spin_unlock_irqrestore(&captures_lock, flags);
	if (armed)
		shk_captured_queue_release(captured);
}

/*
 * Executed instead of write_enabled_file_bool(), which writes to a file of debugfs. It would disarm
 * the kprobe by which the release of captured fprobes is observed. Returns -EBUSY.
 */
static ssize_t arm_all_refuse(void)
{
	return -EBUSY;
}

/*
 * Lets a call of a function in redirect_sites continue elsewhere, if a capture needs that. ftrace
 * calls this in any task, at the entry of the function, whose site is @ip. Does not sleep.
 */
static void captured_redirect(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
			      struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);

	if (ip == redirect_sites[0])
		captured_on_unregister(regs);
	else if (ip == arm_all_site)
		regs->ip = (unsigned long)arm_all_refuse;
	else
		shk_perf_on_event_init(regs);
}

/* ---- capture, in helpers ---- */

/*
 * Returns the target of the helper that current executes, with a reference. Returns NULL if current
 * executes no helper. If @count, increments the helper's counter of the arming function @func (enum
 * arming_func_nr). Any context.
 */
static struct shk_shadow *divert_begin(unsigned int func, bool count)
{
	struct shk_shadow *helper, *target = NULL;
	struct shk_diversion *diversion;
	unsigned long flags;

	/* A diversion is freed after a grace period, so it still has a reference to its target. */
	local_irq_save(flags);
	helper = shk_current_shadow();
	diversion = helper ? READ_ONCE(helper->diversion) : NULL;
	if (diversion) {
		atomic64_add(count, &diversion->calls[func]);
		target = shk_shadow_get(diversion->target);
	}
	local_irq_restore(flags);
	return target;
}

struct shk_shadow *shk_capture_target(void)
{
	return divert_begin(0, false);
}

bool shk_capture_in_helper(void)
{
	const struct shk_shadow *shadow;
	unsigned long flags;
	bool in_helper;

	local_irq_save(flags);
	shadow = shk_current_shadow();
	in_helper = shadow && READ_ONCE(shadow->diversion);
	local_irq_restore(flags);
	return in_helper;
}

/* Lets a worker add probes. On the stack of the task that waits for it: capture_arm(). */
struct capture_request {
	struct work_struct work;
	struct shk_shadow *target;
	struct shk_captured *captured;
	const unsigned long *addrs; /* .captured->nr elements */
	int err;		    /* out: the result of shk_probes_capture() */
};

/*
 * Adds the probes of a request to its target, and stores the result in the request. Worker:
 * executes the base. Takes the target's lock; sleeps.
 */
static void capture_request_fn(struct work_struct *work)
{
	struct capture_request *request = container_of(work, struct capture_request, work);
	struct shk_captured *captured = request->captured;

	request->err = shk_probes_capture(request->target, captured, request->addrs, captured->nr,
					  captured->ids);
	/* Removed probes keep detours until grace periods have passed. Wait for these once. */
	if (request->err == SHK_E(NO_ROOM) && shk_sites_settle(true))
		request->err = shk_probes_capture(request->target, captured, request->addrs,
						  captured->nr, captured->ids);
}

/*
 * Lets a worker add the probes of @captured to @target, at the @captured->nr elements of @addrs,
 * and waits until it has tried. Stores their ids in @captured->ids; a guard has none. Sleeps; no
 * shadow's lock is held. Returns 0 or an error of shk_probes_capture().
 */
static int capture_arm(struct shk_shadow *target, struct shk_captured *captured,
		       const unsigned long *addrs)
{
	struct capture_request request = { .target = target, .captured = captured, .addrs = addrs };

	INIT_WORK_ONSTACK(&request.work, capture_request_fn);
	queue_work(system_unbound_wq, &request.work);
	flush_work(&request.work);
	destroy_work_on_stack(&request.work);
	return request.err;
}

/* Returns true if @kp is registered, enabled or not. The caller holds kprobe_mutex. */
static bool is_registered(const struct kprobe *kp)
{
	struct kprobe *at = shk_call(get_kprobe)(kp->addr), *member;

	if (!at || at == kp)
		return at;
	/* Several kprobes of one address are in a list of another one. */
	list_for_each_entry (member, &at->list, list)
		if (member == kp)
			return true;
	return false;
}

/*
 * Adds @new, a kprobe, to captured_kprobes, unless it is there. Takes kprobe_mutex, since a task
 * that unregisters the kprobe holds it when it calls captured_on_release(). Sleeps. Returns 0, or
 *   -EALREADY  the kprobe is there, and armed in the same target
 *   -EBUSY     the kprobe is there, for another target or still being armed
 *   -EINVAL    the kprobe is not registered
 */
static int captured_add_kprobe(struct shk_captured *new)
{
	struct shk_captured *found;
	int ret = 0;

	mutex_lock(shk_symbols.kprobe_mutex);
	raw_spin_lock_irq(&captures_lock);
	found = captured_find(new->kp);
	if (!is_registered(new->kp))
		ret = -EINVAL;
	else if (!found)
		list_add(&new->node, &captured_kprobes);
	else
		ret = found->target == new->target && !found->arming ? -EALREADY : -EBUSY;
	raw_spin_unlock_irq(&captures_lock);
	mutex_unlock(shk_symbols.kprobe_mutex);
	return ret;
}

/*
 * Adds @new, a user of a tracepoint, to captured_users, unless it is there: the same function and
 * data at the same tracepoint. Takes captures_lock; does not sleep. Returns 0; -EEXIST: the user is
 * there, for the same target; -EBUSY: it is there, for another one.
 */
static int captured_add_user(struct shk_captured *new)
{
	struct shk_captured *found;

	raw_spin_lock_irq(&captures_lock);
	found = captured_find_user(new->tracepoint, new->user, new->data);
	if (!found)
		list_add(&new->node, &captured_users);
	raw_spin_unlock_irq(&captures_lock);
	if (!found)
		return 0;
	return found->target == new->target ? -EEXIST : -EBUSY;
}

/*
 * Adds @new, an fprobe, to captured_ops. Takes captures_lock; does not sleep. Returns 0; -EBUSY: it
 * is there.
 */
static int captured_add_ops(struct shk_captured *new)
{
	struct shk_captured *found;

	raw_spin_lock_irq(&captures_lock);
	found = captured_find_ops(new->ops);
	if (!found)
		list_add(&new->node, &captured_ops);
	raw_spin_unlock_irq(&captures_lock);
	return found ? -EBUSY : 0;
}

/*
 * Adds @new to the list of its kind. May sleep. Returns 0 or an error of the function that it
 * calls.
 */
static int captured_add(struct shk_captured *new)
{
	if (new->tracepoint)
		return captured_add_user(new);
	return new->ftrace ? captured_add_ops(new) : captured_add_kprobe(new);
}

/*
 * Returns a new struct shk_captured with the members of @pattern, and with room for the ids of its
 * probes. It is a user of its hooks. Sleeps. kvfree() of .ids and kfree() free it. Returns an
 * ERR_PTR() of -ENOMEM, or of an error of captured_hooks_get().
 */
static struct shk_captured *captured_create(const struct shk_captured *pattern)
{
	struct shk_captured *new = kmemdup(pattern, sizeof(*new), GFP_KERNEL);
	int ret = -ENOMEM;

	if (!new)
		return ERR_PTR(ret);
	new->ids = kvcalloc(new->nr, sizeof(*new->ids), GFP_KERNEL);
	if (new->ids)
		ret = captured_hooks_get(new);
	if (!ret)
		return new;
	kvfree(new->ids);
	kfree(new);
	return ERR_PTR(ret);
}

/*
 * Arms @new, which is in its list, at @addrs in its target. Then it is armed; or it is in no list,
 * and no further hit calls it. If its owner has released it meanwhile, lets a worker remove the
 * probes. Sleeps. Returns 0; or -errno, after which the caller drops @new.
 */
static int captured_arm(struct shk_captured *new, const unsigned long *addrs)
{
	int ret = shk_errno(capture_arm(new->target, new, addrs));
	bool released;

	raw_spin_lock_irq(&captures_lock);
	released = !new->kp && !new->ops && !new->user;
	if (ret && !released) {
		list_del_init(&new->node);
		WRITE_ONCE(new->ops, NULL);
	}
	/* Hits of an fprobe call .ops from now on, unless it is NULL: hit_call_captured(). */
	smp_store_release(&new->arming, false);
	raw_spin_unlock_irq(&captures_lock);
	if (!ret && released)
		shk_captured_queue_release(new);
	return ret;
}

/*
 * Captures a kprobe, an fprobe or a user of a tracepoint: arms it in @target, so that only
 * executions of that shadow hit. @pattern describes it by .kp and .addr, by .ftrace and .ops, or by
 * .tracepoint, .user, .data and .prio. The other members are zero, except .nr. @addrs has .nr
 * elements, see shk_probes_capture(). Takes over the caller's reference to @target, also after an
 * error. The caller holds a reference to the module. Sleeps.
 *
 * Returns 0, also if the kprobe is armed in @target already. If the owner has released the kprobe,
 * fprobe or user meanwhile, returns 0 and has a worker remove the probes. Returns -errno if nothing
 * is captured.
 */
static int capture(const struct shk_captured *pattern, const unsigned long *addrs,
		   struct shk_shadow *target)
{
	struct shk_captured *new = captured_create(pattern);
	int ret;

	if (IS_ERR(new)) {
		shk_shadow_put(target);
		return PTR_ERR(new);
	}
	__module_get(THIS_MODULE);
	INIT_LIST_HEAD(&new->node);
	new->target = target;
	new->arming = true;
	refcount_set(&new->ref, 1);
	ret = captured_add(new);
	if (ret) {
		captured_drop(new);
		return ret == -EALREADY ? 0 : ret;
	}
	ret = captured_arm(new, addrs);
	if (ret)
		captured_drop(new);
	return ret;
}

/*
 * Functions that execute the bodies of the base, which helpers replace. NULL until a helper exists.
 */
static int (*old_register_kprobe)(struct kprobe *kp);
static int (*old_register_kretprobe)(struct kretprobe *rp);
static int (*old_tracepoint_register)(struct tracepoint *tp, void *probe, void *data);
static int (*old_tracepoint_prio)(struct tracepoint *tp, void *probe, void *data, int prio);
static int (*old_tracepoint_may_exist)(struct tracepoint *tp, void *probe, void *data, int prio);

/* Numbers of the functions that helpers replace: indexes of arming_funcs. */
enum arming_func_nr {
	FUNC_ENABLE_KPROBE,
	FUNC_REGISTER_KPROBE,
	FUNC_REGISTER_KRETPROBE,
	FUNC_TRACEPOINT,
	FUNC_TRACEPOINT_PRIO,
	FUNC_TRACEPOINT_MAY_EXIST,
	FUNC_FTRACE,
	FUNC_FTRACE_STARTUP,
	FUNC_FTRACE_GRAPH,
	FUNC_FTRACE_COMMAND,
	FUNC_FTRACE_DIRECT,
	FUNC_FTRACE_DIRECT_MULTI,
	FUNC_TRACER_FUNCTION,
	FUNC_TRACER_WAKEUP,
	FUNC_TRACER_WAKEUP_RT,
	FUNC_TRACER_WAKEUP_DL,
	FUNC_MMIOTRACE,
	FUNC_BLKTRACE,
	FUNC_BLKTRACE_PREPARE,
	FUNC_BLKTRACE_QUEUE,
	FUNC_TRAMPOLINE,
	FUNC_TRAMPOLINE_MULTI,
	FUNC_TRAMPOLINE_CGROUP,
	FUNC_FPROBE,
	FUNC_FPROBE_IPS,
	FUNC_FPROBE_SYMS,
	FUNC_FPROBE_EVENT,
	FUNC_FPROBE_CREATE,
	NR_ARMING_FUNCS
};
static_assert(NR_ARMING_FUNCS <= SHK_ARMING_FUNCS_MAX);

/*
 * Returns 0 if @kp can be captured. Returns -EOPNOTSUPP if it has a post_handler: the kernel calls
 * that when the instruction was executed, and the module does not learn of it.
 */
static int capture_check(const struct kprobe *kp)
{
	return kp->post_handler ? -EOPNOTSUPP : 0;
}

/*
 * Captures @kp: arms it in the helper's target only. @kp is registered and disabled. Current arms
 * it by a call of the arming function @func (enum arming_func_nr). Sleeps. Returns 0 or -errno.
 */
static int divert_kprobe(struct kprobe *kp, unsigned int func)
{
	struct shk_captured pattern = { .kp = kp, .addr = (unsigned long)kp->addr, .nr = 1 };
	struct shk_shadow *target = divert_begin(func, true);
	int ret = target ? capture(&pattern, &pattern.addr, target) : -ENODEV;

	if (!ret)
		shk_graft_set_armed(current->mm);
	return ret;
}

/*
 * Replaces enable_kprobe() in helpers: arms @kp in the target. It stays disabled for the kernel.
 * Sleeps. Returns 0 or -errno, as enable_kprobe() does.
 */
static int divert_enable_kprobe(struct kprobe *kp)
{
	int ret;

	/* Fails while this module is unloaded: no helper is left then, and nothing is armed. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	if (kprobe_gone(kp))
		ret = -EINVAL;
	else if (!kprobe_disabled(kp)) /* a task outside has enabled it in the base */
		ret = -EBUSY;
	else
		ret = capture_check(kp) ?: divert_kprobe(kp, FUNC_ENABLE_KPROBE);
	module_put(THIS_MODULE);
	return ret;
}

/*
 * Returns the error for the caller that registers @kp; the kernel's own result is @err. That is 0
 * or -errno. It becomes -EINVAL if it is -ENOENT for a function in a module that is not loaded.
 * After -ENOENT tracefs would keep the event, and would arm it in the base when the module is
 * loaded.
 */
static int error_of_register(const struct kprobe *kp, int err)
{
	return err == -ENOENT && kp->symbol_name && strchr(kp->symbol_name, ':') ? -EINVAL : err;
}

/*
 * Replaces register_kprobe() in helpers: registers @kp as a disabled kprobe, and arms it in the
 * target. If the caller has disabled it, only registers it. Sleeps. Returns 0; or -errno, after
 * which @kp is not registered.
 */
static int divert_register_kprobe(struct kprobe *kp)
{
	int ret;

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	if (kp->flags & KPROBE_FLAG_DISABLED) {
		ret = error_of_register(kp, old_register_kprobe(kp));
		goto put;
	}
	ret = capture_check(kp);
	if (ret)
		goto put;
	kp->flags |= KPROBE_FLAG_DISABLED;
	ret = error_of_register(kp, old_register_kprobe(kp));
	if (ret)
		goto enable;
	ret = divert_kprobe(kp, FUNC_REGISTER_KPROBE);
	if (!ret)
		goto put;
	unregister_kprobe(kp);
enable:
	/* Otherwise a later registration outside would be of a disabled kprobe, too. */
	kp->flags &= ~KPROBE_FLAG_DISABLED;
put:
	module_put(THIS_MODULE);
	return ret;
}

/*
 * Replaces register_kretprobe() in helpers: registers @rp as a disabled kretprobe, and arms it in
 * the target. If the caller has disabled it, only registers it. Sleeps. Returns 0; or -errno, after
 * which @rp is not registered.
 */
static int divert_register_kretprobe(struct kretprobe *rp)
{
	int ret;

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	if (rp->kp.flags & KPROBE_FLAG_DISABLED) {
		ret = error_of_register(&rp->kp, old_register_kretprobe(rp));
		goto put;
	}
	rp->kp.flags |= KPROBE_FLAG_DISABLED;
	ret = error_of_register(&rp->kp, old_register_kretprobe(rp));
	if (ret)
		goto enable;
	ret = divert_kprobe(&rp->kp, FUNC_REGISTER_KRETPROBE);
	if (!ret)
		goto put;
	unregister_kretprobe(rp);
enable:
	rp->kp.flags &= ~KPROBE_FLAG_DISABLED;
put:
	module_put(THIS_MODULE);
	return ret;
}

/*
 * Refuses a call of the arming function @func (enum arming_func_nr), and counts it. Returns
 * -EOPNOTSUPP.
 */
static int divert_refuse(unsigned int func)
{
	struct shk_shadow *target = divert_begin(func, true);

	if (target)
		shk_shadow_put(target);
	return -EOPNOTSUPP;
}

/*
 * Returns true if the function @user is to be registered at @tp in the base, and not captured. That
 * is so for
 * - a function by which tracefs notes the names of tasks, or which tasks it traces. The kernel does
 *   not expect that its registration fails, and warns when it is unregistered later;
 * - a function of this module, for a tracepoint of the kernel.
 * Any context.
 */
static bool is_of_base(const struct tracepoint *tp, void *user)
{
	static const char *const names[] = {
		"event_filter_pid_sched_process_exit",
		"event_filter_pid_sched_process_fork",
		"event_filter_pid_sched_switch_probe_post",
		"event_filter_pid_sched_switch_probe_pre",
		"event_filter_pid_sched_wakeup_probe_post",
		"event_filter_pid_sched_wakeup_probe_pre",
		"ftrace_filter_pid_sched_switch_probe",
		"ftrace_pid_follow_sched_process_exit",
		"ftrace_pid_follow_sched_process_fork",
		"probe_sched_switch",
		"probe_sched_wakeup",
	};
	unsigned long offset, size;
	char name[SHK_SYMBOL_LEN];

	if (within_module((unsigned long)user, THIS_MODULE))
		return !within_module((unsigned long)tp, THIS_MODULE);
	return !shk_symbol_of((unsigned long)user, name, &offset, &size) &&
	       match_string(names, ARRAY_SIZE(names), name) >= 0;
}

/*
 * Captures the function @user with @data and the priority @prio: @tracepoint calls it only in the
 * target. Current registers it by a call of the arming function @func (enum arming_func_nr).
 * Sleeps. Returns 0; -EEXIST: @user is registered already; or another -errno: the call counts as
 * refused.
 */
static int divert_user(struct tracepoint *tracepoint, void *user, void *data, int prio,
		       unsigned int func)
{
	struct shk_captured pattern = {
		.tracepoint = tracepoint, .user = user, .data = data, .prio = prio, .nr = 1
	};
	struct shk_shadow *target;
	int ret = -ENODEV;

	/* Fails while this module is unloaded: no helper is left then, and nothing is armed. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	target = divert_begin(func, false);
	if (target)
		ret = capture(&pattern, &pattern.addr, target);
	if (!ret)
		shk_graft_set_armed(current->mm);
	else if (ret != -EEXIST) /* a second registration fails in the base, too */
		divert_refuse(func);
	module_put(THIS_MODULE);
	return ret;
}

/*
 * Replaces tracepoint_probe_register() in helpers: @tp calls the function @probe with @data in the
 * target only, unless is_of_base() says that @probe is to be registered in the base. Sleeps.
 * Returns 0 or -errno.
 */
static int divert_tracepoint(struct tracepoint *tp, void *probe, void *data)
{
	return is_of_base(tp, probe)
		       ? old_tracepoint_register(tp, probe, data)
		       : divert_user(tp, probe, data, TRACEPOINT_DEFAULT_PRIO, FUNC_TRACEPOINT);
}

/*
 * Replaces tracepoint_probe_register_prio() in helpers, as divert_tracepoint() replaces the
 * function without the priority @prio. Sleeps. Returns 0 or -errno.
 */
static int divert_tracepoint_prio(struct tracepoint *tp, void *probe, void *data, int prio)
{
	return is_of_base(tp, probe) ? old_tracepoint_prio(tp, probe, data, prio)
				     : divert_user(tp, probe, data, prio, FUNC_TRACEPOINT_PRIO);
}

/*
 * Replaces tracepoint_probe_register_prio_may_exist() in helpers, as divert_tracepoint_prio()
 * replaces the function that warns if @probe is registered already. Sleeps. Returns 0 or -errno.
 */
static int divert_tracepoint_may_exist(struct tracepoint *tp, void *probe, void *data, int prio)
{
	return is_of_base(tp, probe)
		       ? old_tracepoint_may_exist(tp, probe, data, prio)
		       : divert_user(tp, probe, data, prio, FUNC_TRACEPOINT_MAY_EXIST);
}

/*
 * Captures the fprobe of @ops: hits in the helper's target call @ops->func. ftrace does not know of
 * it. Sleeps. Returns 0 or -errno.
 */
static int divert_fprobe_ops(struct ftrace_ops *ops)
{
	struct shk_captured pattern = { .ftrace = true, .ops = ops };
	struct shk_shadow *target;
	unsigned long *addrs;
	int ret = shk_ops_sites(ops, &addrs);

	if (ret < 0)
		return ret;
	pattern.nr = ret;
	target = divert_begin(FUNC_FTRACE, false);
	ret = target ? capture(&pattern, addrs, target) : -ENODEV;
	kvfree(addrs);
	if (ret)
		return ret;
	/* unregister_fprobe() expects what ftrace does at a registration. */
	ops->saved_func = ops->func;
	shk_graft_set_armed(current->mm);
	return 0;
}

/*
 * Replaces register_ftrace_function() in helpers: captures the fprobe of @ops, and refuses others.
 * Sleeps. Returns 0 or -errno. A call that fails counts as refused.
 */
static int divert_ftrace(struct ftrace_ops *ops)
{
	int ret = -EOPNOTSUPP;

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	if (shk_ops_is_fprobe(ops))
		ret = divert_fprobe_ops(ops);
	if (ret)
		divert_refuse(FUNC_FTRACE);
	module_put(THIS_MODULE);
	return ret;
}

/*
 * Defines divert_NAME(), which refuses a call: it returns -EOPNOTSUPP for any arguments. Callers
 * expect an int, or a pointer as of ERR_PTR().
 */
#define REFUSE(_name, _func)                 \
	static long divert_##_name(void)     \
	{                                    \
		return divert_refuse(_func); \
	}

REFUSE(ftrace_startup, FUNC_FTRACE_STARTUP)
REFUSE(ftrace_graph, FUNC_FTRACE_GRAPH)
REFUSE(ftrace_command, FUNC_FTRACE_COMMAND)
REFUSE(ftrace_direct, FUNC_FTRACE_DIRECT)
REFUSE(ftrace_direct_multi, FUNC_FTRACE_DIRECT_MULTI)
REFUSE(tracer_function, FUNC_TRACER_FUNCTION)
REFUSE(tracer_wakeup, FUNC_TRACER_WAKEUP)
REFUSE(tracer_wakeup_rt, FUNC_TRACER_WAKEUP_RT)
REFUSE(tracer_wakeup_dl, FUNC_TRACER_WAKEUP_DL)
REFUSE(mmiotrace, FUNC_MMIOTRACE)
REFUSE(blktrace, FUNC_BLKTRACE)
REFUSE(blktrace_prepare, FUNC_BLKTRACE_PREPARE)
REFUSE(blktrace_queue, FUNC_BLKTRACE_QUEUE)
REFUSE(trampoline, FUNC_TRAMPOLINE)
REFUSE(trampoline_multi, FUNC_TRAMPOLINE_MULTI)
REFUSE(trampoline_cgroup, FUNC_TRAMPOLINE_CGROUP)
REFUSE(fprobe, FUNC_FPROBE)
REFUSE(fprobe_ips, FUNC_FPROBE_IPS)
REFUSE(fprobe_syms, FUNC_FPROBE_SYMS)
REFUSE(fprobe_event, FUNC_FPROBE_EVENT)

/*
 * Returns true if @command, a line for dynamic_events of tracefs, makes an event of an fprobe. Any
 * context.
 */
static bool is_fprobe_command(const char *command)
{
	while (*command == ' ' || *command == '\t')
		command++;
	return *command == 'f' || *command == 't';
}

/*
 * Replaces trace_fprobe_create() in helpers, which tracefs calls with each line @command for
 * dynamic_events. Returns -EOPNOTSUPP if it is for an event of an fprobe. Otherwise returns
 * -ECANCELED: tracefs tries the other kinds of events.
 */
static int divert_fprobe_create(const char *command)
{
	return is_fprobe_command(command) ? divert_refuse(FUNC_FPROBE_CREATE) : -ECANCELED;
}

/* An arming function: helpers replace it. */
struct arming_func {
	const char *symbol;
	void *body;    /* the function that helpers execute instead */
	void *old;     /* where to store the function that executes the base's body, or NULL */
	bool optional; /* some supported kernels, or configurations, do not have it */
	bool fprobe;   /* not replaced if fprobes can be captured: it calls FUNC_FTRACE */
};

static const struct arming_func arming_funcs[NR_ARMING_FUNCS] = {
	[FUNC_ENABLE_KPROBE] = { "enable_kprobe", divert_enable_kprobe },
	[FUNC_REGISTER_KPROBE] = { "register_kprobe", divert_register_kprobe,
				   &old_register_kprobe },
	[FUNC_REGISTER_KRETPROBE] = { "register_kretprobe", divert_register_kretprobe,
				      &old_register_kretprobe },
	[FUNC_TRACEPOINT] = { "tracepoint_probe_register", divert_tracepoint,
			      &old_tracepoint_register },
	[FUNC_TRACEPOINT_PRIO] = { "tracepoint_probe_register_prio", divert_tracepoint_prio,
				   &old_tracepoint_prio },
	[FUNC_TRACEPOINT_MAY_EXIST] = { "tracepoint_probe_register_prio_may_exist",
					divert_tracepoint_may_exist, &old_tracepoint_may_exist },
	[FUNC_FTRACE] = { "register_ftrace_function", divert_ftrace },
	[FUNC_FTRACE_STARTUP] = { "ftrace_startup", divert_ftrace_startup, .optional = true },
	[FUNC_FTRACE_GRAPH] = { "register_ftrace_graph", divert_ftrace_graph, .optional = true },
	[FUNC_FTRACE_COMMAND] = { "register_ftrace_function_probe", divert_ftrace_command,
				  .optional = true },
	[FUNC_FTRACE_DIRECT] = { "register_ftrace_direct", divert_ftrace_direct, .optional = true },
	[FUNC_FTRACE_DIRECT_MULTI] = { "register_ftrace_direct_multi", divert_ftrace_direct_multi,
				       .optional = true },
	/* These tracers ignore the errors of the functions above, so they are refused, too. */
	[FUNC_TRACER_FUNCTION] = { "function_trace_init", divert_tracer_function,
				   .optional = true },
	[FUNC_TRACER_WAKEUP] = { "wakeup_tracer_init", divert_tracer_wakeup, .optional = true },
	[FUNC_TRACER_WAKEUP_RT] = { "wakeup_rt_tracer_init", divert_tracer_wakeup_rt,
				    .optional = true },
	[FUNC_TRACER_WAKEUP_DL] = { "wakeup_dl_tracer_init", divert_tracer_wakeup_dl,
				    .optional = true },
	/*
	 * Its caller, mmio_trace_init(), has a static key at its entry, and always succeeds:
	 * tracefs then has a tracer that traces nothing.
	 */
	[FUNC_MMIOTRACE] = { "enable_mmiotrace", divert_mmiotrace, .optional = true },
	/*
	 * By ioctl (the second in newer kernels) and by sysfs. The kernel warns if one of its
	 * tracepoints is refused.
	 */
	[FUNC_BLKTRACE] = { "do_blk_trace_setup", divert_blktrace, .optional = true },
	[FUNC_BLKTRACE_PREPARE] = { "blk_trace_setup_prepare", divert_blktrace_prepare,
				    .optional = true },
	[FUNC_BLKTRACE_QUEUE] = { "blk_trace_setup_queue", divert_blktrace_queue,
				  .optional = true },
	[FUNC_TRAMPOLINE] = { "bpf_trampoline_link_prog", divert_trampoline },
	/* These link programs to trampolines without the function above. */
	[FUNC_TRAMPOLINE_MULTI] = { "bpf_trampoline_multi_attach", divert_trampoline_multi,
				    .optional = true },
	[FUNC_TRAMPOLINE_CGROUP] = { "bpf_trampoline_link_cgroup_shim", divert_trampoline_cgroup,
				     .optional = true },
	/* From 6.14 on, only the first fprobe of the machine registers at ftrace. */
	[FUNC_FPROBE] = { "register_fprobe", divert_fprobe, .optional = true, .fprobe = true },
	[FUNC_FPROBE_IPS] = { "register_fprobe_ips", divert_fprobe_ips, .optional = true,
			      .fprobe = true },
	[FUNC_FPROBE_SYMS] = { "register_fprobe_syms", divert_fprobe_syms, .optional = true,
			       .fprobe = true },
	/* The fprobe of an event is registered when the event is made, perhaps in the base. */
	[FUNC_FPROBE_EVENT] = { "enable_trace_fprobe", divert_fprobe_event, .optional = true },
	/* Made by a tool, it would be captured though it is disabled, and stay behind the tool. */
	[FUNC_FPROBE_CREATE] = { "trace_fprobe_create", divert_fprobe_create, .optional = true },
};

/* ---- workloads, in targets ---- */

/*
 * A workload, a program that a tool traces, executes the target, where no arming function is
 * replaced. So the target has a guard at each arming function: a breakpoint, whose handler makes
 * the function fail if a workload calls it. All targets share the elements of guards, which are
 * indexed by enum arming_func_nr.
 */
static struct guard {
	struct kprobe kp; /* never registered: hit_captured() calls its handler */
	struct shk_captured captured;
} guards[NR_ARMING_FUNCS];

/*
 * Executed instead of an arming function, if a workload calls it in the target: returns
 * -EOPNOTSUPP.
 */
static long guard_refuse(void)
{
	return -EOPNOTSUPP;
}

/*
 * Handler of the guard @kp, a breakpoint at an arming function in a target. If current is a
 * workload, makes the function return -EOPNOTSUPP: changes @regs->ip, and returns 1. Otherwise the
 * function is executed: returns 0. Interrupts are off; does not sleep.
 */
static int guard_on_call(struct kprobe *kp, struct pt_regs *regs)
{
	unsigned int func = container_of(kp, struct guard, kp) - guards;
	bool workload;

	/*
	 * Another CPU holds shk_graft_lock. Execute the breakpoint again; interrupts are on in
	 * between.
	 */
	if (!shk_graft_try_workload(current->mm, &workload)) {
		regs->ip = (unsigned long)kp->addr;
		return 1;
	}
	if (!workload)
		return 0;
	if (func >= FUNC_TRACEPOINT && func <= FUNC_TRACEPOINT_MAY_EXIST &&
	    is_of_base((const struct tracepoint *)regs->di, (void *)regs->si))
		return 0;
	if (func == FUNC_FPROBE_CREATE && !is_fprobe_command((const char *)regs->di))
		return 0;
	regs->ip = (unsigned long)guard_refuse;
	return 1;
}
NOKPROBE_SYMBOL(guard_on_call);

/*
 * Creates the page tables and the hooks of @target, if it has none: exec, which moves workloads to
 * it, cannot create them. Takes the lock of @target; sleeps. Returns 0 or an error of
 * shk_shadow_prepare().
 */
static int guard_prepare_target(struct shk_shadow *target)
{
	struct shk_prepared was;
	int ret;

	shk_shadow_lock_always(target, NULL);
	ret = shk_shadow_prepare(target, &was);
	shk_shadow_unlock(target);
	return ret;
}

/*
 * Adds a guard to @target: a breakpoint at the arming function @func (enum arming_func_nr), by
 * which that function fails if a workload calls it. capture_add_lock is held; sleeps. Returns 0,
 * also if the kernel lacks the function and it is optional; FORBIDDEN: a static key is at its
 * entry; or an error of shk_symbol_unique() or shk_probes_capture().
 */
static int guard_add(struct shk_shadow *target, unsigned int func)
{
	struct guard *guard = &guards[func];
	unsigned long addr;
	int ret = shk_symbol_unique(arming_funcs[func].symbol, &addr);

	if (ret)
		return ret == SHK_E(SYMBOL_UNKNOWN) && arming_funcs[func].optional ? 0 : ret;
	if (shk_is_endbr(addr))
		addr += ENDBR_INSN_SIZE;
	if (shk_base_has_keys(addr, addr + INT3_INSN_SIZE))
		return SHK_E(FORBIDDEN);
	if (!guard->kp.addr) {
		guard->kp.addr = (kprobe_opcode_t *)addr;
		guard->kp.flags = KPROBE_FLAG_DISABLED;
		guard->kp.pre_handler = guard_on_call;
		guard->captured.addr = addr;
		guard->captured.guard = true;
		guard->captured.nr = 1;
		guard->captured.kp = &guard->kp;
		refcount_set(&guard->captured.ref, 1); /* never dropped */
	}
	return capture_arm(target, &guard->captured, &guard->captured.addr);
}

/*
 * Prepares @target for workloads, the programs that tools trace. Adds the guards, breakpoints that
 * keep processes with the role WORKLOAD from arming a kprobe, a user or a tracer there. Does
 * nothing if @target has them. They stay until @target ends. capture_add_lock is held. Takes the
 * lock of @target; sleeps. Returns 0, or an error of guard_prepare_target() or guard_add(), after
 * which @target has no guards.
 */
static int guards_add(struct shk_shadow *target)
{
	unsigned int func;
	int ret;

	if (target->guarded)
		return 0;
	ret = guard_prepare_target(target);
	for (func = 0; func < NR_ARMING_FUNCS && !ret; func++)
		ret = guard_add(target, func);
	if (!ret) {
		target->guarded = true;
		return 0;
	}
	shk_shadow_lock_always(target, NULL);
	shk_guards_remove_locked(target);
	shk_shadow_unlock(target);
	return ret;
}

/* ---- the patch ---- */

/*
 * Adds the arming function @info, which is at @addr and has a __fentry__ site, to the functions of
 * @patch. If its replacement calls the base's body, stores the address of a function that executes
 * this body in *@info->old. Sleeps. Returns 0, NO_ROOM, or an error of shk_func_add(). After an
 * error the caller frees @patch.
 */
static int divert_add_func(struct shk_patch *patch, const struct arming_func *info,
			   unsigned long addr)
{
	struct shk_func *func = shk_func_add(patch, info->symbol, addr, (unsigned long)info->body);
	unsigned long site = shk_call(ftrace_location)(addr);

	if (IS_ERR(func) || !info->old)
		return PTR_ERR_OR_ZERO(func);
	func->old = shk_old_get(site + CALL_INSN_SIZE);
	if (!func->old)
		return SHK_E(NO_ROOM);
	/* All helpers store the same address. */
	WRITE_ONCE(*(unsigned long *)info->old, func->old);
	return 0;
}

/*
 * Adds a jump to @info->body to the edits of @patch, for an arming function that is at @addr and
 * has no __fentry__ site. The jump need not be written atomically, since no task executes the
 * helper while its patch is installed. Takes text_mutex. Returns 0; FORBIDDEN: text at @addr cannot
 * differ, or a static key is there; PAGE_EDGE: the jump would lie in two pages.
 */
static int divert_add_jump(struct shk_patch *patch, const struct arming_func *info,
			   unsigned long addr)
{
	if (!shk_location_may_differ(addr, info->symbol))
		return SHK_E(FORBIDDEN);
	if (shk_is_endbr(addr))
		addr += ENDBR_INSN_SIZE;
	if (shk_branch_spans_pages(addr))
		return SHK_E(PAGE_EDGE);
	if (shk_base_has_keys(addr, addr + JMP32_INSN_SIZE))
		return SHK_E(FORBIDDEN);
	shk_edit_branch(&patch->edits[patch->nr_edits++], addr, JMP32_INSN_OPCODE,
			(unsigned long)info->body);
	return 0;
}

/*
 * Adds the arming function @func (enum arming_func_nr) to @patch, if it belongs to this pass. The
 * pass with @with_site adds the functions that are replaced at their __fentry__ sites, among them
 * all whose replacement calls the base's body. The pass without adds those replaced by a jump.
 * Sleeps. Returns
 *   0           it was added, belongs to the other pass, is optional and the kernel lacks it, or
 *               registers fprobes, which FUNC_FTRACE captures
 *   an error    of shk_symbol_unique(), divert_add_func() or divert_add_jump()
 */
static int divert_add_arming_func(struct shk_patch *patch, unsigned int func, bool with_site)
{
	const struct arming_func *info = &arming_funcs[func];
	struct shk_diversion *diversion = patch->diversion;
	unsigned long addr;
	int ret;

	if (info->fprobe && shk_fprobes_are_capturable())
		return 0;
	ret = shk_symbol_unique(info->symbol, &addr);
	if (ret)
		return ret == SHK_E(SYMBOL_UNKNOWN) && info->optional ? 0 : ret;
	if ((info->old || shk_call(ftrace_location)(addr)) != with_site)
		return 0;
	ret = with_site ? divert_add_func(patch, info, addr) : divert_add_jump(patch, info, addr);
	if (!ret)
		diversion->func[diversion->nr++] = func;
	return ret;
}

/*
 * Adds all arming functions to @patch: those with a __fentry__ site as functions, then the others
 * as edits. Sleeps. Returns 0, -ENOMEM or an error of divert_add_arming_func(). After an error the
 * caller frees @patch.
 */
static int divert_prepare(struct shk_patch *patch)
{
	unsigned int func;
	int ret = 0;

	patch->edits = kcalloc(NR_ARMING_FUNCS, sizeof(*patch->edits), GFP_KERNEL_ACCOUNT);
	if (!patch->edits)
		return -ENOMEM;
	for (func = 0; func < NR_ARMING_FUNCS && !ret; func++)
		ret = divert_add_arming_func(patch, func, true);
	for (func = 0; func < NR_ARMING_FUNCS && !ret; func++)
		ret = divert_add_arming_func(patch, func, false);
	return ret;
}

/*
 * Creates the diversion of a helper with the target @target. @workload: workloads run in @target.
 * It has references to @target and to the module, and is a user of the two ftrace hooks, and of
 * the kprobe at unregister_ftrace_function() if that can be registered. shk_diversion_free() frees
 * it. Takes ftrace's locks; sleeps. Returns it; or an ERR_PTR() of -ENOMEM, or of an error of
 * shk_ftrace_hook_get().
 */
static struct shk_diversion *diversion_create(struct shk_shadow *target, bool workload)
{
	struct shk_diversion *diversion = kzalloc(sizeof(*diversion), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!diversion)
		return ERR_PTR(-ENOMEM);
	ret = shk_ftrace_hook_get(&release_hook);
	if (ret)
		goto free;
	ret = shk_ftrace_hook_get(&redirect_hook);
	if (ret)
		goto release_hook;
	/* The caller's handle has a reference to the module already. */
	__module_get(THIS_MODULE);
	diversion->target = shk_shadow_get(target);
	diversion->workload = workload;
	diversion->ftrace = shk_fprobes_are_capturable() && !shk_unregister_probe_get();
	return diversion;
release_hook:
	shk_ftrace_hook_put(&release_hook);
free:
	kfree(diversion);
	return ERR_PTR(ret);
}

void shk_diversion_free(struct shk_diversion *diversion)
{
	if (!diversion)
		return;
	shk_shadow_put(diversion->target);
	if (diversion->ftrace)
		shk_unregister_probe_put();
	shk_ftrace_hook_put(&redirect_hook);
	shk_ftrace_hook_put(&release_hook);
	kfree(diversion);
	module_put(THIS_MODULE);
}

u64 shk_diversion_calls(const struct shk_diversion *diversion, unsigned int index)
{
	return atomic64_read(&diversion->calls[diversion->func[index]]);
}

/*
 * Held while a shadow becomes a helper: from the check of helper and target until the DIVERT patch
 * is installed. So two tasks cannot make each of two shadows the target of the other. Also protects
 * shk_shadow.guarded. Taken before all other locks.
 */
static DEFINE_MUTEX(capture_add_lock);

/*
 * Makes @helper a helper with the target @target, for shk_capture_add(): checks both, adds guards
 * for workloads, and installs the DIVERT patch. capture_add_lock is held; sleeps. Returns 0 or an
 * error that struct shk_capture of the uapi header lists.
 */
static int capture_add(struct shk_shadow *helper, struct shk_shadow *target, bool workload)
{
	struct shk_patch *patch;
	int ret;

	/* Helpers in a circle would keep each other's references. */
	if (helper == target || READ_ONCE(target->diversion))
		return -EINVAL;
	if (helper->flags || target->flags & SHK_ASYNC_UNION)
		return SHK_E(POLICY);
	/* During selected system calls, processes of such a shadow execute another text. */
	if (helper->target || (workload && target->target))
		return SHK_E(SYSCALLS_ONLY);
	if (!shk_symbols.current_kprobe || !shk_symbols.kprobe_mutex || !release_sites[0] ||
	    !release_sites[1] || !redirect_sites[0])
		return SHK_E(SYMBOL_UNKNOWN);
	ret = workload ? guards_add(target) : 0;
	if (ret)
		return ret;
	patch = shk_patch_alloc(helper, SHK_PATCH_DIVERT, 0);
	if (!patch)
		return -ENOMEM;
	patch->diversion = diversion_create(target, workload);
	if (IS_ERR(patch->diversion)) {
		ret = PTR_ERR(patch->diversion);
		patch->diversion = NULL;
	} else {
		was_used = true;
		ret = divert_prepare(patch);
	}
	if (!ret)
		return shk_patch_install(patch);
	shk_patch_free(patch);
	return ret;
}

int shk_capture_add(struct shk_shadow *helper, struct shk_shadow *target, bool workload)
{
	int ret;

	if (mutex_lock_killable(&capture_add_lock))
		return -ERESTARTSYS;
	ret = capture_add(helper, target, workload);
	mutex_unlock(&capture_add_lock);
	return ret;
}

/* ---- life of the module ---- */

/* Returns the ftrace site of the function @name; 0: no such function, or it has no site. */
static unsigned long site_of(const char *name)
{
	unsigned long addr = shk_symbol_lookup(name);

	return addr ? shk_call(ftrace_location)(addr) : 0;
}

void shk_captures_init(void)
{
	release_sites[0] = site_of("disable_kprobe");
	release_sites[1] = site_of("__unregister_kprobe_top");
	arm_all_site = site_of("write_enabled_file_bool");
	shk_capture_ftrace_init(arm_all_site);
	redirect_sites[0] = site_of("tracepoint_probe_unregister");
	redirect_sites[1] = shk_perf_init();
	redirect_hook.nr_sites = redirect_sites[1] ? 2 : 1;
	if (arm_all_site && shk_fprobes_are_capturable())
		redirect_sites[redirect_hook.nr_sites++] = arm_all_site;
}

void shk_captures_exit(void)
{
	/* Tasks may be at the end of a divert_*() function, after its module_put(). */
	if (was_used)
		synchronize_rcu_tasks();
	flush_work(&captured_release_work);
	shk_ftrace_hook_free(&release_hook);
	shk_ftrace_hook_free(&redirect_hook);
}
