// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Which descriptors are cgroups, which cgroups can be attached, split and detached, and what holds
 * while one is attached.
 */
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

static int move(pid_t pid, const char *cgroup)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	file = fopen(path, "we");
	if (!file)
		return -1;
	fprintf(file, "%d", pid);
	return fclose(file);
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
		expect(cgroup_call(handle, SHK_CGROUP_ATTACH, others[i]),
		       ERROR(EBADF, SHK_REASON_NOT_CGROUP));
		expect(cgroup_call(handle, SHK_CGROUP_DETACH, others[i]),
		       ERROR(EBADF, SHK_REASON_NOT_CGROUP));
		expect(cgroup_call(dev, SHK_CGROUP_DETACH, others[i]),
		       ERROR(EBADF, SHK_REASON_NOT_CGROUP));
	}
}

static void removed(int dev, int handle)
{
	int cgroup;

	need(!mkdir(HERE, 0755));
	cgroup = folder(HERE);
	need(!rmdir(HERE));
	expect(cgroup_call(handle, SHK_CGROUP_ATTACH, cgroup),
	       ERROR(ENOENT, SHK_REASON_CGROUP_REMOVED));
	expect(cgroup_call(dev, SHK_CGROUP_DETACH, cgroup),
	       ERROR(ENOENT, SHK_REASON_CGROUP_REMOVED));
	close(cgroup);
}

static long first_cgroup(int handle, struct shk_cgroup_entry *entry)
{
	return list_first(handle, SHK_CGROUP_LIST, entry, sizeof(*entry));
}

static void one_at_a_time(int dev, int handle)
{
	const long unattached = ERROR(ENOENT, SHK_REASON_CGROUP_UNATTACHED);
	struct shk_cgroup_entry entry;
	int other = (int)shadow_create(dev, ""), cgroup, again;
	struct stat st;

	need(!mkdir(HERE, 0755) && !stat(HERE, &st));
	cgroup = folder(HERE);
	again = open(HERE, O_RDONLY | O_CLOEXEC);
	expect(first_cgroup(handle, &entry), 0);
	expect(cgroup_call(dev, SHK_CGROUP_DETACH, cgroup), unattached);
	expect(cgroup_call(handle, SHK_CGROUP_ATTACH, cgroup), 0);
	expect(cgroup_call(handle, SHK_CGROUP_ATTACH, again), 0);
	expect(cgroup_call(other, SHK_CGROUP_ATTACH, again),
	       ERROR(EBUSY, SHK_REASON_CGROUP_ELSEWHERE));
	expect(cgroup_call(other, SHK_CGROUP_DETACH, cgroup), unattached);
	expect(first_cgroup(other, &entry), 0);
	expect(first_cgroup(handle, &entry), 1);
	expect(strcmp(entry.path, "/uapi"), 0);
	expect((long)entry.id, (long)st.st_ino);
	expect(entry.percent, 100);
	expect(entry.reserved, 0);
	expect(shadow_destroy(handle), ERROR(EBUSY, SHK_REASON_SHADOW_IN_USE));
	expect(cgroup_call(handle, SHK_CGROUP_DETACH, again), 0);
	expect(cgroup_call(other, SHK_CGROUP_ATTACH, cgroup), 0);
	expect(cgroup_call(dev, SHK_CGROUP_DETACH, cgroup), 0);
	expect(shadow_destroy(other), 0);
	expect(cgroup_call(other, SHK_CGROUP_ATTACH, cgroup),
	       ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
	close(other);
	close(again);
	close(cgroup);
	need(!rmdir(HERE));
}

/* A process that a cgroup has bound cannot be detached, nor attached to another shadow. */
static void bound(int dev, int handle)
{
	const long refused = ERROR(EBUSY, SHK_REASON_BOUND_BY_CGROUP);
	int other = (int)shadow_create(dev, ""), cgroup, pidfd;
	pid_t pid;

	need(!mkdir(HERE, 0755));
	cgroup = folder(HERE);
	expect(cgroup_call(handle, SHK_CGROUP_ATTACH, cgroup), 0);
	pid = sleeper();
	pidfd = pidfd_of(pid);
	need(!move(pid, HERE));
	expect(attach(other, pidfd), refused);
	expect(attach(handle, pidfd), 0);
	expect(detach(handle, pidfd), refused);
	expect(detach(dev, pidfd), refused);
	sleeper_end(pid);
	close(pidfd);
	expect(cgroup_call(dev, SHK_CGROUP_DETACH, cgroup), 0);
	expect(shadow_destroy(other), 0);
	close(other);
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
	const long elsewhere = ERROR(EBUSY, SHK_REASON_CGROUP_ELSEWHERE);
	const long no_handle = ERROR(EBADF, SHK_REASON_NOT_HANDLE);
	struct shk_cgroup_entry entry;
	int other = (int)shadow_create(dev, ""), derived, cgroup;

	need(!mkdir(HERE, 0755));
	cgroup = folder(HERE);
	expect(split(handle, other, cgroup, 0), -EINVAL);
	expect(split(handle, other, cgroup, 100), -EINVAL);
	expect(split(handle, other, cgroup, UINT32_MAX), -EINVAL);
	expect(split(handle, handle, cgroup, 50), -EINVAL);
	expect(split(handle, dev, cgroup, 50), no_handle);
	expect(split(handle, cgroup, cgroup, 50), no_handle);
	expect(split(handle, -1, cgroup, 50), no_handle);
	derived = (int)handle_derive(other, SHK_RIGHT_ATTACH | SHK_RIGHT_READ, NULL);
	expect(split(handle, derived, cgroup, 50), ERROR(EACCES, SHK_REASON_RIGHTS));
	close(derived);
	expect(split(handle, other, dev, 50), ERROR(EBADF, SHK_REASON_NOT_CGROUP));
	expect(split(handle, other, cgroup, 10), 0);
	expect(split(handle, other, cgroup, 10), 0);
	expect(split(handle, other, cgroup, 11), elsewhere);
	expect(split(other, handle, cgroup, 10), elsewhere);
	expect(cgroup_call(handle, SHK_CGROUP_ATTACH, cgroup), elsewhere);
	expect(first_cgroup(handle, &entry), 1);
	expect(entry.percent, 90);
	expect(first_cgroup(other, &entry), 1);
	expect(entry.percent, 10);
	expect(shadow_destroy(other), ERROR(EBUSY, SHK_REASON_SHADOW_IN_USE));
	expect(cgroup_call(other, SHK_CGROUP_DETACH, cgroup), 0);
	expect(shadow_destroy(other), 0);
	expect(split(handle, other, cgroup, 10), ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
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
	bound(dev, handle);
	two_shadows(dev, handle);
	expect(shadow_destroy(handle), 0);
	return finish();
}
