// SPDX-License-Identifier: LGPL-2.1-only
/* Cgroups: all that are in one, now and later. */
#include <fcntl.h>
#include <unistd.h>

#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_CGROUP_PATH_LEN == SHK_CGROUP_PATH_LEN, "uapi");

#define MOUNTED "/sys/fs/cgroup"

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

/* @path is there: what the kernel does not find is -ENODATA. */
static int cgroup_call(int fd, unsigned long request, const char *path)
{
	struct shk_cgroup arg = { .size = sizeof(arg), .fd = cgroup_open(path) };
	int err;

	shk_busy = 0;
	if (arg.fd < 0)
		return arg.fd;
	err = shk_ioctl(fd, request, &arg);
	shk_busy = arg.busy;
	close(arg.fd);
	return err == -ENOENT ? -ENODATA : err;
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

	shk_busy = 0;
	if (arg.fd < 0)
		return arg.fd;
	err = shk_ioctl(shadow->fd, SHK_CGROUP_SPLIT, &arg);
	shk_busy = arg.busy;
	close(arg.fd);
	return err == -ENOENT ? -ENODATA : err;
}

int shadowk_cgroup_attach(struct shadowk_shadow *shadow, const char *path)
{
	return cgroup_call(shadow->fd, SHK_CGROUP_ATTACH, path);
}

int shadowk_cgroup_detach(struct shadowk *dev, const char *path)
{
	return cgroup_call(dev->fd, SHK_CGROUP_DETACH, path);
}

int shadowk_cgroup_next(struct shadowk_shadow *shadow, struct shadowk_cgroup *cgroup)
{
	struct shk_cgroup_next in = { .size = sizeof(in), .cursor = cgroup->cursor };
	struct shadowk_cgroup out = { .size = sizeof(out) };
	int err;

	if (!shk_size_ok(cgroup, percent))
		return -EINVAL;
	err = shk_ioctl(shadow->fd, SHK_CGROUP_NEXT, &in);
	if (err < 0)
		return err == -ENOENT ? 0 : err;
	out.cursor = in.cursor;
	memcpy(out.path, in.path, sizeof(out.path));
	out.percent = in.percent;
	shk_copy_out(cgroup, &out, sizeof(out));
	return 1;
}
