// SPDX-License-Identifier: GPL-2.0-only
/*
 * Captures kprobes and users of tracepoints; see capture.h.
 *
 * The functions named divert_*() replace functions of the kernel in helpers. A task that executes
 * one of them executes the helper's text, and so all that it calls there is diverted, too. Probes
 * are therefore added by a worker, which executes the base.
 */
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
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
#include "edit/capture_perf.h"
#include "edit/patch.h"
#include "edit/probe.h"
#include "graft/graft.h"
#include "shadow/edits.h"

/*
 * Protects the two lists, and members of their elements. Nothing is taken inside but the locks of
 * queue_work(). Taken with kprobe_mutex held.
 */
static DEFINE_RAW_SPINLOCK(captures_lock);
static LIST_HEAD(captured_kprobes);
static LIST_HEAD(captured_users);

/* ---- release, in all texts ---- */

static LLIST_HEAD(release_list);
static void captured_release_work_fn(struct work_struct *work);
static DECLARE_WORK(captured_release_work, captured_release_work_fn);
/* A helper has existed. Never cleared. */
static bool was_used;

static void captured_on_release(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
				struct ftrace_regs *regs);

/* ftrace sites of disable_kprobe() and __unregister_kprobe_top(); 0: the kernel has none. */
static unsigned long release_sites[2];
/* Users: each DIVERT patch, and each captured kprobe. */
static SHK_FTRACE_HOOK(release_hook, release_sites, ARRAY_SIZE(release_sites), 0,
		       captured_on_release);

static void captured_redirect(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
			      struct ftrace_regs *regs);

/*
 * ftrace sites of tracepoint_probe_unregister() and perf_tp_event_init(); 0: the kernel has none.
 * Without the second one redirect_hook has one site.
 */
static unsigned long redirect_sites[2];
/* Users: each DIVERT patch, and each captured user of a tracepoint. */
static SHK_FTRACE_HOOK(redirect_hook, redirect_sites, ARRAY_SIZE(redirect_sites),
		       FTRACE_OPS_FL_IPMODIFY, captured_redirect);

/* Returns the element of captured_kprobes for @kp, or NULL. */
static struct shk_captured *captured_find(const struct kprobe *kp)
{
	struct shk_captured *captured;

	lockdep_assert_held(&captures_lock);
	list_for_each_entry (captured, &captured_kprobes, node)
		if (captured->kp == kp)
			return captured;
	return NULL;
}

/* Returns the element of captured_users with these members, or NULL. */
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

/* Returns the hook that observes the release of @captured. */
static struct shk_ftrace_hook *captured_hook(const struct shk_captured *captured)
{
	return captured->tracepoint ? &redirect_hook : &release_hook;
}

/* Drops what the owner holds of @captured, which is in no list. Sleeps. */
static void captured_drop(struct shk_captured *captured)
{
	struct module *module = captured->module;

	shk_shadow_put(captured->target);
	shk_ftrace_hook_put(captured_hook(captured));
	shk_captured_put(captured);
	module_put(module);
	module_put(THIS_MODULE);
}

/* Removes the probes of released kprobes from their targets. */
static void captured_release_work_fn(struct work_struct *work)
{
	struct shk_captured *captured, *next;

	llist_for_each_entry_safe (captured, next, llist_del_all(&release_list), release_node) {
		struct shk_probe_remove *arg = kzalloc(sizeof(*arg), GFP_KERNEL | __GFP_NOFAIL);

		/* It may be gone already, with the target or by its user. */
		arg->id = captured->id;
		shk_probe_remove(captured->target, arg);
		kfree(arg);
		if (captured->tracepoint)
			shk_perf_copy_free(captured->data);
		captured_drop(captured);
	}
}

static void captured_queue_release(struct shk_captured *captured)
{
	llist_add(&captured->release_node, &release_list);
	queue_work(system_long_wq, &captured_release_work);
}

/*
 * Releases the kprobe that disable_kprobe() or __unregister_kprobe_top() is called with, if it is
 * captured. Hits that have begun are waited for by the kernel, before it frees the kprobe. ftrace
 * calls this in any task, with kprobe_mutex held or not.
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
	if (captured) {
		list_del_init(&captured->node);
		WRITE_ONCE(captured->kp, NULL);
		armed = !captured->arming;
	}
	raw_spin_unlock_irqrestore(&captures_lock, flags);
	if (armed)
		captured_queue_release(captured);
}

/* Executed instead of tracepoint_probe_unregister() for a captured user: that succeeds. */
static int captured_unregistered(void)
{
	return 0;
}

/*
 * Releases the user that tracepoint_probe_unregister() is called with, if it is captured, and lets
 * the call return. Hits that have begun are waited for by the kernel, before it frees what they
 * use. @regs are those of the call.
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
		list_del_init(&captured->node);
		WRITE_ONCE(captured->user, NULL);
		armed = !captured->arming;
		regs->ip = (unsigned long)captured_unregistered;
	}
	raw_spin_unlock_irqrestore(&captures_lock, flags);
	if (armed)
		captured_queue_release(captured);
}

/* Changes where a call of a function of redirect_sites leads. ftrace calls this in any task. */
static void captured_redirect(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
			      struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);

	if (ip == redirect_sites[0])
		captured_on_unregister(regs);
	else
		shk_perf_on_event_init(regs);
}

/* ---- capture, in helpers ---- */

/*
 * Returns the target of the helper that current executes, with a reference; NULL if it executes
 * none. Counts a call of @way, if @count.
 */
static struct shk_shadow *divert_begin(unsigned int way, bool count)
{
	struct shk_shadow *helper, *target = NULL;
	struct shk_diversion *diversion;
	unsigned long flags;

	/* A diversion is freed after a grace period of RCU, so its target has a reference. */
	local_irq_save(flags);
	helper = shk_current_shadow();
	diversion = helper ? READ_ONCE(helper->diversion) : NULL;
	if (diversion) {
		atomic64_add(count, &diversion->calls[way]);
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

/* A probe to be added by a worker. */
struct capture_request {
	struct work_struct work;
	struct shk_shadow *target;
	struct shk_captured *captured;
	u64 id;	 /* of the probe; 0 for a guard */
	int err; /* of shk_probe_capture() */
};

static void capture_request_fn(struct work_struct *work)
{
	struct capture_request *request = container_of(work, struct capture_request, work);
	struct shk_captured *captured = request->captured;

	request->err = shk_probe_capture(request->target, captured, &request->id);
	/* Removed probes keep detours until a grace period has passed. */
	if (request->err == SHK_E(NO_ROOM) && shk_sites_settle(true))
		request->err = shk_probe_capture(request->target, captured, &request->id);
}

/* Adds a probe for @captured to @target by a worker. Sets *@id. Returns an error. */
static int capture_arm(struct shk_shadow *target, struct shk_captured *captured, u64 *id)
{
	struct capture_request request = { .target = target, .captured = captured };

	INIT_WORK_ONSTACK(&request.work, capture_request_fn);
	queue_work(system_unbound_wq, &request.work);
	flush_work(&request.work);
	destroy_work_on_stack(&request.work);
	*id = request.id;
	return request.err;
}

/* Returns true if @kp is registered. The caller holds kprobe_mutex. */
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
 * Adds @new to captured_kprobes, unless its kprobe is there. Returns 0; -EALREADY: it is there, and
 * armed in the same target; -EBUSY: it is there; -EINVAL: the kprobe is not registered. Takes
 * kprobe_mutex: a task that unregisters the kprobe calls captured_on_release() with it held.
 */
static int captured_add(struct shk_captured *new)
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
 * Adds @new to captured_users, unless its user is there. Returns 0; -EEXIST: it is there, for the
 * same target; -EBUSY: for another one.
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
 * Captures what the members of @pattern for a kprobe or a user describe, for @target, whose
 * reference it takes over, also after an error. The caller holds the module. Returns 0 or an errno.
 */
static int capture(const struct shk_captured *pattern, struct shk_shadow *target)
{
	struct shk_captured *new = kmemdup(pattern, sizeof(*new), GFP_KERNEL);
	bool released;
	int ret = new ? 0 : -ENOMEM;

	/* The helper's patch is a user already, so this registers nothing. */
	if (!ret)
		ret = shk_errno(shk_ftrace_hook_get(captured_hook(new)));
	if (ret) {
		kfree(new);
		shk_shadow_put(target);
		return ret;
	}
	__module_get(THIS_MODULE);
	INIT_LIST_HEAD(&new->node);
	new->target = target;
	new->arming = true;
	refcount_set(&new->ref, 1);
	ret = new->tracepoint ? captured_add_user(new) : captured_add(new);
	if (ret) {
		captured_drop(new);
		return ret == -EALREADY ? 0 : ret;
	}
	ret = shk_errno(capture_arm(target, new, &new->id));
	raw_spin_lock_irq(&captures_lock);
	new->arming = false;
	released = !new->kp && !new->user;
	if (ret && !released)
		list_del_init(&new->node);
	raw_spin_unlock_irq(&captures_lock);
	if (ret)
		captured_drop(new);
	else if (released)
		captured_queue_release(new);
	return ret;
}

/* Functions that execute the base's bodies, once a helper exists: shk_old_get(). */
static int (*old_register_kprobe)(struct kprobe *kp);
static int (*old_register_kretprobe)(struct kretprobe *rp);
static int (*old_tracepoint_register)(struct tracepoint *tp, void *probe, void *data);
static int (*old_tracepoint_prio)(struct tracepoint *tp, void *probe, void *data, int prio);
static int (*old_tracepoint_may_exist)(struct tracepoint *tp, void *probe, void *data, int prio);

/* Functions that helpers execute in the place of the kernel's, in the order of ways. */
enum way {
	WAY_ENABLE_KPROBE,
	WAY_REGISTER_KPROBE,
	WAY_REGISTER_KRETPROBE,
	WAY_TRACEPOINT,
	WAY_TRACEPOINT_PRIO,
	WAY_TRACEPOINT_MAY_EXIST,
	WAY_FTRACE,
	WAY_FTRACE_STARTUP,
	WAY_FTRACE_GRAPH,
	WAY_FTRACE_COMMAND,
	WAY_FTRACE_DIRECT,
	WAY_FTRACE_DIRECT_MULTI,
	WAY_TRACER_FUNCTION,
	WAY_TRACER_WAKEUP,
	WAY_TRACER_WAKEUP_RT,
	WAY_TRACER_WAKEUP_DL,
	WAY_TRAMPOLINE,
	NR_WAYS
};
static_assert(NR_WAYS <= SHK_WAYS_MAX);

/*
 * Tells whether @kp can be captured. The kernel calls a post_handler after the instruction was
 * executed, which a hit does not see.
 */
static int capture_check(const struct kprobe *kp)
{
	return kp->post_handler ? -EOPNOTSUPP : 0;
}

/* Captures @kp, which current arms by @way, and which is registered and disabled. An errno. */
static int divert_kprobe(struct kprobe *kp, unsigned int way)
{
	struct shk_captured pattern = { .kp = kp, .addr = (unsigned long)kp->addr };
	struct shk_shadow *target = divert_begin(way, true);
	int ret = target ? capture(&pattern, target) : -ENODEV;

	if (!ret)
		shk_graft_set_armed(current->mm);
	return ret;
}

static int divert_enable_kprobe(struct kprobe *kp)
{
	int ret;

	/* Fails while this module is unloaded: no helper is left then, and nothing is armed. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	if (kprobe_gone(kp))
		ret = -EINVAL;
	else if (!kprobe_disabled(kp)) /* a user outside has enabled it, for all */
		ret = -EBUSY;
	else
		ret = capture_check(kp) ?: divert_kprobe(kp, WAY_ENABLE_KPROBE);
	module_put(THIS_MODULE);
	return ret;
}

/*
 * Returns the error for the caller that registers @kp, which the kernel has refused with @err. For
 * a function in a module that is not loaded, tracefs would keep the event. It would arm it in the
 * base when the module is loaded.
 */
static int error_of_register(const struct kprobe *kp, int err)
{
	return err == -ENOENT && kp->symbol_name && strchr(kp->symbol_name, ':') ? -EINVAL : err;
}

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
	ret = divert_kprobe(kp, WAY_REGISTER_KPROBE);
	if (!ret)
		goto put;
	unregister_kprobe(kp);
enable:
	/* Else a later registration outside would be disabled, too. */
	kp->flags &= ~KPROBE_FLAG_DISABLED;
put:
	module_put(THIS_MODULE);
	return ret;
}

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
	ret = divert_kprobe(&rp->kp, WAY_REGISTER_KRETPROBE);
	if (!ret)
		goto put;
	unregister_kretprobe(rp);
enable:
	rp->kp.flags &= ~KPROBE_FLAG_DISABLED;
put:
	module_put(THIS_MODULE);
	return ret;
}

/* Refuses a call by @way. */
static int divert_refuse(unsigned int way)
{
	struct shk_shadow *target = divert_begin(way, true);

	if (target)
		shk_shadow_put(target);
	return -EOPNOTSUPP;
}

/*
 * Returns true if the base is to get @user of @tp:
 * - a user of the kernel, by which tracefs notes the names of tasks. The kernel does not expect
 *   that its registration fails, and warns when it is unregistered later.
 * - a user that this module registers at a tracepoint of the kernel.
 */
static bool is_of_base(const struct tracepoint *tp, void *user)
{
	static const char *const names[] = { "probe_sched_switch", "probe_sched_wakeup" };
	unsigned long offset, size;
	char name[SHK_SYMBOL_LEN];

	if (within_module((unsigned long)user, THIS_MODULE))
		return !within_module((unsigned long)tp, THIS_MODULE);
	return !shk_symbol_of((unsigned long)user, name, &offset, &size) &&
	       match_string(names, ARRAY_SIZE(names), name) >= 0;
}

/*
 * Captures @user with @data, which current registers at @tracepoint by @way. Returns 0 or an errno,
 * after which the call counts as refused.
 */
static int divert_user(struct tracepoint *tracepoint, void *user, void *data, int prio,
		       unsigned int way)
{
	struct shk_captured pattern = {
		.tracepoint = tracepoint, .user = user, .data = data, .prio = prio
	};
	struct shk_shadow *target;
	int ret = -ENODEV;

	/* Fails while this module is unloaded: no helper is left then, and nothing is armed. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	target = divert_begin(way, false);
	if (target)
		ret = capture(&pattern, target);
	if (!ret)
		shk_graft_set_armed(current->mm);
	else if (ret != -EEXIST) /* a second registration fails in the base, too */
		divert_refuse(way);
	module_put(THIS_MODULE);
	return ret;
}

static int divert_tracepoint(struct tracepoint *tp, void *probe, void *data)
{
	return is_of_base(tp, probe)
		       ? old_tracepoint_register(tp, probe, data)
		       : divert_user(tp, probe, data, TRACEPOINT_DEFAULT_PRIO, WAY_TRACEPOINT);
}

static int divert_tracepoint_prio(struct tracepoint *tp, void *probe, void *data, int prio)
{
	return is_of_base(tp, probe) ? old_tracepoint_prio(tp, probe, data, prio)
				     : divert_user(tp, probe, data, prio, WAY_TRACEPOINT_PRIO);
}

static int divert_tracepoint_may_exist(struct tracepoint *tp, void *probe, void *data, int prio)
{
	return is_of_base(tp, probe) ? old_tracepoint_may_exist(tp, probe, data, prio)
				     : divert_user(tp, probe, data, prio, WAY_TRACEPOINT_MAY_EXIST);
}

/* Defines divert_NAME(), which refuses a call, whatever its arguments are. */
#define REFUSE(_name, _way)                 \
	static int divert_##_name(void)     \
	{                                   \
		return divert_refuse(_way); \
	}

REFUSE(ftrace, WAY_FTRACE)
REFUSE(ftrace_startup, WAY_FTRACE_STARTUP)
REFUSE(ftrace_graph, WAY_FTRACE_GRAPH)
REFUSE(ftrace_command, WAY_FTRACE_COMMAND)
REFUSE(ftrace_direct, WAY_FTRACE_DIRECT)
REFUSE(ftrace_direct_multi, WAY_FTRACE_DIRECT_MULTI)
REFUSE(tracer_function, WAY_TRACER_FUNCTION)
REFUSE(tracer_wakeup, WAY_TRACER_WAKEUP)
REFUSE(tracer_wakeup_rt, WAY_TRACER_WAKEUP_RT)
REFUSE(tracer_wakeup_dl, WAY_TRACER_WAKEUP_DL)
REFUSE(trampoline, WAY_TRAMPOLINE)

/* A function that helpers replace. */
struct way_info {
	const char *symbol;
	void *body;
	void *old;     /* where the function that executes the base's body is stored, or NULL */
	bool optional; /* some supported kernels, or configurations, do not have it */
};

static const struct way_info ways[NR_WAYS] = {
	[WAY_ENABLE_KPROBE] = { "enable_kprobe", divert_enable_kprobe },
	[WAY_REGISTER_KPROBE] = { "register_kprobe", divert_register_kprobe, &old_register_kprobe },
	[WAY_REGISTER_KRETPROBE] = { "register_kretprobe", divert_register_kretprobe,
				     &old_register_kretprobe },
	[WAY_TRACEPOINT] = { "tracepoint_probe_register", divert_tracepoint,
			     &old_tracepoint_register },
	[WAY_TRACEPOINT_PRIO] = { "tracepoint_probe_register_prio", divert_tracepoint_prio,
				  &old_tracepoint_prio },
	[WAY_TRACEPOINT_MAY_EXIST] = { "tracepoint_probe_register_prio_may_exist",
				       divert_tracepoint_may_exist, &old_tracepoint_may_exist },
	[WAY_FTRACE] = { "register_ftrace_function", divert_ftrace },
	[WAY_FTRACE_STARTUP] = { "ftrace_startup", divert_ftrace_startup, .optional = true },
	[WAY_FTRACE_GRAPH] = { "register_ftrace_graph", divert_ftrace_graph, .optional = true },
	[WAY_FTRACE_COMMAND] = { "register_ftrace_function_probe", divert_ftrace_command,
				 .optional = true },
	[WAY_FTRACE_DIRECT] = { "register_ftrace_direct", divert_ftrace_direct, .optional = true },
	[WAY_FTRACE_DIRECT_MULTI] = { "register_ftrace_direct_multi", divert_ftrace_direct_multi,
				      .optional = true },
	/* The kernel ignores errors of what these call. */
	[WAY_TRACER_FUNCTION] = { "function_trace_init", divert_tracer_function, .optional = true },
	[WAY_TRACER_WAKEUP] = { "wakeup_tracer_init", divert_tracer_wakeup, .optional = true },
	[WAY_TRACER_WAKEUP_RT] = { "wakeup_rt_tracer_init", divert_tracer_wakeup_rt,
				   .optional = true },
	[WAY_TRACER_WAKEUP_DL] = { "wakeup_dl_tracer_init", divert_tracer_wakeup_dl,
				   .optional = true },
	[WAY_TRAMPOLINE] = { "bpf_trampoline_link_prog", divert_trampoline },
};

/* ---- workloads, in targets ---- */

/*
 * A workload executes the target, where no function is replaced. So the target has a breakpoint at
 * each function of ways, whose handler makes the function fail if a workload calls it. All targets
 * share these.
 */
static struct guard {
	struct kprobe kp; /* never registered: hit_captured() calls its handler */
	struct shk_captured captured;
} guards[NR_WAYS];

/* Workloads execute it in the place of a function that arms. */
static int guard_refuse(void)
{
	return -EOPNOTSUPP;
}

/* The handler of a guard. Returns 1 if it has changed @regs->ip. Interrupts are off. */
static int guard_on_call(struct kprobe *kp, struct pt_regs *regs)
{
	unsigned int way = container_of(kp, struct guard, kp) - guards;
	bool workload;

	/* Executes the breakpoint again, with interrupts on in between. */
	if (!shk_graft_try_workload(current->mm, &workload)) {
		regs->ip = (unsigned long)kp->addr;
		return 1;
	}
	if (!workload)
		return 0;
	if (way >= WAY_TRACEPOINT && way <= WAY_TRACEPOINT_MAY_EXIST &&
	    is_of_base((const struct tracepoint *)regs->di, (void *)regs->si))
		return 0;
	regs->ip = (unsigned long)guard_refuse;
	return 1;
}
NOKPROBE_SYMBOL(guard_on_call);

/* Makes tables and hooks of @target, since exec cannot make them. Returns 0 or an error. */
static int guard_prepare_target(struct shk_shadow *target)
{
	struct shk_prepared was;
	int ret;

	shk_shadow_lock_always(target, NULL);
	ret = shk_shadow_prepare(target, &was);
	shk_shadow_unlock(target);
	return ret;
}

/* Adds the guard of @way to @target, if the kernel has that function. Returns 0 or an error. */
static int guard_add(struct shk_shadow *target, unsigned int way)
{
	struct guard *guard = &guards[way];
	unsigned long addr;
	u64 id;
	int ret = shk_symbol_unique(ways[way].symbol, &addr);

	if (ret)
		return ret == SHK_E(SYMBOL_UNKNOWN) && ways[way].optional ? 0 : ret;
	if (shk_is_endbr(addr))
		addr += ENDBR_INSN_SIZE;
	if (!guard->kp.addr) {
		guard->kp.addr = (kprobe_opcode_t *)addr;
		guard->kp.flags = KPROBE_FLAG_DISABLED;
		guard->kp.pre_handler = guard_on_call;
		guard->captured.addr = addr;
		guard->captured.guard = true;
		guard->captured.kp = &guard->kp;
		refcount_set(&guard->captured.ref, 1); /* never dropped */
	}
	return capture_arm(target, &guard->captured, &id);
}

/*
 * Prepares @target for workloads, unless that was done: no process with the role WORKLOAD can arm a
 * kprobe or a tracer there. Lasts until @target ends. Called with capture_add_lock held. Sleeps.
 * Returns 0 or an error.
 */
static int guards_add(struct shk_shadow *target)
{
	unsigned int way;
	int ret;

	if (target->guarded)
		return 0;
	ret = guard_prepare_target(target);
	for (way = 0; way < NR_WAYS && !ret; way++)
		ret = guard_add(target, way);
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

/* Adds the function of @way, which is at @addr and has a __fentry__ site, to @patch. */
static int divert_add_func(struct shk_patch *patch, const struct way_info *way, unsigned long addr)
{
	struct shk_func *func = shk_func_add(patch, way->symbol, addr, (unsigned long)way->body);
	unsigned long site = shk_call(ftrace_location)(addr);

	if (IS_ERR(func) || !way->old)
		return PTR_ERR_OR_ZERO(func);
	func->old = shk_old_get(site + CALL_INSN_SIZE);
	if (!func->old)
		return SHK_E(NO_ROOM);
	/* All helpers store the same address. */
	WRITE_ONCE(*(unsigned long *)way->old, func->old);
	return 0;
}

/*
 * Adds a jump at the function of @way, which is at @addr and has no __fentry__ site, to the edits
 * of @patch. No task executes the helper's text while the jump is written.
 */
static int divert_add_jump(struct shk_patch *patch, const struct way_info *way, unsigned long addr)
{
	if (!shk_location_may_differ(addr, way->symbol))
		return SHK_E(FORBIDDEN);
	if (shk_is_endbr(addr))
		addr += ENDBR_INSN_SIZE;
	if (shk_branch_spans_pages(addr))
		return SHK_E(PAGE_EDGE);
	shk_edit_branch(&patch->edits[patch->nr_edits++], addr, JMP32_INSN_OPCODE,
			(unsigned long)way->body);
	return 0;
}

/*
 * Adds @way to @patch, if its function is replaced at a __fentry__ site (@with_site) or by a jump
 * (not @with_site). A function whose base's body is called needs a site. Returns 0, also if the
 * kernel lacks an optional function, or an error.
 */
static int divert_add_way(struct shk_patch *patch, unsigned int way, bool with_site)
{
	const struct way_info *info = &ways[way];
	struct shk_diversion *diversion = patch->diversion;
	unsigned long addr;
	int ret = shk_symbol_unique(info->symbol, &addr);

	if (ret)
		return ret == SHK_E(SYMBOL_UNKNOWN) && info->optional ? 0 : ret;
	if ((info->old || shk_call(ftrace_location)(addr)) != with_site)
		return 0;
	ret = with_site ? divert_add_func(patch, info, addr) : divert_add_jump(patch, info, addr);
	if (!ret)
		diversion->way[diversion->nr++] = way;
	return ret;
}

/* Adds all functions to @patch: those with a __fentry__ site, then the others. */
static int divert_prepare(struct shk_patch *patch)
{
	unsigned int way;
	int ret = 0;

	patch->edits = kcalloc(NR_WAYS, sizeof(*patch->edits), GFP_KERNEL_ACCOUNT);
	if (!patch->edits)
		return -ENOMEM;
	for (way = 0; way < NR_WAYS && !ret; way++)
		ret = divert_add_way(patch, way, true);
	for (way = 0; way < NR_WAYS && !ret; way++)
		ret = divert_add_way(patch, way, false);
	return ret;
}

/*
 * Makes the diversion of a helper, and a user of the release hook. @workload: workloads run in
 * @target. Returns it or an ERR_PTR().
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
	/* The caller's handle holds the module. */
	__module_get(THIS_MODULE);
	diversion->target = shk_shadow_get(target);
	diversion->workload = workload;
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
	shk_ftrace_hook_put(&redirect_hook);
	shk_ftrace_hook_put(&release_hook);
	kfree(diversion);
	module_put(THIS_MODULE);
}

u64 shk_diversion_calls(const struct shk_diversion *diversion, unsigned int index)
{
	return atomic64_read(&diversion->calls[diversion->way[index]]);
}

/* Held from the look at a target to the end of the installation. The outermost lock. */
static DEFINE_MUTEX(capture_add_lock);

/* Does the work of shk_capture_add(). capture_add_lock is held. */
static int capture_add(struct shk_shadow *helper, struct shk_shadow *target, bool workload)
{
	struct shk_patch *patch;
	int ret;

	/* Shadows in a circle would keep each other. */
	if (helper == target || READ_ONCE(target->diversion))
		return -EINVAL;
	if (helper->flags || target->flags & SHK_ASYNC_UNION)
		return SHK_E(POLICY);
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

/* Returns the ftrace site of the function @name, or 0. */
static unsigned long site_of(const char *name)
{
	unsigned long addr = shk_symbol_lookup(name);

	return addr ? shk_call(ftrace_location)(addr) : 0;
}

void shk_captures_init(void)
{
	release_sites[0] = site_of("disable_kprobe");
	release_sites[1] = site_of("__unregister_kprobe_top");
	redirect_sites[0] = site_of("tracepoint_probe_unregister");
	redirect_sites[1] = shk_perf_init();
	redirect_hook.nr_sites = redirect_sites[1] ? 2 : 1;
}

void shk_captures_exit(void)
{
	/* Tasks may be at the end of a function of a helper, behind their module_put(). */
	if (was_used)
		synchronize_rcu_tasks();
	flush_work(&captured_release_work);
	shk_ftrace_hook_free(&release_hook);
	shk_ftrace_hook_free(&redirect_hook);
}
