// SPDX-License-Identifier: GPL-2.0-only
/* Captured perf events of tracepoints; see capture_perf.h. */
#include <linux/ftrace.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/perf_event.h>
#include <linux/slab.h>
#include <linux/static_call.h>
#include <linux/trace_events.h>

#include "edit/capture.h"
#include "edit/capture_perf.h"

/* A copy of .original. All perf events share it that tools open in helpers of .target. */
struct perf_copy {
	struct list_head node;			 /* in perf_copies. Under event_mutex */
	struct trace_event_call call;		 /* the kernel changes it under event_mutex */
	const struct trace_event_call *original; /* fixed */
	/* Only compared: struct shk_captured has the reference. Fixed. */
	const struct shk_shadow *target;
};

/* All copies: struct perf_copy. Under event_mutex. */
static LIST_HEAD(perf_copies);

/*
 * Data and a function of the kernel. event_mutex is NULL if shk_perf_init() has not found all: then
 * no copies are made.
 */
static struct mutex *event_mutex;
static struct list_head *ftrace_events;
static void (*tp_perf_event_destroy)(struct perf_event *event);

/* Target of shk_perf_trace_event_init until shk_perf_init() has found the kernel's function. */
static int missing_event_init(struct trace_event_call *call, struct perf_event *event)
{
	return -EOPNOTSUPP;
}

/* Target of shk_perf_trace_init until shk_perf_init() has found the kernel's function. */
static int missing_init(struct perf_event *event)
{
	return -EOPNOTSUPP;
}

DEFINE_STATIC_CALL(shk_perf_trace_event_init, missing_event_init);
DEFINE_STATIC_CALL(shk_perf_trace_init, missing_init);

/* Returns the copy whose .call is at @call. NULL: @call is of no copy. event_mutex is held. */
static struct perf_copy *copy_at(const void *call)
{
	struct perf_copy *copy;

	lockdep_assert_held(event_mutex);
	list_for_each_entry (copy, &perf_copies, node)
		if (&copy->call == call)
			return copy;
	return NULL;
}

/*
 * Returns true if @call is of a tracepoint in the kernel image, and registered by the kernel's
 * common function, trace_event_reg(). Any context.
 */
static bool event_is_plain(const struct trace_event_call *call)
{
	return call->flags & TRACE_EVENT_FL_TRACEPOINT && !call->module && call->class &&
	       call->class->reg == trace_event_reg;
}

/*
 * Returns the struct trace_event_call with the id @id, if event_is_plain(). event_mutex is held.
 * Otherwise returns
 *   NULL                   no copy is needed: there is no such event, or it is one of a kprobe, or
 *                          the kernel will register it now, by an arming function (capture.h)
 *   ERR_PTR(-EOPNOTSUPP)   a process has a perf event of it already, so the kernel would share that
 *                          registration
 */
static struct trace_event_call *event_find(u64 id)
{
	struct trace_event_call *call;

	lockdep_assert_held(event_mutex);
	list_for_each_entry (call, ftrace_events, list) {
		if (call->event.type != id)
			continue;
		if (call->flags & TRACE_EVENT_FL_DYNAMIC)
			return NULL;
		if (event_is_plain(call))
			return call;
		return call->perf_refcount ? ERR_PTR(-EOPNOTSUPP) : NULL;
	}
	return NULL;
}

/*
 * Returns the copy of the kernel's event with the id @id for tools whose helper has the target
 * @target. Creates it if there is none that has perf events. The caller opens a perf event with it,
 * and calls copy_free() if that fails. event_mutex is held; sleeps. Returns NULL if no copy is
 * needed; an ERR_PTR() of -ENOMEM, or of an error of event_find().
 */
static struct perf_copy *copy_get(u64 id, const struct shk_shadow *target)
{
	struct trace_event_call *original = event_find(id);
	struct perf_copy *copy;

	if (IS_ERR_OR_NULL(original))
		return ERR_CAST(original);
	/* A copy without perf events has been released, and is about to be freed. */
	list_for_each_entry (copy, &perf_copies, node)
		if (copy->original == original && copy->target == target &&
		    copy->call.perf_refcount)
			return copy;
	copy = kzalloc(sizeof(*copy), GFP_KERNEL);
	if (!copy)
		return ERR_PTR(-ENOMEM);
	copy->call = *original;
	INIT_LIST_HEAD(&copy->call.list);
	copy->call.perf_refcount = 0;
	copy->call.perf_events = NULL;
	RCU_INIT_POINTER(copy->call.prog_array, NULL);
	copy->original = original;
	copy->target = target;
	list_add(&copy->node, &perf_copies);
	return copy;
}

/*
 * Removes @copy from perf_copies and frees it, unless perf events use it. event_mutex is held; does
 * not sleep.
 */
static void copy_free(struct perf_copy *copy)
{
	if (copy->call.perf_refcount)
		return;
	list_del(&copy->node);
	kfree(copy);
}

/*
 * Opens @event with a copy, and sets *@found to true. If @event is inherited, the copy is that of
 * its parent event, if any. Otherwise it is one for @target, the target of the helper that current
 * executes; NULL: current executes no helper. If @event needs no copy, does not open it, sets
 * *@found to false, and returns 0. event_mutex is held; sleeps. Returns 0 or -errno.
 */
static int copy_open(struct perf_event *event, const struct shk_shadow *target, bool *found)
{
	struct perf_copy *copy = event->parent ? copy_at(event->parent->tp_event) : NULL;
	int ret;

	/* Without a copy, the registration of the parent serves the child. */
	if (!copy && target && !event->parent)
		copy = copy_get(event->attr.config, target);
	*found = copy;
	if (IS_ERR_OR_NULL(copy))
		return PTR_ERR_OR_ZERO(copy);
	ret = static_call(shk_perf_trace_event_init)(&copy->call, event);
	if (ret) {
		event->tp_event = NULL;
		copy_free(copy);
	}
	return ret;
}

/*
 * Executed instead of perf_tp_event_init() for @event, when shk_perf_on_event_init() has redirected
 * the call. Does the work of that function, but opens @event with a copy if it needs one. Takes
 * event_mutex; sleeps. Returns 0 or -errno, as the kernel's function does.
 */
static int perf_open(struct perf_event *event)
{
	struct shk_shadow *target;
	bool found = false;
	int ret;

	/* Fails while this module is unloaded: no helper and no copy is left then. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	ret = has_branch_stack(event) ? -EOPNOTSUPP : 0;
	if (ret)
		goto put;
	target = shk_capture_target();
	mutex_lock(event_mutex);
	ret = copy_open(event, target, &found);
	mutex_unlock(event_mutex);
	if (target)
		shk_shadow_put(target);
	if (!found)
		ret = static_call(shk_perf_trace_init)(event);
	if (!ret)
		event->destroy = tp_perf_event_destroy;
put:
	module_put(THIS_MODULE);
	return ret;
}

void shk_perf_on_event_init(struct pt_regs *regs)
{
	const struct perf_event *event = (const struct perf_event *)regs->di;

	if (event->attr.type == PERF_TYPE_TRACEPOINT && (event->parent || shk_capture_in_helper()))
		regs->ip = (unsigned long)perf_open;
}

void shk_perf_copy_free(const void *data)
{
	struct perf_copy *copy;

	if (!event_mutex)
		return;
	/* The task that unregisters the copy uses it until it releases event_mutex. */
	mutex_lock(event_mutex);
	copy = copy_at(data);
	if (copy)
		copy_free(copy);
	mutex_unlock(event_mutex);
}

unsigned long shk_perf_init(void)
{
	unsigned long init = shk_symbol_lookup("perf_tp_event_init");
	unsigned long open = shk_symbol_lookup("perf_trace_event_init");
	unsigned long other = shk_symbol_lookup("perf_trace_init");
	unsigned long mutex = shk_symbol_lookup("event_mutex");

	ftrace_events = (struct list_head *)shk_symbol_lookup("ftrace_events");
	*(unsigned long *)&tp_perf_event_destroy = shk_symbol_lookup("tp_perf_event_destroy");
	if (!init || !open || !other || !mutex || !ftrace_events || !tp_perf_event_destroy)
		return 0;
	event_mutex = (struct mutex *)mutex;
	static_call_update(shk_perf_trace_event_init, (typeof(&missing_event_init))open);
	static_call_update(shk_perf_trace_init, (typeof(&missing_init))other);
	return shk_call(ftrace_location)(init);
}
