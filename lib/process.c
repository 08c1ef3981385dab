// SPDX-License-Identifier: LGPL-2.1-only
/* Processes: into a shadow, out of it, for a while, and who is inside. */
#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_THREAD == SHK_THREAD, "uapi");

_Thread_local pid_t shk_busy;

pid_t shadowk_busy(void)
{
	return shk_busy;
}

static int process_call(int fd, unsigned long request, pid_t pid)
{
	struct shk_process arg = { .size = sizeof(arg), .pid = pid };
	int err = shk_ioctl(fd, request, &arg);

	shk_busy = arg.busy;
	return err;
}

int shadowk_process_attach(struct shadowk_shadow *shadow, pid_t pid)
{
	return process_call(shadow->fd, SHK_PROCESS_ATTACH, pid);
}

int shadowk_process_detach(struct shadowk *dev, pid_t pid)
{
	return process_call(dev->fd, SHK_PROCESS_DETACH, pid);
}

int shadowk_process_detach_from(struct shadowk_shadow *shadow, pid_t pid)
{
	return process_call(shadow->fd, SHK_PROCESS_DETACH, pid);
}

/* A handler that ran meanwhile is no reason not to go on: the call did nothing. */
static int enter_call(const struct shadowk_shadow *shadow, unsigned long request, uint32_t flags)
{
	struct shk_enter arg = { .size = sizeof(arg), .flags = flags };
	int err;

	do {
		arg.busy = 0;
		err = shk_ioctl(shadow->fd, request, &arg);
	} while (err == -EINTR);
	shk_busy = arg.busy;
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

int shadowk_process_info(struct shadowk *dev, pid_t pid, struct shadowk_process_info *info)
{
	struct shk_process_info in = { .size = sizeof(in), .pid = pid };
	struct shadowk_process_info out = { .size = sizeof(out) };
	int err;

	if (!shk_size_ok(info, name))
		return -EINVAL;
	err = shk_ioctl(dev->fd, SHK_PROCESS_INFO, &in);
	if (err < 0)
		return err;
	out.shadow = in.shadow;
	memcpy(out.name, in.name, sizeof(out.name));
	shk_copy_out(info, &out, sizeof(out));
	return 0;
}

int shadowk_process_next(struct shadowk_shadow *shadow, struct shadowk_process *process)
{
	struct shk_process_next in = { .size = sizeof(in), .cursor = process->cursor };
	struct shadowk_process out = { .size = sizeof(out) };
	int err;

	_Static_assert(sizeof(in.comm) == sizeof(out.comm), "uapi");
	if (!shk_size_ok(process, comm))
		return -EINVAL;
	err = shk_ioctl(shadow->fd, SHK_PROCESS_NEXT, &in);
	if (err < 0)
		return err == -ENOENT ? 0 : err;
	out.cursor = in.cursor;
	out.pid = in.pid;
	memcpy(out.comm, in.comm, sizeof(out.comm));
	shk_copy_out(process, &out, sizeof(out));
	return 1;
}
