/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracepoints shadowk:shadowk_probe and shadowk:shadowk_call, by which perf, bpftrace and
 * trace-cmd get the hits of EVENT and CALL probes.
 */
/* clang-format off */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM shadowk

#if !defined(SHK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SHK_TRACE_H

#include <linux/tracepoint.h>

/*
 * Copies the name of @of to the field @dst. Sets the upper half of the field to the length of the
 * name with the 0 behind it, by which ftrace's filters find the name's end.
 */
#define shk_assign_name(dst, of)                                                         \
	do {                                                                             \
		trace_copy_name(__get_dynamic_array(dst), (of)->name, (of)->name_size);  \
		((u16 *)&__entry->__data_loc_##dst)[1] = (of)->name_len;                 \
	} while (0)

/*
 * One hit of an EVENT probe: an execution of the instruction, or a return of its function. Executed
 * with preemption off and in_nmi() true, see hit_report_enter().
 *
 *   shadow, probe  names; the shadow's is "" if it has none
 *   ip             address of the probed instruction
 *   is_return      false: the instruction is about to execute; true: its function returns
 *   ret            rax if is_return, else 0
 *   arg1 to arg6   rdi, rsi, rdx, rcx, r8, r9 unless is_return, else 0
 */
TRACE_EVENT(shadowk_probe,
	TP_PROTO(const struct shk_probe *by, bool is_return, unsigned long ret,
		 const unsigned long *args),
	TP_ARGS(by, is_return, ret, args),
	TP_STRUCT__entry(
		__dynamic_array(char, shadow, by->site->shadow->name_size)
		__dynamic_array(char, probe, by->name_size)
		__field(unsigned long, ip)
		__field(bool, is_return)
		__field(unsigned long, ret)
		__field(unsigned long, arg1)
		__field(unsigned long, arg2)
		__field(unsigned long, arg3)
		__field(unsigned long, arg4)
		__field(unsigned long, arg5)
		__field(unsigned long, arg6)
	),
	TP_fast_assign(
		shk_assign_name(shadow, by->site->shadow);
		shk_assign_name(probe, by);
		__entry->ip = by->site->edit.addr;
		__entry->is_return = is_return;
		__entry->ret = ret;
		__entry->arg1 = args[0];
		__entry->arg2 = args[1];
		__entry->arg3 = args[2];
		__entry->arg4 = args[3];
		__entry->arg5 = args[4];
		__entry->arg6 = args[5];
	),
	TP_printk("shadow=%s probe=%s ip=%pS is_return=%d ret=0x%lx args=0x%lx,0x%lx,0x%lx,0x%lx,0x%lx,0x%lx",
		  __get_str(shadow), __get_str(probe), (void *)__entry->ip, __entry->is_return,
		  __entry->ret, __entry->arg1, __entry->arg2, __entry->arg3, __entry->arg4,
		  __entry->arg5, __entry->arg6)
);

/*
 * The return of a call that a CALL probe has hooked at its entry. Executed with preemption off and
 * in_nmi() true, see hit_report_enter().
 *
 *   shadow, probe  names; the shadow's is "" if it has none
 *   id             id of the shadow
 *   ip             address of the edit
 *   ret            rax at the return
 *   duration       ns from the entry to the return
 *   depth          calls in progress around this one, of the same task and of CALL probes of the
 *                  same shadow. The events of a task come in the order of the returns. So the
 *                  calls directly below this one are those with depth + 1 since the last event
 *                  with this depth
 *   arg1 to arg6   rdi, rsi, rdx, rcx, r8, r9 at the entry
 */
TRACE_EVENT(shadowk_call,
	TP_PROTO(const struct shk_probe *by, unsigned long ret, u64 duration, unsigned int depth,
		 const unsigned long *args),
	TP_ARGS(by, ret, duration, depth, args),
	TP_STRUCT__entry(
		__dynamic_array(char, shadow, by->site->shadow->name_size)
		__dynamic_array(char, probe, by->name_size)
		__field(u64, id)
		__field(unsigned long, ip)
		__field(unsigned long, ret)
		__field(u64, duration)
		__field(unsigned int, depth)
		__field(unsigned long, arg1)
		__field(unsigned long, arg2)
		__field(unsigned long, arg3)
		__field(unsigned long, arg4)
		__field(unsigned long, arg5)
		__field(unsigned long, arg6)
	),
	TP_fast_assign(
		shk_assign_name(shadow, by->site->shadow);
		shk_assign_name(probe, by);
		__entry->id = by->site->shadow->id;
		__entry->ip = by->site->edit.addr;
		__entry->ret = ret;
		__entry->duration = duration;
		__entry->depth = depth;
		__entry->arg1 = args[0];
		__entry->arg2 = args[1];
		__entry->arg3 = args[2];
		__entry->arg4 = args[3];
		__entry->arg5 = args[4];
		__entry->arg6 = args[5];
	),
	TP_printk("shadow=%s probe=%s id=%llu ip=%pS ret=0x%lx duration=%llu depth=%u args=0x%lx,0x%lx,0x%lx,0x%lx,0x%lx,0x%lx",
		  __get_str(shadow), __get_str(probe), __entry->id, (void *)__entry->ip,
		  __entry->ret, __entry->duration, __entry->depth, __entry->arg1, __entry->arg2, __entry->arg3,
		  __entry->arg4, __entry->arg5, __entry->arg6)
);

#endif /* SHK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
