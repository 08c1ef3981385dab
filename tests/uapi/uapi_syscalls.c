// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* Which system calls can be chosen, of which shadows, and what becomes of both. */
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
	none.nr = 1;
	none.calls[0] = 1;
	expect(call(handle, SHK_SYSCALLS_CREATE, &none), -EINVAL);
	for (size_t i = 0; i < sizeof(no_return) / sizeof(no_return[0]); i++) {
		expect(syscalls_create(handle, no_return[i], &refused), -EOPNOTSUPP);
		expect(refused, no_return[i]);
	}
	expect(syscalls_create(handle, 511, &refused), -ENOSYS);
	expect(refused, 511);
}

/* A handle's is no target once more; and its edits are where it learns of calls. */
static void is_no_target(int dev, int handle)
{
	struct shk_probe_add probe = probe_at("x64_sys_call", 0);
	int other = (int)shadow_create(dev, ""), during;
	unsigned int refused;

	during = (int)syscalls_create(handle, SYS_read, &refused);
	need(during >= 0);
	expect(syscalls_create(during, SYS_read, &refused), -ELOOP);
	expect(refused, 0);
	expect(probe_add(handle, probe), -EADDRINUSE);
	expect(probe_add(during, probe), -EADDRINUSE);
	expect(probe_add(other, probe), 0);
	expect(syscalls_create(other, SYS_read, &refused), -EADDRINUSE);
	close(during);
	expect(probe_add(handle, probe), 0);
	close(other);
}

/* What interrupts and kernel threads execute is no matter of system calls. */
static void has_other_policy(int dev, uint32_t policy)
{
	struct shk_shadow_create create = { .size = sizeof(create), .flags = policy };
	struct shk_enter enter = { .size = sizeof(enter), .flags = SHK_THREAD };
	int handle = (int)call(dev, SHK_SHADOW_CREATE, &create);
	unsigned int refused;

	/* Not in this kernel, or not under Xen. */
	if (handle == -EOPNOTSUPP)
		return;
	need(handle >= 0);
	expect(syscalls_create(handle, SYS_read, &refused), -EMEDIUMTYPE);
	expect(call(handle, SHK_ENTER, &enter), -EMEDIUMTYPE);
	expect(shadow_destroy(handle), 0);
	close(handle);
}

static void tells_target(int dev)
{
	struct shk_shadow_info info = { .size = sizeof(info) }, target = { .size = sizeof(target) };
	int handle = (int)shadow_create(dev, "target"), during;
	unsigned int refused;

	during = (int)syscalls_create(handle, SYS_read, &refused);
	need(during >= 0);
	expect(call(handle, SHK_SHADOW_INFO, &target), 0);
	expect(target.target, 0);
	expect(call(during, SHK_SHADOW_INFO, &info), 0);
	expect((long)info.target, (long)target.id);
	expect(attach(during, 0), 0);
	expect(call(handle, SHK_SHADOW_INFO, &target), 0);
	expect(target.nr_grafts, 1);
	expect(shadow_destroy(handle), -EBUSY);
	expect(detach(dev, 0), 0);
	expect(shadow_destroy(handle), 0);
	expect(attach(during, 0), -ESTALE);
	expect(syscalls_create(handle, SYS_read, &refused), -ESTALE);
	close(handle);
	close(during);
}

int main(void)
{
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");

	need(handle >= 0);
	is_refused(handle);
	is_no_target(dev, handle);
	tells_target(dev);
	has_other_policy(dev, SHK_ASYNC_OWNER);
	has_other_policy(dev, SHK_ASYNC_CAUSAL);
	expect(shadow_destroy(handle), 0);
	return finish();
}
