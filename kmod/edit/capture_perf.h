/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Captured perf events of tracepoints: tools in a helper (capture.h) open them by
 * perf_event_open(2).
 *
 * For the first perf event of a tracepoint, the kernel registers the struct trace_event_call at the
 * tracepoint. All other perf events share that registration, by .perf_refcount. So those of a tool
 * in a helper get a copy of the struct trace_event_call. The kernel registers the copy by a call
 * that is captured: it acts on the target only. Perf events of other processes use the original.
 */
#ifndef SHK_CAPTURE_PERF_H
#define SHK_CAPTURE_PERF_H

#include <linux/types.h>

struct pt_regs;

/*
 * Finds the functions and data of the kernel that copies need. Called once, when the module is
 * loaded; sleeps. Returns the ftrace site of perf_tp_event_init(). Returns 0 if the kernel lacks
 * something: then perf events of all processes share registrations.
 */
unsigned long shk_perf_init(void);

/*
 * Lets a call of perf_tp_event_init() continue in perf_open(), if the perf event may need a copy.
 * That is so if it is of a tracepoint, and has a parent or is opened in a helper. ftrace calls this
 * at the entry of the function. @regs: the registers there; .ip changes. Any task; does not sleep.
 */
void shk_perf_on_event_init(struct pt_regs *regs);

/*
 * Frees the copy at @data, the data of a released user of a tracepoint. Does nothing if @data is no
 * copy, or if the copy has perf events: then the end of the next registration frees it. Takes
 * event_mutex, so the caller holds no lock of the module. Sleeps.
 */
void shk_perf_copy_free(const void *data);

#endif /* SHK_CAPTURE_PERF_H */
