// SPDX-License-Identifier: LGPL-2.1-only
/* Cgroups as a scope: all processes of a cgroup, now and later. */
#include <fcntl.h>
#include <unistd.h>

#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_CGROUP_PATH_LEN == SHK_CGROUP_PATH_LEN, "uapi");

#define MOUNTED "/sys/fs/cgroup"

/*
 * Opens the folder of a cgroup: @path, or if that does not exist, @path below /sys/fs/cgroup.
 * Returns a descriptor or -errno. Does not note a reason.
 */
static int cgroup_open(const char *path)
{
	int mounted, fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	mounted = open(MOUNTED, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mounted < 0)
		return -errno;
	while (*path == '/')
		path++;
	fd = openat(mounted, *path ? path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	close(mounted);
	return fd;
}

static int cgroup_call(int fd, unsigned long request, const char *path)
{
	struct shk_cgroup arg = { .size = sizeof(arg), .fd = cgroup_open(path) };
	int err;

	if (arg.fd < 0)
		return shk_return(arg.fd, 0);
	err = shk_ioctl(fd, request, &arg);
	close(arg.fd);
	return err;
}

int shadowk_cgroup_split(struct shadowk_shadow *shadow, struct shadowk_shadow *other,
			 const char *path, unsigned int percent)
{
	struct shk_cgroup_split arg = {
		.size = sizeof(arg),
		.fd = cgroup_open(path),
		.other = other->fd,
		.percent = percent,
	};
	int err;

	if (arg.fd < 0)
		return shk_return(arg.fd, 0);
	err = shk_ioctl(shadow->fd, SHK_CGROUP_SPLIT, &arg);
	close(arg.fd);
	return err;
}

int shadowk_cgroup_attach(struct shadowk_shadow *shadow, const char *path)
{
	return cgroup_call(shadow->fd, SHK_CGROUP_ATTACH, path);
}

int shadowk_cgroup_detach(struct shadowk *dev, const char *path)
{
	return cgroup_call(dev->fd, SHK_CGROUP_DETACH, path);
}

int shadowk_cgroup_detach_from(struct shadowk_shadow *shadow, const char *path)
{
	return cgroup_call(shadow->fd, SHK_CGROUP_DETACH, path);
}

SHK_SAME_SIZE(shadowk_cgroup, shk_cgroup_entry);
SHK_SAME(shadowk_cgroup, shk_cgroup_entry, id);
SHK_SAME(shadowk_cgroup, shk_cgroup_entry, percent);
SHK_SAME(shadowk_cgroup, shk_cgroup_entry, path);

int shadowk_cgroup_list(struct shadowk_shadow *shadow, uint64_t *cursor,
			struct shadowk_cgroup *cgroups, size_t element_size, size_t nr)
{
	return shk_list(shadow->fd, SHK_CGROUP_LIST, cursor, cgroups, element_size, nr);
}
