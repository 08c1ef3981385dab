// SPDX-License-Identifier: LGPL-2.1-only
/* Attaches, detaches and lists processes; begins and ends stretches. */
#include <unistd.h>

#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_THREAD == SHK_THREAD, "uapi");

static int process_call(int fd, unsigned long request, int pidfd, uint32_t flags)
{
	struct shk_process arg = { .size = sizeof(arg), .flags = flags, .pidfd = pidfd };

	return shk_ioctl(fd, request, &arg);
}

/*
 * Makes the ioctl @request for the process of thread @pid, or for the caller's process if @pid is
 * 0. Returns its result, or an error of shk_pidfd_open(), with the reason noted.
 */
static int pid_call(int fd, unsigned long request, pid_t pid)
{
	int pidfd, ret;

	if (!pid)
		return process_call(fd, request, 0, SHK_PROCESS_SELF);
	pidfd = shk_pidfd_open(pid);
	if (pidfd < 0)
		return pidfd;
	ret = process_call(fd, request, pidfd, 0);
	close(pidfd);
	return ret;
}

int shadowk_process_attach(struct shadowk_shadow *shadow, pid_t pid)
{
	return pid_call(shadow->fd, SHK_PROCESS_ATTACH, pid);
}

int shadowk_process_attach_pidfd(struct shadowk_shadow *shadow, int pidfd)
{
	return process_call(shadow->fd, SHK_PROCESS_ATTACH, pidfd, 0);
}

int shadowk_process_detach(struct shadowk *dev, pid_t pid)
{
	return pid_call(dev->fd, SHK_PROCESS_DETACH, pid);
}

int shadowk_process_detach_pidfd(struct shadowk *dev, int pidfd)
{
	return process_call(dev->fd, SHK_PROCESS_DETACH, pidfd, 0);
}

int shadowk_process_detach_from(struct shadowk_shadow *shadow, pid_t pid)
{
	return pid_call(shadow->fd, SHK_PROCESS_DETACH, pid);
}

int shadowk_process_detach_from_pidfd(struct shadowk_shadow *shadow, int pidfd)
{
	return process_call(shadow->fd, SHK_PROCESS_DETACH, pidfd, 0);
}

/*
 * Makes the ioctl @request, SHK_ENTER or SHK_LEAVE. Repeats it if a signal has interrupted it,
 * since it has changed nothing then. Returns 0 or another -errno.
 */
static int enter_call(const struct shadowk_shadow *shadow, unsigned long request, uint32_t flags)
{
	struct shk_enter arg = { .size = sizeof(arg), .flags = flags };
	int err;

	do
		err = shk_ioctl(shadow->fd, request, &arg);
	while (err == -EINTR);
	return err;
}

int shadowk_enter(struct shadowk_shadow *shadow)
{
	return enter_call(shadow, SHK_ENTER, 0);
}

int shadowk_enter_flags(struct shadowk_shadow *shadow, uint32_t flags)
{
	return enter_call(shadow, SHK_ENTER, flags);
}

int shadowk_leave(struct shadowk_shadow *shadow)
{
	return enter_call(shadow, SHK_LEAVE, 0);
}

static int info_call(struct shadowk *dev, int pidfd, uint32_t flags,
		     struct shadowk_process_info *info)
{
	struct shk_process_info in = { .size = sizeof(in), .flags = flags, .pidfd = pidfd };
	struct shadowk_process_info out;
	int err = SHK_COPY_IN(&out, info, name);

	if (!err)
		err = shk_ioctl(dev->fd, SHK_PROCESS_INFO, &in);
	if (err < 0)
		return err;
	out.shadow = in.shadow;
	memcpy(out.name, in.name, sizeof(out.name));
	shk_copy_out(info, &out, sizeof(out));
	return 0;
}

int shadowk_process_info(struct shadowk *dev, pid_t pid, struct shadowk_process_info *info)
{
	int pidfd, ret;

	if (!pid)
		return info_call(dev, 0, SHK_PROCESS_SELF, info);
	pidfd = shk_pidfd_open(pid);
	if (pidfd < 0)
		return pidfd;
	ret = info_call(dev, pidfd, 0, info);
	close(pidfd);
	return ret;
}

int shadowk_process_info_pidfd(struct shadowk *dev, int pidfd, struct shadowk_process_info *info)
{
	return info_call(dev, pidfd, 0, info);
}

SHK_SAME_SIZE(shadowk_process, shk_process_entry);
SHK_SAME(shadowk_process, shk_process_entry, pid);
SHK_SAME(shadowk_process, shk_process_entry, comm);

int shadowk_process_list(struct shadowk_shadow *shadow, uint64_t *cursor,
			 struct shadowk_process *processes, size_t element_size, size_t nr)
{
	return shk_list(shadow->fd, SHK_PROCESS_LIST, cursor, processes, element_size, nr);
}
