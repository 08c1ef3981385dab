// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Which system calls can be selected, which shadows can be targets, and how the two depend on each
 * other.
 */
#include <sys/syscall.h>

#include "uapi.h"

static long syscalls_create(int handle, unsigned int nr, unsigned int *refused)
{
	struct shk_syscalls arg = { .size = sizeof(arg) };
	long ret;

	arg.calls[nr / 64] = 1ULL << nr % 64;
	ret = call(handle, SHK_SYSCALLS_CREATE, &arg);
	*refused = arg.nr;
	return ret;
}

static void is_refused(int handle)
{
	static const unsigned int no_return[] = { SYS_exit, SYS_exit_group, SYS_execve,
						  SYS_execveat };
	struct shk_syscalls none = { .size = sizeof(none) };
	unsigned int refused;

	expect(call(handle, SHK_SYSCALLS_CREATE, &none), -EINVAL);
	for (size_t i = 0; i < sizeof(no_return) / sizeof(no_return[0]); i++) {
		expect(syscalls_create(handle, no_return[i], &refused),
		       ERROR(EOPNOTSUPP, SHK_REASON_SYSCALL_NO_RETURN));
		expect(refused, no_return[i]);
	}
	expect(syscalls_create(handle, 511, &refused), ERROR(EINVAL, SHK_REASON_SYSCALL_UNKNOWN));
	expect(refused, 511);
}

/*
 * Returns true if the module learns of system calls at the entry of x64_sys_call(). Where that has
 * no __fentry__ site, it does so in do_syscall_64(), which takes no probes.
 */
static bool entry_is_taken(void)
{
	return !system("grep -qx x64_sys_call /sys/kernel/tracing/available_filter_functions");
}

/*
 * A caller shadow is no target. Neither has another edit where the module learns of system calls,
 * and neither accepts patches for which threads are waited for.
 */
static void is_no_target(int dev, int handle)
{
	const long edit_there = ERROR(EBUSY, SHK_REASON_EDIT_THERE);
	struct shk_probe_add probe = probe_at("x64_sys_call", 0);
	struct shk_patch_add in_place = return_of("__x64_sys_getuid", 7);
	int other = (int)shadow_create(dev, ""), during;
	unsigned int refused;
	bool possible = in_place_is_possible(dev);

	in_place.flags = SHK_PATCH_IN_PLACE;
	during = (int)syscalls_create(handle, SYS_read, &refused);
	need(during >= 0);
	expect(syscalls_create(during, SYS_read, &refused),
	       ERROR(EOPNOTSUPP, SHK_REASON_SYSCALLS_ONLY));
	expect(refused, 0);
	expect(enter_alone(during), ERROR(EOPNOTSUPP, SHK_REASON_SYSCALLS_ONLY));
	if (entry_is_taken()) {
		expect(probe_add(handle, probe), edit_there);
		expect(probe_add(during, probe), edit_there);
		expect(probe_add(other, probe), 0);
		expect(syscalls_create(other, SYS_read, &refused), edit_there);
	}
	if (possible) {
		expect(patch_add(handle, in_place), ERROR(EOPNOTSUPP, SHK_REASON_HAS_CALLERS));
		expect(patch_add(during, in_place), ERROR(EOPNOTSUPP, SHK_REASON_SYSCALLS_ONLY));
	}
	close(during);
	expect(call(handle, SHK_PROBE_ADD, &probe), 0);
	expect(probe_remove(handle, probe.id), 0);
	if (possible) {
		expect(call(handle, SHK_PATCH_ADD, &in_place), 0);
		expect(syscalls_create(handle, SYS_read, &refused),
		       ERROR(EBUSY, SHK_REASON_EDITS_IN_PLACE));
		expect(patch_remove(handle, in_place.id), 0);
	}
	close(other);
}

/* A shadow whose text interrupts and kernel threads execute cannot be a target. */
static void has_other_policy(int dev, uint32_t policy)
{
	const long refusal = ERROR(EOPNOTSUPP, SHK_REASON_POLICY);
	long handle = shadow_create_flags(dev, policy);
	unsigned int refused;

	/* CAUSAL in a Xen PV guest. */
	if (handle == ERROR(EOPNOTSUPP, SHK_REASON_NO_CARRIER))
		return;
	need(handle >= 0);
	expect(syscalls_create(handle, SYS_read, &refused), refusal);
	expect(enter_alone(handle), refusal);
	expect(shadow_destroy(handle), 0);
	close(handle);
}

static void lists_target(int dev)
{
	int handle = (int)shadow_create(dev, "target"), during;
	unsigned int refused;

	during = (int)syscalls_create(handle, SYS_read, &refused);
	need(during >= 0);
	expect((long)shadow_info(handle).target, 0);
	expect((long)shadow_info(during).target, (long)shadow_info(handle).id);
	expect(*shadow_info(during).name, 0);
	expect(attach(during, SELF), 0);
	expect(shadow_info(handle).nr_grafts, 1);
	expect(shadow_destroy(handle), ERROR(EBUSY, SHK_REASON_SHADOW_IN_USE));
	expect(detach(dev, SELF), 0);
	expect(shadow_destroy(handle), 0);
	expect(attach(during, SELF), ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
	expect(syscalls_create(handle, SYS_read, &refused),
	       ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
	close(handle);
	close(during);
}

int main(void)
{
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");

	need(handle >= 0);
	if (!(module_info(dev).features & SHK_FEATURE_SYSCALLS)) {
		expect(syscalls_create(handle, SYS_read, &(unsigned int){ 0 }),
		       ERROR(EOPNOTSUPP, SHK_REASON_NO_SYSCALL_ENTRY));
		return finish();
	}
	is_refused(handle);
	is_no_target(dev, handle);
	lists_target(dev);
	has_other_policy(dev, SHK_ASYNC_OWNER);
	has_other_policy(dev, SHK_ASYNC_CAUSAL);
	expect(shadow_destroy(handle), 0);
	return finish();
}
