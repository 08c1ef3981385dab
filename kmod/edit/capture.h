/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Capture: kprobes and users of tracepoints that the processes of one shadow, the helper, arm in
 * another one, the target.
 *
 *   helper   a shadow with a DIVERT patch, which replaces the functions that arm kprobes and
 *            tracers. Unmodified tools run in it.
 *   target   the shadow that gets a probe for each captured kprobe or user (struct shk_captured)
 *
 * The kernel's struct kprobe is registered and stays disabled, so kprobes never arms it in the
 * base. The edit of the target is a breakpoint; shk_hook_int3() calls the handler of the kprobe.
 *
 * A user of a tracepoint is a function with its data. The kernel does not know of a captured one:
 * it is not in the tracepoint's list, and its unregistration never reaches the kernel's function
 * (captured_on_unregister()). shk_hit_tracepoint() calls it.
 *
 * Life of a captured kprobe or user:
 *
 *   arming    in the list captured_kprobes or captured_users; a worker adds the probe to the target
 *   armed     the probe has its id
 *   released  its owner disables or unregisters it, in any text. .kp or .user is NULL, so no
 *             further hit calls it. The kernel waits for hits before what they use is freed: by
 *             synchronize_rcu() or tracepoint_synchronize_unregister(). A worker removes the probe.
 *
 * A helper is not executed while its patch is added or removed. So each task in a function of the
 * patch is in the helper's text, and the struct shk_diversion of the helper exists.
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
	 * In the list captured_kprobes or captured_users, until its owner releases it: disables or
	 * unregisters the kprobe, or unregisters the user. Under captures_lock.
	 */
	struct list_head node;
	/*
	 * The kprobe; NULL: its owner has released it, or it is a user. Written under
	 * captures_lock, read by hits with preemption off.
	 */
	struct kprobe *kp;
	unsigned long addr; /* of the kprobe. Fixed */
	/* Of the user. NULL: it is a kprobe. Fixed */
	const struct tracepoint *tracepoint;
	/*
	 * NULL: released, or a kprobe. Written under captures_lock, read by hits within the block
	 * of the tracepoint.
	 */
	void *user;
	void *data;		   /* first argument of .user. Fixed */
	int prio;		   /* of .user; users with a higher one are called earlier. Fixed */
	struct list_head in_users; /* in shk_tracepoint_users.captured */
	struct shk_shadow *target; /* holds a reference. Fixed */
	/*
	 * The module that has the instruction, with a reference; NULL: the kernel image. The
	 * reference keeps the module loaded. If it were unloaded and loaded again, tracefs would
	 * arm its enabled events in the base. Fixed once armed.
	 */
	struct module *module;
	u64 id;	     /* of the probe in .target; captures_lock, fixed once armed */
	bool arming; /* captures_lock */
	bool guard;  /* belongs to the module: see guards_add(). Fixed */
	/*
	 * References: one until its owner releases it, and one of the probe in .target.
	 */
	refcount_t ref;
	struct llist_node release_node; /* in the worker's queue */
};

/* The functions that a DIVERT patch replaces, see the table ways. */
#define SHK_WAYS_MAX 24

/*
 * The target of a helper, and counts of calls. The DIVERT patch owns it. It holds this module,
 * since it may have the last reference to the target.
 */
struct shk_diversion {
	struct shk_shadow *target; /* holds a reference. Fixed */
	/* By way: captured or refused; those that register users of tracepoints: refused. */
	atomic64_t calls[SHK_WAYS_MAX];
	u8 way[SHK_WAYS_MAX]; /* of each function of the patch, then of each edit. Fixed */
	unsigned int nr;      /* elements of .way. Fixed */
	bool workload;	      /* workloads run in .target: shk_shadow.workload. Fixed */
};

/*
 * Finds the functions of the kernel by which a captured kprobe is disabled or unregistered, so that
 * hooks can observe that. Called when the module is loaded. If the kernel lacks one, only
 * shk_capture_add() fails.
 */
void shk_captures_init(void);

/*
 * Waits for the worker that arms and releases what is captured. Called at unload. Captured kprobes
 * and users hold a reference to the module, so none is left. Sleeps.
 */
void shk_captures_exit(void);

/*
 * Makes @helper divert registrations to @target, see struct shk_capture of the uapi header.
 * @workload: its SHK_CAPTURE_WORKLOAD. The caller holds a reference to both. Takes the locks of
 * @helper and @target, one after the other, and ftrace's locks before them. May sleep. Returns 0 or
 * an error that struct shk_capture lists.
 */
int shk_capture_add(struct shk_shadow *helper, struct shk_shadow *target, bool workload);

/*
 * Returns the target of the helper that current executes, with a reference, or NULL: current
 * executes none. Any context.
 */
struct shk_shadow *shk_capture_target(void);

/* Returns true if current executes a helper. Any context. */
bool shk_capture_in_helper(void);

/*
 * Frees @diversion of a DIVERT patch, and drops its reference to the target. Does nothing if it is
 * NULL. The caller ensures that no task is in a function of the patch. May sleep.
 */
void shk_diversion_free(struct shk_diversion *diversion);

/*
 * Returns how many calls of the function or edit number @index of a DIVERT patch were captured or
 * refused. @diversion is the patch's. Needs no lock.
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
