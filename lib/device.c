// SPDX-License-Identifier: LGPL-2.1-only
/* The device, and the properties of the machine. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_FEATURE_PROCESS == SHK_FEATURE_PROCESS, "uapi");
_Static_assert(SHADOWK_FEATURE_PROBE == SHK_FEATURE_PROBE, "uapi");
_Static_assert(SHADOWK_FEATURE_RAW == SHK_FEATURE_RAW, "uapi");
_Static_assert(SHADOWK_FEATURE_PATCH == SHK_FEATURE_PATCH, "uapi");
_Static_assert(SHADOWK_FEATURE_ENTER == SHK_FEATURE_ENTER, "uapi");
_Static_assert(SHADOWK_FEATURE_CGROUP == SHK_FEATURE_CGROUP, "uapi");
_Static_assert(SHADOWK_FEATURE_SYSCALLS == SHK_FEATURE_SYSCALLS, "uapi");
_Static_assert(SHADOWK_FEATURE_OWN == SHK_FEATURE_OWN, "uapi");
_Static_assert(SHADOWK_FEATURE_DERIVE == SHK_FEATURE_DERIVE, "uapi");
_Static_assert(sizeof(((struct shadowk_info *)0)->mmu) == SHK_MMU_LEN, "uapi");

const char *shadowk_version(void)
{
	return SHADOWK_VERSION;
}

int shadowk_open(struct shadowk **dev)
{
	struct shadowk *opened = malloc(sizeof(*opened));

	if (!opened)
		return shk_return(-ENOMEM, 0);
	opened->fd = open(SHK_DEVICE, O_RDWR | O_CLOEXEC);
	if (opened->fd < 0) {
		int err = errno;

		free(opened);
		/* ENXIO: the node exists, but the module was unloaded. */
		return shk_return(err == ENOENT || err == ENXIO ? -ENODEV : -err, 0);
	}
	*dev = opened;
	return shk_return(0, 0);
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
	struct shadowk_info out;
	int err = SHK_COPY_IN(&out, info, version);

	if (!err)
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

SHK_SAME_SIZE(shadowk_property, shk_property);
SHK_SAME(shadowk_property, shk_property, answer);
SHK_SAME(shadowk_property, shk_property, name);
SHK_SAME(shadowk_property, shk_property, detail);

int shadowk_property_list(struct shadowk *dev, uint64_t *cursor,
			  struct shadowk_property *properties, size_t element_size, size_t nr)
{
	return shk_list(dev->fd, SHK_PROPERTY_LIST, cursor, properties, element_size, nr);
}
