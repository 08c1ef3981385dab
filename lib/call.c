// SPDX-License-Identifier: LGPL-2.1-only
/* ioctls, the reason of an error, and structs whose size differs between releases. */
#include <limits.h>
#include <sys/ioctl.h>

#include <linux/shadowk.h>

#include "internal.h"

/* Highest size that the library accepts, as the kernel does for its arguments. */
#define STRUCT_MAX 4096

_Thread_local struct shk_error shk_error;

uint32_t shadowk_reason(void)
{
	return shk_error.reason;
}

pid_t shadowk_busy(void)
{
	return shk_error.busy;
}

const char *shadowk_error_subject(void)
{
	return shk_error.subject;
}

int shk_return(int ret, uint32_t reason)
{
	shk_error.reason = ret < 0 ? reason : 0;
	shk_error.busy = 0;
	shk_error.subject[0] = '\0';
	return ret;
}

int shk_ioctl(int fd, unsigned long request, void *arg)
{
	/* The head of each argument: size, flags, reason, busy. SAME_HEAD() below checks that. */
	uint32_t *head = arg;
	int ret;

	/* The kernel writes nothing to the argument of a call that it does not know. */
	head[2] = 0;
	head[3] = 0;
	ret = ioctl(fd, request, arg);
	ret = shk_return(ret < 0 ? -errno : ret, head[2]);
	if (ret < 0)
		shk_error.busy = (pid_t)head[3];
	return ret;
}

#define SAME_HEAD(type)                                                                         \
	_Static_assert(offsetof(struct type, size) == 0 && offsetof(struct type, flags) == 4 && \
			       offsetof(struct type, reason) == 8 &&                            \
			       offsetof(struct type, busy) == 12,                               \
		       "uapi")

SAME_HEAD(shk_capture);
SAME_HEAD(shk_cgroup);
SAME_HEAD(shk_cgroup_split);
SAME_HEAD(shk_enter);
SAME_HEAD(shk_handle_derive);
SAME_HEAD(shk_handle_revoke);
SAME_HEAD(shk_info);
SAME_HEAD(shk_list);
SAME_HEAD(shk_own_arg);
SAME_HEAD(shk_patch_add);
SAME_HEAD(shk_patch_promote);
SAME_HEAD(shk_patch_remove);
SAME_HEAD(shk_probe_add);
SAME_HEAD(shk_probe_remove);
SAME_HEAD(shk_process);
SAME_HEAD(shk_process_info);
SAME_HEAD(shk_raw_add);
SAME_HEAD(shk_raw_remove);
SAME_HEAD(shk_shadow_create);
SAME_HEAD(shk_shadow_destroy);
SAME_HEAD(shk_shadow_open);
SAME_HEAD(shk_syscalls);
SAME_HEAD(shk_text_read);

int shk_copy_in(void *to, size_t known, const void *from, size_t least)
{
	const unsigned char *bytes = from;
	size_t size;

	memcpy(&size, from, sizeof(size));
	if (size < least)
		return shk_return(-EINVAL, 0);
	if (size > STRUCT_MAX)
		return shk_return(-E2BIG, 0);
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return shk_return(-E2BIG, 0);
	memset(to, 0, known);
	memcpy(to, from, size < known ? size : known);
	return 0;
}

void shk_copy_out(void *to, const void *from, size_t known)
{
	size_t size;

	memcpy(&size, to, sizeof(size));
	if (size > known)
		memset((char *)to + known, 0, size - known);
	memcpy((char *)to + sizeof(size), (const char *)from + sizeof(size),
	       (size < known ? size : known) - sizeof(size));
}

int shk_list(int fd, unsigned long request, uint64_t *cursor, void *elements, size_t element_size,
	     size_t nr)
{
	struct shk_list arg = {
		.size = sizeof(arg),
		.nr = nr < INT_MAX ? (uint32_t)nr : INT_MAX,
		.cursor = *cursor,
		.elements = (uintptr_t)elements,
	};
	int ret;

	if (element_size > STRUCT_MAX)
		return shk_return(-EINVAL, 0);
	arg.element_size = (uint32_t)element_size;
	ret = shk_ioctl(fd, request, &arg);
	if (ret < 0)
		return ret;
	*cursor = arg.cursor;
	return (int)arg.nr;
}
