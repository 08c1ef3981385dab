// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* A change of page tables that Xen refuses fails with the right reason, and succeeds later. */
#include "uapi.h"

#define NTH "/sys/module/shk_xen_refuses/parameters/nth"

int main(void)
{
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");
	char parameters[32];

	need(handle >= 0);
	if (strcmp(module_info(dev).mmu, "xenpv")) {
		puts("not a Xen PV guest");
		return 77;
	}
	snprintf(parameters, sizeof(parameters), "pid=%d", getpid());
	need(!module_load("shk_xen_refuses", parameters));
	need(write_file(NTH, "1"));
	expect(attach(handle, SELF), ERROR(EIO, SHK_REASON_XEN));
	expect(whereabouts(dev, SELF), ERROR(ENOENT, SHK_REASON_NOT_INSIDE));
	expect(attach(handle, SELF), 0);
	need(write_file(NTH, "1"));
	expect(patch_add(handle, nop_of("__x64_sys_getppid")), ERROR(EIO, SHK_REASON_XEN));
	expect(patch_add(handle, nop_of("__x64_sys_getppid")), 0);
	expect(detach(dev, SELF), 0);
	expect(module_unload("shk_xen_refuses"), 0);
	expect(shadow_destroy(handle), 0);
	return finish();
}
