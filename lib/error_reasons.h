/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * All reasons: REASON(name, errno, text), or REASON_BY(name, errno, function) where a function
 * writes the text. A text may have words in braces (words[] in error.c). An errno of 0 stands for
 * any. No include guard: error_reasons.c
 * includes this file several times.
 */

REASON_BY(CAPABILITY, EPERM, shk_explain_capability)
REASON_BY(LOCKDOWN, EPERM, shk_explain_lockdown)
REASON(ADDRESSES_HIDDEN, EPERM,
       "cannot {do}: the kernel hides its addresses from this process; run 'sysctl "
       "kernel.kptr_restrict=1', and use a shell with CAP_SYSLOG")
REASON(RIGHTS, EACCES,
       "cannot {do}: this handle was shared without the right to do that; 'shadowctl share "
       "{shadow}' gives the rights --attach and --read, and only root can do the rest")
REASON(REVOKED, EACCES,
       "cannot {do}: this handle was revoked; have the owner of the shadow share it again")
REASON(NOT_DELEGATED, EPERM,
       "root has attached pid {pid}, and only root may move or detach it: shadowctl detach --pid "
       "{pid}")
REASON_BY(NAME_INVALID, EINVAL, shk_explain_name)
REASON_BY(NAME_TAKEN, EEXIST, explain_name_taken)

REASON(FTRACE_DISABLED, EBUSY,
       "cannot {do}: kernel.ftrace_enabled is 0, and private text needs ftrace to follow the "
       "kernel's own patching; run 'sysctl kernel.ftrace_enabled=1'")
REASON(FTRACE_DEAD, ENODEV,
       "cannot {do}: the kernel's ftrace has stopped after a fault (see dmesg), and private text "
       "needs it; reboot")
REASON(XEN, EIO, "cannot {do}: Xen refused a change of page tables; see 'xl dmesg' of the host")
REASON(NO_CARRIER, EOPNOTSUPP,
       "cannot {do}: in a Xen PV guest that is not possible, and elsewhere it needs a kernel with "
       "CONFIG_PREEMPT_NOTIFIERS")
REASON(NO_STACKS, EOPNOTSUPP,
       "cannot {do}: threads cannot be waited for, since this kernel has no ORC unwinder; {instead}")
REASON(NO_SYSCALL_ENTRY, EOPNOTSUPP,
       "this kernel has no x64_sys_call(), which --syscalls needs; run a newer kernel of its "
       "series, or leave --syscalls out")
REASON(NO_THUNKS, EOPNOTSUPP,
       "this kernel uses no {thunks} on this CPU, so none can be dropped; see "
       "/sys/devices/system/cpu/vulnerabilities")
REASON(NO_LIVEPATCH, EOPNOTSUPP,
       "cannot {do}: this kernel was built without livepatch (CONFIG_LIVEPATCH)")
REASON(NO_MODULE_TEXT, EOPNOTSUPP,
       "cannot {do}: this kernel maps the text of modules by pages of 2 MB "
       "(CONFIG_ARCH_HAS_EXECMEM_ROX), so only the text of the kernel itself can differ")

REASON_BY(SHADOW_UNKNOWN, ENOENT, explain_shadow_unknown)
REASON(SHADOW_DESTROYED, ESTALE,
       "shadow '{shadow}' was destroyed meanwhile; create it again: shadowctl create {shadow}")
REASON(SHADOW_IN_USE, EBUSY,
       "processes are inside shadow '{shadow}', or cgroups are attached; end or detach them first "
       "('shadowctl show {shadow}' lists them)")
REASON_BY(POLICY, EOPNOTSUPP, explain_policy)
REASON_BY(SYSCALLS_ONLY, EOPNOTSUPP, explain_syscalls_only)
REASON(HAS_CALLERS, EOPNOTSUPP,
       "cannot {do}: threads cannot be waited for while processes are inside during some system "
       "calls only (--syscalls); {instead}")
REASON(SHARED, EOPNOTSUPP,
       "cannot {do}: threads cannot be waited for in a shadow that was shared by --attach, since "
       "processes leave it at any time; {instead}")
REASON(EDITS_IN_PLACE, EBUSY,
       "shadow '{shadow}' has patches for which threads are waited for; remove them, and add them "
       "without --in-place or with --unsafe-now")
REASON(EDITS_FOR_ALL, EBUSY,
       "cannot enter shadow '{shadow}' for one thread: it has raw edits, skipped calls, patches in "
       "place, or other thunks, which act on all threads; enter it for the process")
REASON(THREADS_INSIDE, EBUSY,
       "threads have entered shadow '{shadow}' by SHADOWK_THREAD, and this edit would act on all "
       "threads of their process; let them leave first")
REASON(PROCESSES_INSIDE, EBUSY,
       "processes inside shadow '{shadow}' execute the text that would change; end or detach them "
       "first ('shadowctl show {shadow}' lists them)")

REASON_BY(PROCESS_EXITED, ESRCH, shk_explain_process_exited)
REASON(NOT_PIDFD, EBADF, "cannot {do}: the descriptor is not a pidfd; pass one of pidfd_open(2)")
REASON(KERNEL_THREAD, EOPNOTSUPP, "pid {pid} is a kernel thread; shadows hold user processes")
REASON_BY(NOT_INSIDE, ENOENT, explain_not_inside)
REASON(BOUND_BY_CGROUP, EBUSY,
       "pid {pid} is in a shadow by its cgroup; move it to another cgroup, or 'shadowctl detach "
       "--cgroup PATH' (see /proc/{pid}/cgroup)")
REASON(CAPTURED_TOOL, EBUSY,
       "pid {pid} is captured: outside its helper it would arm kprobes for all processes; end it "
       "instead")
REASON_BY(TASK_BUSY, EBUSY, shk_explain_busy)
REASON(STRETCHES_FULL, ENOSPC,
       "cannot {do}: this process is in 64 stretches, which is the limit; call shadowk_leave() "
       "after each shadowk_enter()")
REASON(THREAD_STRETCH, EBUSY,
       "cannot {do}: threads of this process have entered a shadow by SHADOWK_THREAD; each thread "
       "that enters must use that flag, and the same shadow")
REASON(NO_STRETCH, ENOENT,
       "cannot leave shadow '{shadow}': it is not the shadow that this process has entered last, or "
       "the process was attached or detached meanwhile")

REASON(NOT_CGROUP, EBADF,
       "'{cgroup}' is no cgroup of the unified hierarchy; give a folder of a cgroup2 file system")
REASON(CGROUP_REMOVED, ENOENT, "cgroup '{cgroup}' was just removed; give one that exists")
REASON(CGROUP_ELSEWHERE, EBUSY,
       "cgroup '{cgroup}' is attached to another shadow, or split otherwise; run 'shadowctl detach "
       "--cgroup {cgroup}' first")
REASON(CGROUP_UNATTACHED, ENOENT,
       "cgroup '{cgroup}' is not attached to a shadow; 'shadowctl show NAME' lists those that are")
REASON(NOT_HANDLE, EBADF,
       "cannot {do}: the other descriptor is not a handle; pass one of shadowk_shadow_fd()")
REASON(IRQ_UNKNOWN, ENOENT, "there is no {owned}; see /proc/interrupts")
REASON(OWNED_ELSEWHERE, EBUSY,
       "another shadow owns {owned}; find it with 'shadowctl show', and take it away with "
       "'shadowctl disown'")
REASON(INTERFACE_UNKNOWN, ENODEV,
       "cannot {do}: this network namespace has no such interface; see /sys/class/net")
REASON(NO_NAPI, EOPNOTSUPP,
       "cannot {do}: the interface has no NAPI now; bring it up first, or give the physical "
       "interface behind it")
REASON(NOT_OWNED, ENOENT,
       "shadow '{shadow}' does not own {owned}; 'shadowctl show {shadow}' lists what it owns")
REASON(SYSCALL_UNKNOWN, EINVAL, "this kernel has no system call '{syscall}'; leave it out")
REASON(SYSCALL_NO_RETURN, EOPNOTSUPP,
       "system call '{syscall}' does not return to its caller, so no process can be inside during "
       "it alone; leave it out")

REASON_BY(SYMBOL_UNKNOWN, ENOENT, shk_explain_symbol_unknown)
REASON_BY(SYMBOL_AMBIGUOUS, EINVAL, shk_explain_symbol_ambiguous)
REASON_BY(NOT_TEXT, ERANGE, shk_explain_not_text)
REASON(PAST_SYMBOL, ERANGE, "{place} is past the end of {function}; give a smaller offset")
REASON_BY(NOT_INSTRUCTION, EINVAL, explain_not_instruction)
REASON(NOT_FUNCTION, EINVAL,
       "{function} is not the first byte of a function; see /proc/kallsyms for those")
REASON_BY(FORBIDDEN, EOPNOTSUPP, explain_forbidden)
REASON(PAGE_EDGE, EOPNOTSUPP,
       "the edit at {place} would lie in two pages; choose a place that is not within 4 bytes of "
       "the edge of a page")
REASON(MODULE_END, EOPNOTSUPP,
       "{place} is too near to the end of its module's text, beyond which kprobes would read; "
       "choose an earlier place")
REASON(MODULE_BUSY, EBUSY,
       "the module of {function} is being loaded or unloaded; try again when that is done")
REASON_BY(EDIT_THERE, EBUSY, explain_edit_there)
REASON_BY(KPROBE_THERE, EBUSY, explain_kprobe_there)
REASON(NO_ROOM, ENOSPC, "there is no room for more edits; remove some first")
REASON_BY(ID_UNKNOWN, ENOENT, explain_id_unknown)

REASON(CANNOT_STEP, EOPNOTSUPP,
       "kprobes cannot step the instruction at {place}; choose another one")
REASON(NOT_ENTRY, EOPNOTSUPP,
       "latency and returns are taken at the entry of a function, which {place} is not; give the "
       "function without an offset")
REASON_BY(NO_RETURN, EOPNOTSUPP, shk_explain_no_return)
REASON(JUMP_THERE, EBUSY,
       "another probe at {place} is armed by a jump, which sees no returns; remove it, or add that "
       "one with --int3")
REASON(TRACEPOINT_UNKNOWN, ENOENT,
       "the kernel has no tracepoint {function}; /sys/kernel/tracing/available_events lists them. "
       "Those of syscalls are none: probe the function of the system call, such as __x64_sys_openat")
REASON(TRACEPOINT_MODULE, EOPNOTSUPP,
       "tracepoint {function} is executed in text of modules, which would not be seen; probe the "
       "function that executes it")
REASON(TRACEPOINT_REGFUNC, EOPNOTSUPP,
       "the kernel prepares all processes or CPUs for tracepoint {function} when it gets a user; "
       "probe a function instead, such as do_syscall_64 or handle_mm_fault")
REASON(TRACEPOINT_UNUSED, EOPNOTSUPP,
       "this kernel does not execute tracepoint {function}; choose another one")

REASON(NO_FENTRY, EOPNOTSUPP,
       "cannot redirect {function}: it has no __fentry__ site at its start (it is not traced); "
       "patch a function that it calls, or its callers")
REASON_BY(NO_CALL, ENOENT, explain_no_call)
REASON(SEVERAL_CALLS, EINVAL,
       "{function} calls '{object}' at several places; say which: {function}+OFFSET (see its "
       "disassembly)")
REASON_BY(NO_PATCH_MODULE, ENODEV, explain_no_patch_module)
REASON(PATCH_VERSION, ENOEXEC,
       "module '{object}' does not belong to this version of shadowk; build it again with its "
       "shadowk_patch.h")
REASON(OUT_OF_REACH, ENOEXEC,
       "the text of module '{object}' is out of reach of a jump; unload the module and load it "
       "again")
REASON(NO_FUNCTIONS, ENOEXEC,
       "module '{object}' replaces no function; give some to SHADOWK_PATCH() of shadowk_patch.h")
REASON(CALLBACKS, EOPNOTSUPP,
       "module '{object}' has callbacks, which act on all processes; add it with --callbacks to have "
       "them called")
REASON(OBJECT_MISSING, ENODEV,
       "module '{object}' changes functions of '{subject}', which is not loaded or has not started "
       "yet; load it first")
REASON(OBJECT_RELOCATIONS, EOPNOTSUPP,
       "module '{object}' has relocations for '{subject}', which only the kernel's livepatch makes; "
       "load it with insmod, for all processes")
REASON(BODY_TOO_LONG, EOPNOTSUPP, "the new body is longer than that of {function}; {instead}")
REASON(BODY_OUT_OF_REACH, EOPNOTSUPP,
       "a branch or a datum of the new body is out of reach from the place of {function}; {instead}")
REASON(BODY_FIXED, EOPNOTSUPP,
       "a body of {function} is tied to its address: it belongs to a module, has a static key or "
       "call, WARN() or an access to user memory, or must stay callable (use SHADOWK_BODY() for "
       "the new one); {instead}")
REASON(BODY_FRAMES, EOPNOTSUPP,
       "the new body of {function} has other stack frames than the old one, so stack traces would "
       "be wrong; {instead}")
REASON(CHANGES_TEXT, EOPNOTSUPP,
       "tasks change their text inside {function}, so its body cannot change in place; {instead}")
REASON(NOT_LIVEPATCH, EINVAL,
       "patch '{patch}' is not a livepatch module's, so it cannot be promoted, or removed with "
       "--unsafe-now; add one by 'shadowctl patch add {shadow} --livepatch FILE.ko'")
REASON(PROMOTED, EEXIST,
       "patch '{patch}' was promoted before; see /sys/kernel/livepatch, or unload its module and "
       "add it again")
REASON(PATCH_BUSY, EBUSY, "another call adds, removes or promotes patch '{patch}' now; try again")
REASON_BY(LIVEPATCH, 0, explain_livepatch)
