// SPDX-License-Identifier: GPL-2.0-only
/* test: lockdown timeout=60 */
/*
 * Tries every cell of the table of docs/permissions.md while the kernel is locked down for
 * integrity. Lockdown cannot be lifted, so this test has a guest of its own.
 */
#include "permissions.h"

#define LOCKDOWN "/sys/kernel/security/lockdown"

int main(void)
{
	int dev = device_open();
	grounds_t *grounds = grounds_make(dev);

	if (access(LOCKDOWN, W_OK)) {
		puts("this kernel has no lockdown LSM, or not in lsm=");
		return 77;
	}
	write_once(LOCKDOWN, "integrity");
	try_all_callers(dev, grounds, true);
	return finish();
}
