/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Captured perf events of tracepoints: tools in a helper open them by perf_event_open(2).
 *
 * The kernel registers an event at its tracepoint for the first perf event, and all others share
 * that registration: struct trace_event_call.perf_refcount. A perf event of a tool in a helper gets
 * a copy of the struct trace_event_call instead. The kernel registers the copy, by a call that is
 * captured (capture.h), and perf events of other processes have the original.
 */
#ifndef SHK_CAPTURE_PERF_H
#define SHK_CAPTURE_PERF_H

#include <linux/types.h>

struct pt_regs;

/*
 * Finds the functions and data of the kernel that copies need. Called when the module is loaded.
 * Returns the ftrace site of perf_tp_event_init(); 0: the kernel lacks something, and perf events
 * share registrations.
 */
unsigned long shk_perf_init(void);

/*
 * Called by ftrace at the entry of perf_tp_event_init(), with its registers. Changes where the call
 * leads, if the perf event is to have a copy.
 */
void shk_perf_on_event_init(struct pt_regs *regs);

/*
 * Frees the copy at @data, if it is one, and has no perf event. Its registration was released.
 * Takes event_mutex, so no lock of the module is held. May sleep.
 */
void shk_perf_copy_free(const void *data);

#endif /* SHK_CAPTURE_PERF_H */
