// SPDX-License-Identifier: GPL-2.0-only
/* test: lockdown timeout=60 */
/*
 * Tries every cell of the table of docs/permissions.md while kernel.modules_disabled is 1: the
 * same calls are refused as under lockdown, and shadowctl says why. It cannot be set back to 0, so
 * this test has a guest of its own.
 */
#include "permissions.h"

static int says_why(const char *arguments)
{
	char command[300];

	snprintf(command, sizeof(command),
		 "shadowctl %s 2>&1 | grep -q '^shadowctl: cannot .*kernel.modules_disabled is 1'",
		 arguments);
	return system(command);
}

int main(void)
{
	int dev = device_open();
	grounds_t *grounds = grounds_make(dev);
	int named = shadow_create(dev, "named");

	need(named >= 0);
	write_once("/proc/sys/kernel/modules_disabled", "1");
	expect(says_why("create other"), 0);
	expect(says_why("patch add named vfs_mkdir --return -EACCES"), 0);
	expect(says_why("probe add named vfs_read"), 0);
	expect(says_why("raw privatise named vfs_read"), 0);
	expect(says_why(
		       "patch add named --livepatch /lib/modules/$(uname -r)/extra/shk_livepatch.ko"),
	       0);
	expect(system("shadowctl run named -- true"), 0);
	expect(shadow_destroy(named), 0);
	close(named);
	try_all_callers(dev, grounds, true);
	return finish();
}
