// SPDX-License-Identifier: GPL-2.0-only
/* test: lockdown timeout=60 */
/*
 * After ftrace has stopped because of a fault of its own, calls that need private text are refused.
 * Ftrace does not start again, so this test has a guest of its own.
 */
#include "uapi.h"

#define DEAD ERROR(ENODEV, SHK_REASON_FTRACE_DEAD)

int main(void)
{
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");

	need(handle >= 0);
	need(!module_load("shk_ftrace_dead", ""));
	expect(attach(handle, SELF), DEAD);
	expect(enter(handle), DEAD);
	expect(probe_add(handle, probe_at("vfs_read", 0)), DEAD);
	expect(patch_add(handle, nop_of("__x64_sys_getppid")), DEAD);
	expect(shadow_destroy(handle), 0);
	/* tests/vm/guest/many takes this as the sign that the guest is of no further use. */
	need(write_file("/proc/sys/kernel/modules_disabled", "1\n"));
	return finish();
}
