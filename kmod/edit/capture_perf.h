/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Captured perf events of tracepoints. A helper is a shadow in which unmodified tools run, its
 * target the shadow that they trace (capture.h). A perf event that a tool opens by
 * perf_event_open(2) is to have records of the target only.
 *
 * For the first perf event of a tracepoint, the kernel registers a struct trace_event_call at the
 * tracepoint. Later perf events of all processes share that registration, by .perf_refcount. So the
 * perf events of tools get a copy of the struct trace_event_call, one per target. The kernel
 * registers the copy by an arming function (capture.h), which captures it: it acts on the target
 * only. Perf events of processes outside of helpers use the original.
 */
#ifndef SHK_CAPTURE_PERF_H
#define SHK_CAPTURE_PERF_H

#include <linux/types.h>

struct pt_regs;

/*
 * Finds the functions and data of the kernel that copies need. Called once, when the module is
 * loaded; sleeps. Returns the ftrace site of perf_tp_event_init(), where the caller has ftrace call
 * shk_perf_on_event_init(). Returns 0 if the kernel lacks something: then no copies are made, and
 * perf events of tools share the registrations of other processes.
 */
unsigned long shk_perf_init(void);

/*
 * Makes a call of perf_tp_event_init() continue in perf_open(), if the perf event may need a copy
 * of its struct trace_event_call. That is so if the event is of a tracepoint, and is inherited from
 * a parent event or opened in a helper. Callback of ftrace at the entry of the function, in any
 * task. @regs: the registers there, of which .ip may change. Does not sleep.
 */
void shk_perf_on_event_init(struct pt_regs *regs);

/*
 * Frees the copy at @data. Called when the kernel has unregistered a captured user of a tracepoint,
 * with the user's data, which may be no copy. Does nothing then, or if the copy has perf events
 * again: another call comes when those are closed. Takes event_mutex, so the caller holds no lock
 * of the module. Sleeps.
 */
void shk_perf_copy_free(const void *data);

#endif /* SHK_CAPTURE_PERF_H */
