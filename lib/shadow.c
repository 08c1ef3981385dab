// SPDX-License-Identifier: LGPL-2.1-only
/* Shadows: their names, handles, rights and properties. */
#include <stdlib.h>
#include <unistd.h>

#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_NAME_LEN == SHK_NAME_LEN, "uapi");
_Static_assert(SHADOWK_ASYNC_INHERIT == SHK_ASYNC_INHERIT, "uapi");
_Static_assert(SHADOWK_ASYNC_OWNER == SHK_ASYNC_OWNER, "uapi");
_Static_assert(SHADOWK_ASYNC_CAUSAL == SHK_ASYNC_CAUSAL, "uapi");
_Static_assert(SHADOWK_ASYNC_UNION == SHK_ASYNC_UNION, "uapi");
_Static_assert(SHADOWK_RIGHT_ATTACH == SHK_RIGHT_ATTACH, "uapi");
_Static_assert(SHADOWK_RIGHT_READ == SHK_RIGHT_READ, "uapi");

int shk_name_check(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789._:-";
	size_t len = strspn(name, allowed);

	if (!len || name[len] || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	return len < SHADOWK_NAME_LEN ? 0 : -ENAMETOOLONG;
}

int shadowk_name_check(const char *name)
{
	int err = shk_name_check(name);

	return shk_return(err, err == -EINVAL ? SHADOWK_REASON_NAME_INVALID : 0);
}

int shk_name_set(char to[SHADOWK_NAME_LEN], const char *name)
{
	int err = shadowk_name_check(name);

	if (!err)
		memcpy(to, name, strlen(name));
	return err;
}

/* Allocates before the ioctl, so that nothing fails after a shadow was created. */
int shk_shadow_get(int fd, unsigned long request, void *arg, struct shadowk_shadow **shadow)
{
	struct shadowk_shadow *made = malloc(sizeof(*made));

	if (!made)
		return shk_return(-ENOMEM, 0);
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
	int err = name && *name ? shk_name_set(arg.name, name) : 0;

	return err ? err : shk_shadow_get(dev->fd, SHK_SHADOW_CREATE, &arg, shadow);
}

int shadowk_shadow_open(struct shadowk *dev, const char *name, struct shadowk_shadow **shadow)
{
	struct shk_shadow_open arg = { .size = sizeof(arg) };
	int err = shk_name_set(arg.name, name);

	return err ? err : shk_shadow_get(dev->fd, SHK_SHADOW_OPEN, &arg, shadow);
}

int shadowk_shadow_open_id(struct shadowk *dev, uint64_t id, struct shadowk_shadow **shadow)
{
	struct shk_shadow_open arg = { .size = sizeof(arg), .id = id };

	return shk_shadow_get(dev->fd, SHK_SHADOW_OPEN, &arg, shadow);
}

int shadowk_shadow_from_fd(int fd, struct shadowk_shadow **shadow)
{
	struct shk_info device = { .size = sizeof(device) };
	struct shadowk_shadow_info info;
	struct shadowk_shadow *made;
	uint64_t cursor = 0;
	int ret;

	/* The device accepts SHK_SHADOW_LIST, too. Only a handle refuses SHK_INFO. */
	if (!shk_ioctl(fd, SHK_INFO, &device))
		return shk_return(-ENOTTY, 0);
	ret = shk_list(fd, SHK_SHADOW_LIST, &cursor, &info, sizeof(info), 1);
	if (ret < 0)
		return ret;
	made = malloc(sizeof(*made));
	if (!made)
		return shk_return(-ENOMEM, 0);
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

SHK_SAME_SIZE(shadowk_shadow_info, shk_shadow_info);
SHK_SAME(shadowk_shadow_info, shk_shadow_info, id);
SHK_SAME(shadowk_shadow_info, shk_shadow_info, target);
SHK_SAME(shadowk_shadow_info, shk_shadow_info, flags);
SHK_SAME(shadowk_shadow_info, shk_shadow_info, nr_grafts);
SHK_SAME(shadowk_shadow_info, shk_shadow_info, nr_probes);
SHK_SAME(shadowk_shadow_info, shk_shadow_info, private_pages);
SHK_SAME(shadowk_shadow_info, shk_shadow_info, diverged_ranges);
SHK_SAME(shadowk_shadow_info, shk_shadow_info, huge_ranges);
SHK_SAME(shadowk_shadow_info, shk_shadow_info, nr_handles);
SHK_SAME(shadowk_shadow_info, shk_shadow_info, memory);
SHK_SAME(shadowk_shadow_info, shk_shadow_info, nr_unfollowed);
SHK_SAME(shadowk_shadow_info, shk_shadow_info, name);

int shadowk_shadow_list(struct shadowk *dev, uint64_t *cursor, struct shadowk_shadow_info *shadows,
			size_t element_size, size_t nr)
{
	return shk_list(dev->fd, SHK_SHADOW_LIST, cursor, shadows, element_size, nr);
}

int shadowk_shadow_info(struct shadowk_shadow *shadow, struct shadowk_shadow_info *info,
			size_t size)
{
	uint64_t cursor = 0;
	int ret = shk_list(shadow->fd, SHK_SHADOW_LIST, &cursor, info, size, 1);

	return ret < 0 ? ret : 0;
}

int shadowk_shadow_destroy(struct shadowk_shadow *shadow)
{
	struct shk_shadow_destroy arg = { .size = sizeof(arg) };

	return shk_ioctl(shadow->fd, SHK_SHADOW_DESTROY, &arg);
}

int shadowk_handle_derive(struct shadowk_shadow *shadow, uint32_t rights,
			  struct shadowk_shadow **derived, uint64_t *id)
{
	struct shk_handle_derive arg = { .size = sizeof(arg), .rights = rights };
	int err = shk_shadow_get(shadow->fd, SHK_HANDLE_DERIVE, &arg, derived);

	if (!err && id)
		*id = arg.id;
	return err;
}

int shadowk_handle_revoke(struct shadowk_shadow *shadow, uint64_t id)
{
	struct shk_handle_revoke arg = { .size = sizeof(arg), .id = id };

	return shk_ioctl(shadow->fd, SHK_HANDLE_REVOKE, &arg);
}
