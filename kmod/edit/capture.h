/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Capture: kprobes, fprobes and users of tracepoints that the processes of one shadow, the helper,
 * arm in another one, the target.
 *
 *   arming function  a function of the kernel by which a tool arms a kprobe, an fprobe, a user or
 *                    a tracer, such as register_kprobe(). enum arming_func_nr in capture.c numbers
 *                    them.
 *   helper           a shadow with a DIVERT patch, which replaces all arming functions. Unmodified
 *                    tools run in it.
 *   target           the shadow that gets probes for each captured kprobe, fprobe or user
 *   captured         armed in the target only: struct shk_captured
 *   owner            the code of the kernel that has armed a captured kprobe, fprobe or user, such
 *                    as tracefs
 *   workload         a program that a tool traces. exec can move it from the helper to the target.
 *   guard            a probe in the target at an arming function. It makes the function fail if a
 *                    workload calls it: see guards_add().
 *
 * The kernel's struct kprobe is registered and stays disabled, so kprobes never arms it in the
 * base. The edit of the target is a breakpoint; shk_hook_int3() calls the handler of the kprobe.
 *
 * A user of a tracepoint is a function with its data, which the tracepoint calls. The kernel does
 * not know of a captured one: it is not in the tracepoint's list, and its unregistration never
 * reaches the kernel's function (captured_on_unregister()). shk_hit_tracepoint() calls it.
 *
 * An fprobe observes many functions, by a struct ftrace_ops. ftrace does not know of a captured
 * one, which has one probe for each function: see capture_ftrace.h.
 *
 * Life of a captured kprobe, fprobe or user:
 *
 *   arming    in one of the lists captured_kprobes, captured_ops and captured_users; a worker adds
 *             the probes to the target
 *   failed    the worker has removed the probes again. It is in no list, and no hit calls it.
 *   armed     the probes have their ids
 *   released  its owner has disabled or unregistered it, in any text. .kp, .ops or .user is NULL,
 *             so no further hit calls it. A worker removes the probes, for one that is still
 *             arming when it is armed. Before the owner frees
 *             memory that hits use, it waits for them: by synchronize_rcu() or
 *             tracepoint_synchronize_unregister().
 *
 * No process executes a helper while its patch is added or removed. So each task in a function of
 * the patch is in the helper's text, and the struct shk_diversion of the helper exists.
 */
#ifndef SHK_CAPTURE_H
#define SHK_CAPTURE_H

#include <linux/atomic.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/refcount.h>

#include "shadow/shadow.h"

struct ftrace_ops;
struct shk_patch;

/* A captured kprobe, fprobe, or user of a tracepoint. Freed with the last reference. */
struct shk_captured {
	/*
	 * In one of the lists captured_kprobes, captured_ops and captured_users, until the owner
	 * releases it: disables or unregisters it. Under captures_lock.
	 */
	struct list_head node;
	/*
	 * The kprobe. NULL: its owner has released it, or this is no kprobe. Written under
	 * captures_lock, read by hits with preemption off.
	 */
	struct kprobe *kp;
	unsigned long addr; /* of the kprobe. Fixed */
	bool ftrace;	    /* this is an fprobe. Fixed */
	/*
	 * Of the fprobe; hits call .ops->func. NULL: its owner has released it, or this is no
	 * fprobe. Written under captures_lock, read by hits with preemption off.
	 */
	struct ftrace_ops *ops;
	/* The tracepoint of the user. NULL: this is no user. Fixed */
	const struct tracepoint *tracepoint;
	/*
	 * The function that the tracepoint calls. NULL: its owner has released it, or this is no
	 * user. Written under captures_lock, read by hits in the reader section of the tracepoint:
	 * with preemption off, or SRCU.
	 */
	void *user;
	void *data;		   /* first argument of .user. Fixed */
	int prio;		   /* of .user; users with a higher one are called earlier. Fixed */
	struct list_head in_users; /* in shk_tracepoint_users.captured, under .target's lock */
	struct shk_shadow *target; /* holds a reference. Fixed */
	/*
	 * The module that has the instruction, with a reference; NULL: the kernel image, or this is
	 * an fprobe. The reference keeps the module loaded. If it were unloaded and loaded again,
	 * tracefs would arm its enabled events in the base. Fixed once armed.
	 */
	struct module *module;
	/*
	 * Of the probes in .target: an array with .nr elements, allocated by kvmalloc(). NULL for a
	 * guard. Fixed once armed.
	 */
	u64 *ids;
	unsigned int nr; /* probes. Fixed */
	/*
	 * A worker is adding the probes. Written under captures_lock. Hits of an fprobe read it
	 * without that, and do not call .ops while it is true.
	 */
	bool arming;
	bool guard; /* a guard of this module, not of a tool: see guards_add(). Fixed */
	/*
	 * References: one until a worker has removed the probes of what was released, and one of
	 * each probe. For a guard the first one is permanent.
	 */
	refcount_t ref;
	struct llist_node release_node; /* in the worker's queue */
};

/* At least NR_ARMING_FUNCS, the number of functions that a DIVERT patch replaces. */
#define SHK_ARMING_FUNCS_MAX 32

/*
 * The target of a helper, and counts of calls. The DIVERT patch of the helper owns it. It has a
 * reference to this module, since it may have the last reference to the target.
 */
struct shk_diversion {
	struct shk_shadow *target; /* holds a reference. Fixed */
	/*
	 * For each arming function: how many calls of it in the helper were captured or refused. By
	 * enum arming_func_nr of capture.c. register_ftrace_function(), and functions that register
	 * users of tracepoints, count refused calls only.
	 */
	atomic64_t calls[SHK_ARMING_FUNCS_MAX];
	/* enum arming_func_nr of each function of the patch, then of each edit. Fixed. */
	u8 func[SHK_ARMING_FUNCS_MAX];
	unsigned int nr; /* elements of .func. Fixed */
	bool workload;	 /* workloads run in .target: shk_shadow.workload. Fixed */
	/* shk_unregister_probe_get() has succeeded. Else fprobes are refused. Fixed */
	bool ftrace;
};

/*
 * Finds the functions of the kernel by which captured kprobes, fprobes and users are released, so
 * that hooks can observe that. Called when the module is loaded; sleeps. If the kernel lacks one,
 * this reports no error: shk_capture_add() fails then, or fprobes are refused.
 */
void shk_captures_init(void);

/*
 * Waits for the worker that removes the probes of what was released, and frees the ftrace hooks.
 * Called at unload. All that is captured holds a reference to the module, so nothing is left.
 * Sleeps.
 */
void shk_captures_exit(void);

/*
 * Makes @helper a helper with the target @target (struct shk_capture of the uapi header). From then
 * on, kprobes and users of tracepoints that tools in @helper arm hit in @target only. @workload:
 * SHK_CAPTURE_WORKLOAD, so exec moves workloads to @target. The caller has a reference to both
 * shadows, and holds no shadow's lock. Takes capture_add_lock, ftrace's locks, and the locks of
 * @helper and @target, one after the other. Sleeps. Returns 0 or an error that struct shk_capture
 * lists, after which nothing is diverted.
 */
int shk_capture_add(struct shk_shadow *helper, struct shk_shadow *target, bool workload);

/*
 * Returns the target of the helper that current executes, with a reference (shk_shadow_put()).
 * Returns NULL if current executes no helper. Any context.
 */
struct shk_shadow *shk_capture_target(void);

/*
 * Returns true if current executes the text of a helper. Any context.
 */
bool shk_capture_in_helper(void);

/*
 * Releases the captured fprobe of @ops: no hit calls @ops->func from now on. Sets *@captured to it,
 * for shk_captured_queue_release(), or to NULL: it is still being armed, and capture() removes its
 * probes. Returns false if @ops is not captured. The caller waits for a grace period of RCU before
 * @ops is freed. Any context but NMI.
 */
bool shk_captured_release_ops(const struct ftrace_ops *ops, struct shk_captured **captured);

/*
 * Has a worker remove the probes of @captured, which is armed and in no list, and drop the
 * references. Any context but NMI.
 */
void shk_captured_queue_release(struct shk_captured *captured);

/*
 * Frees @diversion of a DIVERT patch, and drops its reference to the target. Does nothing if it is
 * NULL. The caller ensures that no task is in a function of the patch. May sleep.
 */
void shk_diversion_free(struct shk_diversion *diversion);

/*
 * Returns how many calls of one arming function in the helper were captured or refused; for some
 * functions only those that were refused, see shk_diversion.calls. @diversion belongs to the
 * helper's DIVERT patch. @index is less than @diversion->nr: first the functions of the patch have
 * numbers, then its edits, each in the order of their list. Needs no lock.
 */
u64 shk_diversion_calls(const struct shk_diversion *diversion, unsigned int index);

/*
 * Drops a reference to @captured; the last one frees it. Does nothing if it is NULL. Any context
 * but NMI.
 */
static inline void shk_captured_put(struct shk_captured *captured)
{
	if (captured && refcount_dec_and_test(&captured->ref))
		kfree(captured);
}

#endif /* SHK_CAPTURE_H */
