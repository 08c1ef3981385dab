// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* Each call asks for the capability that its header names, whoever opened the descriptor. */
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "uapi.h"

static void capabilities_keep(uint32_t keep)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = keep, .permitted = keep } };

	need(!syscall(SYS_capset, &head, data));
}

static int child_status(pid_t pid)
{
	int status;

	need(waitpid(pid, &status, 0) == pid);
	return status;
}

/* Run @checks in a child that has only the capabilities @keep, or is nobody. */
static void as(void (*checks)(int dev, int handle), int dev, int handle, uint32_t keep, bool nobody)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		failures = 0;
		if (nobody)
			need(!setgroups(0, NULL) && !setgid(65534) && !setuid(65534));
		else
			capabilities_keep(keep);
		checks(dev, handle);
		exit(finish());
	}
	expect(child_status(pid), 0);
}

static void module_is_missing(int dev, int handle)
{
	struct shk_probe_remove remove = { .size = sizeof(remove), .name = "kept" };

	expect(shadow_create(dev, "more"), -EPERM);
	expect(shadow_create(dev, ""), -EPERM);
	expect(shadow_destroy(handle), -EPERM);
	expect(probe_add(handle, probe_at("vfs_write", 0)), -EPERM);
	expect(call(handle, SHK_PROBE_REMOVE, &remove), -EPERM);
}

static void admin_is_missing(int dev, int handle)
{
	struct shk_shadow_info info = { .size = sizeof(info), .id = 1 };

	expect(shadow_open(dev, "uapi"), -EPERM);
	expect(call(dev, SHK_SHADOW_NEXT, &info), -EPERM);
	expect(attach(handle, 0), -EPERM);
	expect(attach(handle, 1), -EPERM);
	expect(detach(dev, 1), -EPERM);
	expect(detach(dev, 0), -EPERM);
	expect(whereabouts(dev, 1), -EPERM);
	/* But everybody may know about himself. */
	expect(whereabouts(dev, 0), -ENOENT);
}

static void only_admin(int dev, int handle)
{
	module_is_missing(dev, handle);
	close((int)expect_ok(shadow_open(dev, "uapi")));
	expect(detach(dev, 0), -ENOENT);
}

static void only_module(int dev, int handle)
{
	struct shk_probe_add add = probe_at("vfs_write", 0);

	admin_is_missing(dev, handle);
	expect(call(handle, SHK_PROBE_ADD, &add), 0);
	expect(probe_remove(handle, add.id), 0);
}

static void nothing(int dev, int handle)
{
	module_is_missing(dev, handle);
	admin_is_missing(dev, handle);
}

/* Addresses of text are for those who see them in /proc/kallsyms. */
static void addresses(int dev, int handle)
{
	struct shk_probe_info info = { .size = sizeof(info), .id = 1 };
	FILE *file = fopen("/proc/kallsyms", "r");
	unsigned long long shown = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file) && !shown)
		shown = strtoull(line, NULL, 16);
	expect(call(handle, SHK_PROBE_NEXT, &info), 0);
	if (!shown)
		expect(info.addr, 0);
	expect_true(!strcmp(info.name, "kept"));
}

static void as_nobody(int dev, int handle)
{
	nothing(dev, handle);
	addresses(dev, handle);
	expect_true(open(SHK_DEVICE, O_RDWR) < 0);
	expect_true(errno == EACCES || errno == EPERM);
}

int main(void)
{
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");
	struct shk_probe_info info = { .size = sizeof(info), .id = 1 };
	struct shk_probe_add add = probe_at("vfs_read", 0);
	char *before;

	need(handle >= 0);
	strcpy(add.name, "kept");
	need(!probe_add(handle, add));
	/* vfs_write may be in another page than vfs_read: have both before we compare. */
	add = probe_at("vfs_write", 0);
	need(!call(handle, SHK_PROBE_ADD, &add) && !probe_remove(handle, add.id));
	expect(call(handle, SHK_PROBE_NEXT, &info), 0);
	expect_true(info.addr != 0);
	before = state(dev, handle);
	as(nothing, dev, handle, 0, false);
	as(only_admin, dev, handle, 1U << CAP_SYS_ADMIN, false);
	as(only_module, dev, handle, 1U << CAP_SYS_MODULE, false);
	as(as_nobody, dev, handle, 0, true);
	expect_state(dev, handle, before);
	expect(shadow_destroy(handle), 0);
	return finish();
}
