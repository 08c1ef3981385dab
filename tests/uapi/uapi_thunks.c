// SPDX-License-Identifier: GPL-2.0-only
/* test: thunks timeout=60 */
/*
 * Thunks change only while no process is inside, and where the kernel uses them. Otherwise such a
 * patch is refused.
 */
#include "uapi.h"

static void kind(int dev, uint32_t kind)
{
	const long inside = ERROR(EBUSY, SHK_REASON_PROCESSES_INSIDE);
	struct shk_patch_add arg = { .size = sizeof(arg), .kind = kind };
	int handle = (int)shadow_create(dev, "uapi");
	long ret = call(handle, SHK_PATCH_ADD, &arg);

	if (ret == ERROR(EOPNOTSUPP, SHK_REASON_NO_THUNKS)) {
		printf("this machine uses no thunks of kind %u\n", kind);
	} else {
		struct shk_patch_add again = { .size = sizeof(again), .kind = kind };

		expect(ret, 0);
		expect(enter_alone(handle), ERROR(EBUSY, SHK_REASON_EDITS_FOR_ALL));
		expect(attach(handle, SELF), 0);
		expect(patch_add(handle, again), inside);
		expect(patch_remove(handle, arg.id), inside);
		expect(detach(dev, SELF), 0);
		expect(patch_add(handle, again), ERROR(EBUSY, SHK_REASON_EDIT_THERE));
		expect(patch_remove(handle, arg.id), 0);
	}
	expect(shadow_destroy(handle), 0);
	close(handle);
}

int main(void)
{
	int dev = device_open();

	kind(dev, SHK_PATCH_RETPOLINES);
	kind(dev, SHK_PATCH_RETURNS);
	return finish();
}
