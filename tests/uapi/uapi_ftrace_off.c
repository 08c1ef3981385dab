// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* While kernel.ftrace_enabled is 0, every call that needs private text is refused. */
#include <sys/stat.h>
#include <sys/mount.h>

#include "uapi.h"

#define ENABLED	 "/proc/sys/kernel/ftrace_enabled"
#define OFF	 ERROR(EBUSY, SHK_REASON_FTRACE_DISABLED)
#define CGROUPS	 "/sys/fs/cgroup"
#define A_CGROUP CGROUPS "/uapi"

static void refused(int handle, int owner)
{
	struct shk_raw_add raw = { .size = sizeof(raw), .flags = SHK_RAW_IDENTITY };
	struct shk_syscalls syscalls = { .size = sizeof(syscalls), .calls = { 1 } };
	struct shk_own_arg own = { .size = sizeof(own), .kind = SHK_OWN_IRQ, .irq = 4 };
	struct shk_cgroup cgroup = { .size = sizeof(cgroup) };

	cgroup.fd = open(A_CGROUP, O_PATH | O_DIRECTORY | O_CLOEXEC);
	expect(attach(handle, SELF), OFF);
	expect(enter(handle), OFF);
	expect(enter_alone(handle), OFF);
	expect(probe_add(handle, probe_at("vfs_read", 0)), OFF);
	expect(patch_add(handle, nop_of("__x64_sys_getppid")), OFF);
	expect(call(handle, SHK_RAW_ADD, &raw), OFF);
	expect(call(handle, SHK_SYSCALLS_CREATE, &syscalls), OFF);
	expect(call(handle, SHK_CGROUP_ATTACH, &cgroup), OFF);
	if (owner >= 0)
		expect(call(owner, SHK_OWN, &own), OFF);
	close(cgroup.fd);
}

int main(void)
{
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi"), owner = -1;
	bool off = false;

	need(handle >= 0);
	if (module_info(dev).features & SHK_FEATURE_OWN)
		owner = (int)shadow_create_flags(dev, SHK_ASYNC_OWNER);
	if (access(CGROUPS "/cgroup.procs", F_OK))
		need(!mount("cgroup2", CGROUPS, "cgroup2", 0, NULL));
	need(!mkdir(A_CGROUP, 0755));
	/* Refused while a shadow that an earlier test left is being freed. */
	for (int i = 0; i < 100 && !(off = write_file(ENABLED, "0")); i++)
		usleep(50000);
	need(off);
	refused(handle, owner);
	expect(shadow_info(handle).private_pages, 0);
	need(write_file(ENABLED, "1"));
	expect(attach(handle, SELF), 0);
	expect(detach(dev, SELF), 0);
	need(!rmdir(A_CGROUP));
	close(owner);
	expect(shadow_destroy(handle), 0);
	return finish();
}
