// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/*
 * Lists show addresses of text to callers that see them in /proc/kallsyms; to others they are 0,
 * and so are the bytes of SHK_EDIT_LIST. SHK_TEXT_READ is refused to the others. A cursor of
 * SHK_EDIT_LIST shows no address to anybody.
 */
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

static void lists(int handle, bool shown)
{
	struct shk_probe_info probe;
	struct shk_patch_info patch;
	struct shk_raw_info raw;
	struct shk_edit_info edit;
	static const uint8_t none[SHK_EDIT_LEN];

	expect(list_first(handle, SHK_PROBE_LIST, &probe, sizeof(probe)), 1);
	expect_true(!strcmp(probe.symbol, "vfs_read"));
	expect(probe.addr != 0, shown);
	expect(list_first(handle, SHK_PATCH_LIST, &patch, sizeof(patch)), 1);
	expect_true(!strcmp(patch.symbol, "__x64_sys_getppid"));
	expect(patch.addr != 0, shown);
	expect(list_first(handle, SHK_RAW_LIST, &raw, sizeof(raw)), 1);
	expect_true(!strcmp(raw.symbol, "vfs_write"));
	expect(raw.addr != 0, shown);
	expect(list_first(handle, SHK_EDIT_LIST, &edit, sizeof(edit)), 1);
	expect_true(edit.len != 0);
	expect(edit.addr != 0, shown);
	expect(memcmp(edit.bytes, none, sizeof(none)) != 0, shown);
	expect(memcmp(edit.base, none, sizeof(none)) != 0, shown);
}

/* A cursor is neither an address nor at a fixed distance from one. */
static void cursors(int handle)
{
	struct shk_edit_info edit;
	struct shk_list list = {
		.size = sizeof(list),
		.element_size = sizeof(edit),
		.elements = (uintptr_t)&edit,
	};
	uint64_t seen[2], behind[2];

	for (int i = 0; i < 2; i++) {
		list.nr = 1;
		expect(call(handle, SHK_EDIT_LIST, &list), 0);
		expect(list.nr, 1);
		seen[i] = list.cursor;
		behind[i] = edit.addr + edit.len;
		expect_true(seen[i] != behind[i]);
	}
	expect_true(seen[1] - seen[0] != behind[1] - behind[0]);
}

static long text_read(int handle)
{
	struct shk_text_read arg = { .size = sizeof(arg), .symbol = "vfs_read" };

	return call(handle, SHK_TEXT_READ, &arg);
}

/* With the derived handle, which is all that an unprivileged reader needs. */
static int as_nobody(int derived)
{
	failures = 0;
	become_nobody();
	if (!first_address())
		lists(derived, false);
	else
		puts("everybody sees addresses here");
	return finish();
}

/* Without CAP_SYSLOG, by the owner's handle. */
static int as_administrator(int handle)
{
	failures = 0;
	become(ONLY_ADMIN);
	if (!first_address()) {
		lists(handle, false);
		expect(text_read(handle), ERROR(EPERM, SHK_REASON_ADDRESSES_HIDDEN));
	}
	return finish();
}

static void in_child(int (*look)(int handle), int handle)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	need(pid >= 0);
	if (!pid)
		exit(look(handle));
	need(waitpid(pid, &status, 0) == pid);
	expect(status, 0);
}

int main(void)
{
	int dev = device_open(), derived;
	struct ground g = ground_make(dev, ROOT, 0);

	expect(patch_add(g.owner, nop_of("__x64_sys_getppid")), 0);
	derived = (int)handle_derive(g.owner, SHK_RIGHT_READ, NULL);
	need(derived >= 0);
	lists(g.owner, true);
	lists(derived, true);
	cursors(g.owner);
	expect(text_read(g.owner), 0);
	in_child(as_nobody, derived);
	in_child(as_administrator, g.owner);
	expect(shadow_destroy(g.owner), 0);
	return finish();
}
