/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SHK_ASYNC_CAUSAL: work items, timers and softirqs that a process inside has raised execute its
 * shadow. Needs preempt notifiers, which kernels have for KVM.
 */
#ifndef SHK_CAUSAL_H
#define SHK_CAUSAL_H

#include "shadow/shadow.h"

struct work_struct;

#ifdef CONFIG_PREEMPT_NOTIFIERS
/*
 * Looks up the tracepoints of causal.c. Sleeps. Returns 0, or -EOPNOTSUPP: this kernel lacks one,
 * which the log names.
 */
int shk_causal_init(void);
/*
 * Makes work items, timers and softirqs that processes inside @shadow raise execute @shadow. For
 * that, creates the carrier mm of @shadow, which the CPU loads for such work. For the first causal
 * shadow it also registers the probes of the tracepoints. The creator of a SHK_ASYNC_CAUSAL shadow
 * calls it once, before shk_shadow_publish(): no other task knows @shadow. Takes the shadow's lock
 * and shk_async_lock; sleeps. Returns 0 or
 *
 *   NO_CARRIER		this machine has no carrier mms
 *   FTRACE_DISABLED	kernel.ftrace_enabled is 0
 *   FTRACE_DEAD		ftrace has stopped
 *   -ENOMEM		out of memory
 *   -ERESTARTSYS	the caller was killed
 *   others		errors of register_ftrace_function(), tracepoint_probe_register()
 *
 * After an error such work executes the base, but the shadow may have tables and hooks. The caller
 * then drops its reference (shk_shadow_put()), which frees them.
 */
int shk_causal_begin(struct shk_shadow *shadow);
/*
 * Ends the effect of shk_causal_begin(): work that processes inside @shadow raise executes the base
 * from now on. Ends this use of the carrier mm, which CPUs load to execute the shadow. On return no
 * CPU executes @shadow for work that a process inside has raised: pending work executes the base,
 * and so does the rest of work items in progress. Does nothing if shk_causal_begin() was not
 * called, or has failed.
 *
 * The shadow's lock is held. Takes shk_async_lock and cpus_read_lock(). Sleeps: waits for grace
 * periods of RCU, and for a work item that it runs on each online CPU. Cannot fail.
 */
void shk_causal_end(struct shk_shadow *shadow);
/*
 * Returns the shadow that softirq @nr, which begins on this CPU now, is to execute. Clears the
 * record of it. Returns NULL if no process inside a causal shadow has raised the softirq, or
 * another task has raised it as well. Any context with preemption off. The shadow stays until
 * preemption is on again.
 */
struct shk_shadow *shk_causal_take_softirq(unsigned int nr);
/*
 * Returns the shadow that the work item @work, which begins now, is to execute. Removes the record
 * of it. Returns NULL if no process inside a causal shadow has queued it, or no room was left to
 * record that. Any context with preemption off. The shadow stays until preemption is on again.
 */
struct shk_shadow *shk_causal_take_work(const struct work_struct *work);
#else
static inline int shk_causal_init(void)
{
	return 0;
}

static inline int shk_causal_begin(struct shk_shadow *shadow)
{
	return SHK_E(NO_CARRIER);
}

static inline void shk_causal_end(struct shk_shadow *shadow)
{
}
#endif

#endif /* SHK_CAUSAL_H */
