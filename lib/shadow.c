// SPDX-License-Identifier: LGPL-2.1-only
/* Shadows: names, handles, and what is known of them. */
#include <stdlib.h>
#include <unistd.h>

#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_NAME_LEN == SHK_NAME_LEN, "uapi");
_Static_assert(SHADOWK_ASYNC_INHERIT == SHK_ASYNC_INHERIT, "uapi");
_Static_assert(SHADOWK_ASYNC_OWNER == SHK_ASYNC_OWNER, "uapi");
_Static_assert(SHADOWK_ASYNC_CAUSAL == SHK_ASYNC_CAUSAL, "uapi");
_Static_assert(SHADOWK_ASYNC_UNION == SHK_ASYNC_UNION, "uapi");
_Static_assert(SHADOWK_DELEGABLE == SHK_DELEGABLE, "uapi");

int shadowk_name_check(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789._:-";
	size_t len = strspn(name, allowed);

	if (!len || name[len] || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	return len < SHADOWK_NAME_LEN ? 0 : -ENAMETOOLONG;
}

/* Allocate first: a shadow that was created must not be lost. */
int shk_shadow_get(int fd, unsigned long request, void *arg, struct shadowk_shadow **shadow)
{
	struct shadowk_shadow *made = malloc(sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->fd = shk_ioctl(fd, request, arg);
	if (made->fd < 0) {
		int err = made->fd;

		free(made);
		return err;
	}
	*shadow = made;
	return 0;
}

int shadowk_shadow_create(struct shadowk *dev, const char *name, struct shadowk_shadow **shadow)
{
	return shadowk_shadow_create_flags(dev, name, 0, shadow);
}

int shadowk_shadow_create_flags(struct shadowk *dev, const char *name, uint32_t flags,
				struct shadowk_shadow **shadow)
{
	struct shk_shadow_create arg = { .size = sizeof(arg), .flags = flags };

	if (name && *name) {
		int err = shadowk_name_check(name);

		if (err)
			return err;
		memcpy(arg.name, name, strlen(name));
	}
	return shk_shadow_get(dev->fd, SHK_SHADOW_CREATE, &arg, shadow);
}

int shadowk_shadow_open(struct shadowk *dev, const char *name, struct shadowk_shadow **shadow)
{
	struct shk_shadow_open arg = { .size = sizeof(arg) };
	int err = shadowk_name_check(name);

	if (err)
		return err;
	memcpy(arg.name, name, strlen(name));
	return shk_shadow_get(dev->fd, SHK_SHADOW_OPEN, &arg, shadow);
}

int shadowk_shadow_from_fd(int fd, struct shadowk_shadow **shadow)
{
	struct shk_shadow_info arg = { .size = sizeof(arg) };
	struct shadowk_shadow *made;
	int err = shk_ioctl(fd, SHK_SHADOW_INFO, &arg);

	if (err < 0)
		return err;
	made = malloc(sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->fd = fd;
	*shadow = made;
	return 0;
}

int shadowk_shadow_fd(const struct shadowk_shadow *shadow)
{
	return shadow->fd;
}

void shadowk_shadow_close(struct shadowk_shadow *shadow)
{
	if (!shadow)
		return;
	close(shadow->fd);
	free(shadow);
}

static int shadow_info(int fd, unsigned long request, uint64_t id, struct shadowk_shadow_info *info)
{
	struct shk_shadow_info in = { .size = sizeof(in), .id = id };
	struct shadowk_shadow_info out = { .size = sizeof(out) };
	int err;

	if (!shk_size_ok(info, name))
		return -EINVAL;
	err = shk_ioctl(fd, request, &in);
	if (err < 0)
		return err;
	out.id = in.id;
	out.nr_grafts = in.nr_grafts;
	out.nr_probes = in.nr_probes;
	out.private_pages = in.private_pages;
	out.diverged_ranges = in.diverged_ranges;
	out.huge_ranges = in.huge_ranges;
	out.memory = in.memory;
	out.nr_unfollowed = in.nr_unfollowed;
	memcpy(out.name, in.name, sizeof(out.name));
	out.flags = in.flags;
	out.target = in.target;
	shk_copy_out(info, &out, sizeof(out));
	return 0;
}

int shadowk_shadow_info(struct shadowk_shadow *shadow, struct shadowk_shadow_info *info)
{
	return shadow_info(shadow->fd, SHK_SHADOW_INFO, 0, info);
}

int shadowk_shadow_next(struct shadowk *dev, struct shadowk_shadow_info *info)
{
	int err = shadow_info(dev->fd, SHK_SHADOW_NEXT, info->id + 1, info);

	return err ? (err == -ENOENT ? 0 : err) : 1;
}

int shadowk_shadow_destroy(struct shadowk_shadow *shadow)
{
	struct shk_shadow_destroy arg = { .size = sizeof(arg) };

	return shk_ioctl(shadow->fd, SHK_SHADOW_DESTROY, &arg);
}
