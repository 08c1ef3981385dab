// SPDX-License-Identifier: GPL-2.0-only
/* test: lockdown timeout=60 */
/*
 * Every cell of the table of docs/permissions.md once the kernel takes no modules any more:
 * what may not be done under lockdown may not be done then, and the command says why. There
 * is no way back: a guest for this alone.
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
	struct ground(*grounds)[2] = grounds_make(dev);
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
	walk_all(dev, grounds, true);
	return finish();
}
