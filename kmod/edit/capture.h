/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Capture: kprobes and users of tracepoints that the processes of one shadow, the helper, arm in
 * another one, the target.
 *
 *   helper   a shadow with a DIVERT patch, which replaces the functions that arm kprobes and
 *            tracers. Unmodified tools run in it.
 *   target   the shadow that gets a probe for each captured kprobe or user (struct shk_captured)
 *   way      the number of a function that a helper replaces: by calling it, a tool arms a kprobe,
 *            a user or a tracer (enum way in capture.c)
 *   workload a program that a tool traces. exec can move it from the helper to the target.
 *   guard    a probe in the target at such a function. It makes the function fail if a workload
 *            calls it: see guards_add().
 *
 * The kernel's struct kprobe is registered and stays disabled, so kprobes never arms it in the
 * base. The edit of the target is a breakpoint; shk_hook_int3() calls the handler of the kprobe.
 *
 * A user of a tracepoint is a function with its data, which the tracepoint calls. The kernel does
 * not know of a captured one: it is not in the tracepoint's list, and its unregistration never
 * reaches the kernel's function (captured_on_unregister()). shk_hit_tracepoint() calls it.
 *
 * Life of a captured kprobe or user:
 *
 *   arming    in the list captured_kprobes or captured_users; a worker adds the probe to the target
 *   armed     the probe has its id
 *   released  its owner, the code that has armed it, disables or unregisters it, in any text. .kp
 *             or .user is NULL, so no further hit calls it. A worker removes the probe. Before the
 *             kernel frees what hits use, it waits for them: by synchronize_rcu() or
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

struct shk_patch;

/* A captured kprobe, or user of a tracepoint. Freed with the last reference. */
struct shk_captured {
	/*
	 * In the list captured_kprobes or captured_users, until the owner releases it: disables or
	 * unregisters the kprobe, or unregisters the user. Under captures_lock.
	 */
	struct list_head node;
	/*
	 * The kprobe. NULL: its owner has released it, or this is a user of a tracepoint. Written
	 * under captures_lock, read by hits with preemption off.
	 */
	struct kprobe *kp;
	unsigned long addr; /* of the kprobe. Fixed */
	/* The tracepoint of the user. NULL: this is a kprobe. Fixed */
	const struct tracepoint *tracepoint;
	/*
	 * The function that the tracepoint calls. NULL: its owner has released it, or this is a
	 * kprobe. Written under captures_lock, read by hits in the reader section of the
	 * tracepoint: with preemption off, or SRCU.
	 */
	void *user;
	void *data;		   /* first argument of .user. Fixed */
	int prio;		   /* of .user; users with a higher one are called earlier. Fixed */
	struct list_head in_users; /* in shk_tracepoint_users.captured, under .target's lock */
	struct shk_shadow *target; /* holds a reference. Fixed */
	/*
	 * The module that has the instruction, with a reference; NULL: the kernel image. The
	 * reference keeps the module loaded. If it were unloaded and loaded again, tracefs would
	 * arm its enabled events in the base. Fixed once armed.
	 */
	struct module *module;
	u64 id;	     /* of the probe in .target. Fixed once armed */
	bool arming; /* a worker is adding the probe. Under captures_lock */
	bool guard;  /* a guard of this module, not of a tool: see guards_add(). Fixed */
	/*
	 * References: one until a worker has removed the probe of the released kprobe or user, and
	 * one of the probe itself. For a guard the first one is permanent.
	 */
	refcount_t ref;
	struct llist_node release_node; /* in the worker's queue */
};

/* At least the number of ways: of functions that a DIVERT patch replaces (NR_WAYS). */
#define SHK_WAYS_MAX 32

/*
 * The target of a helper, and counts of calls. The DIVERT patch of the helper owns it. It has a
 * reference to this module, since it may have the last reference to the target.
 */
struct shk_diversion {
	struct shk_shadow *target; /* holds a reference. Fixed */
	/*
	 * The number of calls that were captured or refused, for each function that the helper
	 * replaces, such as register_kprobe(). The index is the function's number, the "way": enum
	 * way in capture.c. Functions that register users of tracepoints count refused calls only.
	 */
	atomic64_t calls[SHK_WAYS_MAX];
	u8 way[SHK_WAYS_MAX]; /* the way of each function of the patch, then of each edit. Fixed */
	unsigned int nr;      /* elements of .way. Fixed */
	bool workload;	      /* workloads run in .target: shk_shadow.workload. Fixed */
};

/*
 * Finds the functions of the kernel by which a captured kprobe or user is released, so that hooks
 * can observe that. Called when the module is loaded; sleeps. If the kernel lacks one, this reports
 * no error: shk_capture_add() fails then.
 */
void shk_captures_init(void);

/*
 * Waits for the worker that removes the probes of released kprobes and users, and frees the ftrace
 * hooks. Called at unload. Captured kprobes and users hold a reference to the module, so none is
 * left. Sleeps.
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
 * If current executes a helper, a shadow whose tools trace another one, returns that other shadow,
 * the target, with a reference (shk_shadow_put()). Otherwise returns NULL. Any context.
 */
struct shk_shadow *shk_capture_target(void);

/*
 * Returns true if current executes the text of a helper, a shadow whose tools trace another one.
 * Any context.
 */
bool shk_capture_in_helper(void);

/*
 * Frees @diversion of a DIVERT patch, and drops its reference to the target. Does nothing if it is
 * NULL. The caller ensures that no task is in a function of the patch. May sleep.
 */
void shk_diversion_free(struct shk_diversion *diversion);

/*
 * Returns how many calls of one replaced function were captured or refused. @index: number of the
 * function in the DIVERT patch, or, behind the functions, of the edit. @diversion is the patch's.
 * Needs no lock.
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
