/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reasons of errors and the errno of each, as enum shk_reason has them: scripts/reasons
 * compares both, and finds the test that provokes each reason.
 */
#ifndef SHADOWK_TEST_REASONS_H
#define SHADOWK_TEST_REASONS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <linux/shadowk.h>

#define ANY_ERRNO 0

static const struct reason {
	unsigned int reason;
	int err;
	const char *name;
} all_reasons[] = {
#define R(reason, err)                            \
	{                                         \
		SHK_REASON_##reason, err, #reason \
	}
	/* clang-format off */
	R(CAPABILITY, EPERM),
	R(LOCKDOWN, EPERM),
	R(ADDRESSES_HIDDEN, EPERM),
	R(RIGHTS, EACCES),
	R(REVOKED, EACCES),
	R(NOT_DELEGATED, EPERM),
	R(NAME_INVALID, EINVAL),
	R(NAME_TAKEN, EEXIST),
	R(FTRACE_DISABLED, EBUSY),
	R(FTRACE_DEAD, ENODEV),
	R(XEN, EIO),
	R(NO_CARRIER, EOPNOTSUPP),
	R(NO_STACKS, EOPNOTSUPP),
	R(NO_SYSCALL_ENTRY, EOPNOTSUPP),
	R(NO_THUNKS, EOPNOTSUPP),
	R(NO_LIVEPATCH, EOPNOTSUPP),
	R(NO_MODULE_TEXT, EOPNOTSUPP),
	R(SHADOW_UNKNOWN, ENOENT),
	R(SHADOW_DESTROYED, ESTALE),
	R(SHADOW_IN_USE, EBUSY),
	R(POLICY, EOPNOTSUPP),
	R(SYSCALLS_ONLY, EOPNOTSUPP),
	R(HAS_CALLERS, EOPNOTSUPP),
	R(SHARED, EOPNOTSUPP),
	R(EDITS_IN_PLACE, EBUSY),
	R(EDITS_FOR_ALL, EBUSY),
	R(THREADS_INSIDE, EBUSY),
	R(PROCESSES_INSIDE, EBUSY),
	R(PROCESS_EXITED, ESRCH),
	R(NOT_PIDFD, EBADF),
	R(KERNEL_THREAD, EOPNOTSUPP),
	R(NOT_INSIDE, ENOENT),
	R(BOUND_BY_CGROUP, EBUSY),
	R(CAPTURED_TOOL, EBUSY),
	R(TASK_BUSY, EBUSY),
	R(STRETCHES_FULL, ENOSPC),
	R(THREAD_STRETCH, EBUSY),
	R(NO_STRETCH, ENOENT),
	R(NOT_CGROUP, EBADF),
	R(CGROUP_REMOVED, ENOENT),
	R(CGROUP_ELSEWHERE, EBUSY),
	R(CGROUP_UNATTACHED, ENOENT),
	R(NOT_HANDLE, EBADF),
	R(IRQ_UNKNOWN, ENOENT),
	R(OWNED_ELSEWHERE, EBUSY),
	R(NOT_OWNED, ENOENT),
	R(SYSCALL_UNKNOWN, EINVAL),
	R(SYSCALL_NO_RETURN, EOPNOTSUPP),
	R(INTERFACE_UNKNOWN, ENODEV),
	R(NO_NAPI, EOPNOTSUPP),
	R(SYMBOL_UNKNOWN, ENOENT),
	R(SYMBOL_AMBIGUOUS, EINVAL),
	R(NOT_TEXT, ERANGE),
	R(PAST_SYMBOL, ERANGE),
	R(NOT_INSTRUCTION, EINVAL),
	R(NOT_FUNCTION, EINVAL),
	R(FORBIDDEN, EOPNOTSUPP),
	R(PAGE_EDGE, EOPNOTSUPP),
	R(MODULE_END, EOPNOTSUPP),
	R(MODULE_BUSY, EBUSY),
	R(EDIT_THERE, EBUSY),
	R(KPROBE_THERE, EBUSY),
	R(NO_ROOM, ENOSPC),
	R(ID_UNKNOWN, ENOENT),
	R(CANNOT_STEP, EOPNOTSUPP),
	R(NOT_ENTRY, EOPNOTSUPP),
	R(NO_RETURN, EOPNOTSUPP),
	R(JUMP_THERE, EBUSY),
	R(TRACEPOINT_UNKNOWN, ENOENT),
	R(TRACEPOINT_MODULE, EOPNOTSUPP),
	R(TRACEPOINT_REGFUNC, EOPNOTSUPP),
	R(TRACEPOINT_UNUSED, EOPNOTSUPP),
	R(NO_FENTRY, EOPNOTSUPP),
	R(NO_CALL, ENOENT),
	R(SEVERAL_CALLS, EINVAL),
	R(NO_PATCH_MODULE, ENODEV),
	R(PATCH_VERSION, ENOEXEC),
	R(OUT_OF_REACH, ENOEXEC),
	R(NO_FUNCTIONS, ENOEXEC),
	R(CALLBACKS, EOPNOTSUPP),
	R(OBJECT_MISSING, ENODEV),
	R(OBJECT_RELOCATIONS, EOPNOTSUPP),
	R(BODY_TOO_LONG, EOPNOTSUPP),
	R(BODY_OUT_OF_REACH, EOPNOTSUPP),
	R(BODY_FIXED, EOPNOTSUPP),
	R(BODY_FRAMES, EOPNOTSUPP),
	R(CHANGES_TEXT, EOPNOTSUPP),
	R(NOT_LIVEPATCH, EINVAL),
	R(PROMOTED, EEXIST),
	R(PATCH_BUSY, EBUSY),
	R(LIVEPATCH, ANY_ERRNO),
/* clang-format on */
#undef R
};

static inline const struct reason *reason_find(unsigned int reason)
{
	for (size_t i = 0; i < sizeof(all_reasons) / sizeof(all_reasons[0]); i++)
		if (all_reasons[i].reason == reason)
			return &all_reasons[i];
	return NULL;
}

static inline const char *reason_name(unsigned int reason)
{
	const struct reason *known = reason_find(reason);

	return known ? known->name : "(unknown reason)";
}

static inline bool reason_has_errno(unsigned int reason, int err)
{
	const struct reason *known = reason_find(reason);

	return known && (known->err == ANY_ERRNO || known->err == err);
}

#endif /* SHADOWK_TEST_REASONS_H */
