// SPDX-License-Identifier: LGPL-2.1-only
/* The device: the way to everything that has no handle yet. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_FEATURE_PROCESS == SHK_FEATURE_PROCESS, "uapi");
_Static_assert(SHADOWK_FEATURE_PROBE == SHK_FEATURE_PROBE, "uapi");
_Static_assert(SHADOWK_FEATURE_SYSCALLS == SHK_FEATURE_SYSCALLS, "uapi");
_Static_assert(SHADOWK_FEATURE_ENTER == SHK_FEATURE_ENTER, "uapi");

const char *shadowk_version(void)
{
	return SHADOWK_VERSION;
}

int shadowk_open(struct shadowk **dev)
{
	struct shadowk *opened = malloc(sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	opened->fd = open(SHK_DEVICE, O_RDWR | O_CLOEXEC);
	if (opened->fd < 0) {
		int err = errno;

		free(opened);
		/* No node, or a node left behind by a module that is gone. */
		return err == ENOENT || err == ENXIO ? -ENODEV : -err;
	}
	*dev = opened;
	return 0;
}

void shadowk_close(struct shadowk *dev)
{
	if (!dev)
		return;
	close(dev->fd);
	free(dev);
}

int shadowk_info(struct shadowk *dev, struct shadowk_info *info)
{
	struct shk_info in = { .size = sizeof(in) };
	struct shadowk_info out = { .size = sizeof(out) };
	int err;

	if (!shk_size_ok(info, version))
		return -EINVAL;
	err = shk_ioctl(dev->fd, SHK_INFO, &in);
	if (err < 0)
		return err;
	out.features = in.features;
	out.nr_shadows = in.nr_shadows;
	out.nr_grafts = in.nr_grafts;
	out.memory = in.memory;
	memcpy(out.mmu, in.mmu, sizeof(out.mmu));
	memcpy(out.version, in.version, sizeof(out.version));
	shk_copy_out(info, &out, sizeof(out));
	return 0;
}

_Static_assert(SHADOWK_ANSWER_FINE == (int)SHK_ANSWER_FINE, "uapi");
_Static_assert(SHADOWK_ANSWER_ADAPTED == (int)SHK_ANSWER_ADAPTED, "uapi");
_Static_assert(SHADOWK_ANSWER_OFF == (int)SHK_ANSWER_OFF, "uapi");
_Static_assert(SHADOWK_ANSWER_REFUSED == (int)SHK_ANSWER_REFUSED, "uapi");

int shadowk_property_next(struct shadowk *dev, struct shadowk_property *property)
{
	struct shk_property in = { .size = sizeof(in), .cursor = property->cursor };
	struct shadowk_property out = { .size = sizeof(out) };
	int err;

	if (!shk_size_ok(property, detail))
		return -EINVAL;
	err = shk_ioctl(dev->fd, SHK_PROPERTY_NEXT, &in);
	if (err < 0)
		return err == -ENOENT ? 0 : err;
	out.cursor = in.cursor;
	out.answer = in.answer;
	memcpy(out.name, in.name, sizeof(out.name));
	memcpy(out.detail, in.detail, sizeof(out.detail));
	shk_copy_out(property, &out, sizeof(out));
	return 1;
}
