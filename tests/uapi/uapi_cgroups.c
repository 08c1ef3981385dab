// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* Which descriptors are cgroups, which cgroups can be attached and detached, and what they hold. */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "uapi.h"

#define ROOT "/sys/fs/cgroup"
#define HERE ROOT "/uapi"

static long cgroup_call(int fd, unsigned long nr, int cgroup)
{
	return call(fd, nr,
		    &(struct shk_cgroup){ .size = sizeof(struct shk_cgroup), .fd = cgroup });
}

static int folder(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	need(fd >= 0);
	return fd;
}

static void no_cgroups(int dev, int handle)
{
	int others[] = { -1,
			 12345,
			 dev,
			 handle,
			 folder("/proc"),
			 open("/dev/null", O_RDONLY | O_CLOEXEC),
			 open(ROOT "/cgroup.procs", O_RDONLY | O_CLOEXEC) };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		expect(cgroup_call(handle, SHK_CGROUP_ATTACH, others[i]), -EBADF);
		expect(cgroup_call(handle, SHK_CGROUP_DETACH, others[i]), -EBADF);
		expect(cgroup_call(dev, SHK_CGROUP_DETACH, others[i]), -EBADF);
	}
}

static void removed(int dev, int handle)
{
	int cgroup;

	need(!mkdir(HERE, 0755));
	cgroup = folder(HERE);
	need(!rmdir(HERE));
	expect(cgroup_call(handle, SHK_CGROUP_ATTACH, cgroup), -ENOENT);
	expect(cgroup_call(dev, SHK_CGROUP_DETACH, cgroup), -ENOENT);
	close(cgroup);
}

static void one_at_a_time(int dev, int handle)
{
	struct shk_cgroup_next next = { .size = sizeof(next) };
	int other = (int)shadow_create(dev, ""), cgroup, again;

	need(!mkdir(HERE, 0755));
	cgroup = folder(HERE);
	again = open(HERE, O_RDONLY | O_CLOEXEC);
	expect(call(handle, SHK_CGROUP_NEXT, &next), -ENOENT);
	expect(cgroup_call(dev, SHK_CGROUP_DETACH, cgroup), -ENOENT);
	expect(cgroup_call(handle, SHK_CGROUP_ATTACH, cgroup), 0);
	expect(cgroup_call(handle, SHK_CGROUP_ATTACH, again), 0);
	expect(cgroup_call(other, SHK_CGROUP_ATTACH, again), -EBUSY);
	expect(cgroup_call(other, SHK_CGROUP_DETACH, cgroup), -ENOENT);
	expect(call(other, SHK_CGROUP_NEXT, &next), -ENOENT);
	expect(call(handle, SHK_CGROUP_NEXT, &next), 0);
	expect(strcmp(next.path, "/uapi"), 0);
	expect(call(handle, SHK_CGROUP_NEXT, &next), -ENOENT);
	expect(shadow_destroy(handle), -EBUSY);
	expect(cgroup_call(handle, SHK_CGROUP_DETACH, again), 0);
	expect(cgroup_call(other, SHK_CGROUP_ATTACH, cgroup), 0);
	expect(cgroup_call(dev, SHK_CGROUP_DETACH, cgroup), 0);
	expect(shadow_destroy(other), 0);
	expect(cgroup_call(other, SHK_CGROUP_ATTACH, cgroup), -ESTALE);
	close(other);
	close(again);
	close(cgroup);
	need(!rmdir(HERE));
}

static long split(int handle, int other, int cgroup, uint32_t percent)
{
	struct shk_cgroup_split arg = {
		.size = sizeof(arg),
		.fd = cgroup,
		.other = other,
		.percent = percent,
	};

	return call(handle, SHK_CGROUP_SPLIT, &arg);
}

static void two_shadows(int dev, int handle)
{
	struct shk_cgroup_next next = { .size = sizeof(next) };
	int other = (int)shadow_create(dev, ""), cgroup;

	need(!mkdir(HERE, 0755));
	cgroup = folder(HERE);
	expect(split(handle, other, cgroup, 0), -EINVAL);
	expect(split(handle, other, cgroup, 100), -EINVAL);
	expect(split(handle, handle, cgroup, 50), -EINVAL);
	expect(split(handle, dev, cgroup, 50), -EBADFD);
	expect(split(handle, cgroup, cgroup, 50), -EBADFD);
	expect(split(handle, -1, cgroup, 50), -EBADFD);
	expect(split(handle, other, dev, 50), -EBADF);
	expect(split(handle, other, cgroup, 10), 0);
	expect(split(handle, other, cgroup, 10), 0);
	expect(split(handle, other, cgroup, 11), -EBUSY);
	expect(split(other, handle, cgroup, 10), -EBUSY);
	expect(cgroup_call(handle, SHK_CGROUP_ATTACH, cgroup), -EBUSY);
	expect(call(handle, SHK_CGROUP_NEXT, &next), 0);
	expect(next.percent, 90);
	next.cursor = 0;
	expect(call(other, SHK_CGROUP_NEXT, &next), 0);
	expect(next.percent, 10);
	expect(shadow_destroy(other), -EBUSY);
	expect(cgroup_call(other, SHK_CGROUP_DETACH, cgroup), 0);
	expect(shadow_destroy(other), 0);
	expect(split(handle, other, cgroup, 10), -ESTALE);
	close(other);
	close(cgroup);
	need(!rmdir(HERE));
}

int main(void)
{
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");

	need(handle >= 0);
	if (access(ROOT "/cgroup.procs", F_OK))
		need(!mount("cgroup2", ROOT, "cgroup2", 0, NULL));
	no_cgroups(dev, handle);
	removed(dev, handle);
	one_at_a_time(dev, handle);
	two_shadows(dev, handle);
	expect(shadow_destroy(handle), 0);
	return finish();
}
