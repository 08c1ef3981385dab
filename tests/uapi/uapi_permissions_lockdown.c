// SPDX-License-Identifier: GPL-2.0-only
/* test: lockdown timeout=60 */
/*
 * Every cell of the table of docs/permissions.md once the kernel is locked down
 * for integrity. There is no way back: a guest for this alone.
 */
#include "permissions.h"

#define LOCKDOWN "/sys/kernel/security/lockdown"

int main(void)
{
	int dev = device_open();
	struct ground(*grounds)[2] = grounds_make(dev);

	if (access(LOCKDOWN, W_OK)) {
		puts("this kernel has no lockdown LSM, or not in lsm=");
		return 77;
	}
	write_once(LOCKDOWN, "integrity");
	walk_all(dev, grounds, true);
	return finish();
}
