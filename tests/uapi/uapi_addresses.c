// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/* Addresses of text are for those who see them in /proc/kallsyms, whatever else they may read. */
#include "permissions.h"

static unsigned long long first_address(void)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	unsigned long long addr = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file) && !addr)
		addr = strtoull(line, NULL, 16);
	if (file)
		fclose(file);
	return addr;
}

static int as_nobody(int handle)
{
	struct shk_probe_info info = { .size = sizeof(info), .id = 1 };

	failures = 0;
	become_nobody();
	expect(call(handle, SHK_PROBE_NEXT, &info), 0);
	expect_true(!strcmp(info.symbol, "vfs_read"));
	if (!first_address())
		expect(info.addr, 0);
	return finish();
}

int main(void)
{
	struct shk_probe_info info = { .size = sizeof(info), .id = 1 };
	int dev = device_open(), status;
	struct ground g = ground_make(dev, ROOT, true);
	pid_t pid;

	expect(call(g.handle, SHK_PROBE_NEXT, &info), 0);
	expect_true(info.addr != 0);
	fflush(stdout);
	pid = fork();
	need(pid >= 0);
	if (!pid)
		exit(as_nobody(g.handle));
	need(waitpid(pid, &status, 0) == pid);
	expect(status, 0);
	expect(shadow_destroy(g.handle), 0);
	return finish();
}
