// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/* A program of release 0.1 that calls the ioctls itself. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi.h"

#include "0.1/linux/shadowk.h"

#define GETPPID "__x64_sys_getppid"

/* A struct of this release does not change its size by another compiler, or in its own header. */
_Static_assert(sizeof(struct shk_info) == 88, "0.1");
_Static_assert(sizeof(struct shk_shadow_create) == 80, "0.1");
_Static_assert(sizeof(struct shk_list) == 40, "0.1");
_Static_assert(sizeof(struct shk_shadow_info) == 128, "0.1");
_Static_assert(sizeof(struct shk_process) == 24, "0.1");
_Static_assert(sizeof(struct shk_probe_add) == 696, "0.1");
_Static_assert(sizeof(struct shk_probe_info) == 1184, "0.1");
_Static_assert(sizeof(struct shk_patch_add) == 1760, "0.1");

static int device;

static long call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static void tells_what_it_is(void)
{
	struct shk_info info = { .size = sizeof(info) };

	expect(call(device, SHK_INFO, &info), 0);
	expect(!!(info.features & SHK_FEATURE_PROCESS), 1);
	expect(!!(info.features & SHK_FEATURE_PROBE), 1);
	expect(!!*info.version, 1);
}

/* A later release's struct: its new members are 0, or not. */
static void knows_what_it_does_not_know(void)
{
	struct {
		struct shk_info info;
		__u64 later;
	} arg = { .info.size = sizeof(arg) };

	expect(call(device, SHK_INFO, &arg), 0);
	arg.later = 1;
	expect(call(device, SHK_INFO, &arg), -E2BIG);
	arg.info.size = sizeof(arg.info) - 1;
	expect(call(device, SHK_INFO, &arg), -EINVAL);
}

static int shadow_create(void)
{
	struct shk_shadow_create create = { .size = sizeof(create), .name = "abi" };
	int shadow = (int)call(device, SHK_SHADOW_CREATE, &create);

	expect(shadow >= 0, 1);
	create.reason = 0;
	expect(call(device, SHK_SHADOW_CREATE, &create), -EEXIST);
	expect(create.reason, 8);
	return shadow;
}

static void probe_add(int shadow)
{
	struct shk_probe_add probe = {
		.size = sizeof(probe),
		.kind = SHK_PROBE_COUNT,
		.name = "ppid",
		.symbol = GETPPID,
	};

	expect(call(shadow, SHK_PROBE_ADD, &probe), 0);
	expect(probe.id, 1);
	strcpy(probe.name, "other");
	strcpy(probe.symbol, "no_such_function_1");
	probe.id = 0;
	expect(call(shadow, SHK_PROBE_ADD, &probe), -ENOENT);
	expect(probe.reason, 80);
}

/* The one element, as a program sees it whose struct has @size bytes. */
static void probe_list(int shadow, __u32 size, __u64 hits)
{
	unsigned char elements[2][4096];
	struct shk_probe_info info = { 0 };
	struct shk_list list = {
		.size = sizeof(list),
		.element_size = size,
		.nr = 2,
		.elements = (__u64)(unsigned long)elements,
	};

	memset(elements, 0xff, sizeof(elements));
	expect(call(shadow, SHK_PROBE_LIST, &list), 0);
	expect(list.nr, 1);
	expect(list.cursor, 0);
	memcpy(&info, elements, size < sizeof(info) ? size : sizeof(info));
	expect(info.id, 1);
	if (size >= sizeof(info)) {
		expect(info.hits, hits);
		expect(strcmp(info.name, "ppid"), 0);
		expect(strcmp(info.symbol, GETPPID), 0);
	}
	for (__u32 i = sizeof(info); i < size; i++)
		expect(elements[0][i], 0);
	expect(elements[size / 4096][size % 4096], 0xff);
}

static void process_attach(int shadow)
{
	struct shk_process process = { .size = sizeof(process), .flags = SHK_PROCESS_SELF };
	int status, pidfd;
	pid_t pid = fork();

	if (!pid) {
		if (call(shadow, SHK_PROCESS_ATTACH, &process))
			_exit(1);
		for (int i = 0; i < 10; i++)
			syscall(SYS_getppid);
		_exit(0);
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	waitpid(pid, &status, 0);
	expect(status, 0);
	process.flags = 0;
	process.pidfd = pidfd;
	expect(call(shadow, SHK_PROCESS_ATTACH, &process), -ESRCH);
	expect(process.reason, 48);
	close(pidfd);
}

static void shadow_destroy(int shadow)
{
	struct shk_shadow_destroy destroy = { .size = sizeof(destroy) };
	struct shk_shadow_open open = { .size = sizeof(open), .name = "abi" };

	expect(call(shadow, SHK_SHADOW_DESTROY, &destroy), 0);
	expect(call(device, SHK_SHADOW_OPEN, &open), -ENOENT);
	expect(open.reason, 32);
}

int main(void)
{
	int shadow;

	device = open(SHK_DEVICE, O_RDWR | O_CLOEXEC);
	expect(device >= 0, 1);
	tells_what_it_is();
	knows_what_it_does_not_know();
	shadow = shadow_create();
	probe_add(shadow);
	process_attach(shadow);
	probe_list(shadow, sizeof(struct shk_probe_info), 10);
	probe_list(shadow, sizeof(struct shk_probe_info) + 100, 10);
	probe_list(shadow, 8, 10);
	shadow_destroy(shadow);
	return failures != 0;
}
