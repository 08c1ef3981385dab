/* SPDX-License-Identifier: GPL-2.0-only */
/* All calls, for the tests of what holds for every one of them. */
#ifndef SHADOWK_TEST_CALLS_H
#define SHADOWK_TEST_CALLS_H

#include <stddef.h>

#include "uapi.h"

struct one_call {
	const char *name;
	unsigned long nr;
	bool on_handle;
	uint32_t size;
	bool answers;	 /* writes to its argument */
	uint32_t flags;	 /* that are known */
	size_t reserved; /* where that member is; 0: nowhere */
	void (*fill)(void *arg);
	long result; /* of a filled, good argument; 0: any success */
};

static inline void fill_nothing(void *arg)
{
}

static inline void fill_open(void *arg)
{
	strcpy(((struct shk_shadow_open *)arg)->name, "uapi");
}

static inline void fill_next(void *arg)
{
	((struct shk_shadow_info *)arg)->id = 1;
}

static inline void fill_dead(void *arg)
{
	((struct shk_process *)arg)->pid = NO_PID;
}

static inline void fill_add(void *arg)
{
	struct shk_probe_add *add = arg;

	add->kind = SHK_PROBE_COUNT;
	strcpy(add->symbol, "vfs_read");
}

static inline void fill_remove(void *arg)
{
	((struct shk_probe_remove *)arg)->id = 123456;
}

static inline void fill_patch(void *arg)
{
	struct shk_patch_add *add = arg;

	add->kind = SHK_PATCH_NOP;
	strcpy(add->symbol, "vfs_read");
}

static inline void fill_text(void *arg)
{
	strcpy(((struct shk_text_info *)arg)->symbol, "vfs_read");
}

static inline void fill_no_fd(void *arg)
{
	((struct shk_cgroup *)arg)->fd = -1;
}

/* The shadow is none that may own anything. */
static inline void fill_own(void *arg)
{
	struct shk_own_arg *own = arg;

	own->kind = SHK_OWN_KTHREAD;
	strcpy(own->pattern, "no_such_thread");
}

static inline void fill_syscalls(void *arg)
{
	((struct shk_syscalls *)arg)->calls[0] = 1;
}

static inline void fill_split(void *arg)
{
	struct shk_cgroup_split *split = arg;

	split->fd = -1;
	split->other = -1;
	split->percent = 50;
}

static inline void fill_patch_remove(void *arg)
{
	((struct shk_patch_remove *)arg)->id = 123456;
}

static inline void fill_remove_raw(void *arg)
{
	((struct shk_raw_remove *)arg)->id = 123456;
}

static inline void fill_raw(void *arg)
{
	struct shk_raw_add *add = arg;

	add->flags = SHK_RAW_IDENTITY;
	strcpy(add->symbol, "vfs_read");
}

#define CALL(nr, type, ...)                                       \
	{                                                         \
#nr, nr, .size = sizeof(struct type), __VA_ARGS__ \
	}

static const struct one_call calls[] = {
	CALL(SHK_INFO, shk_info, .answers = true, .fill = fill_nothing),
	CALL(SHK_PROPERTY_NEXT, shk_property, .answers = true,
	     .reserved = offsetof(struct shk_property, reserved), .fill = fill_nothing),
	CALL(SHK_SHADOW_CREATE, shk_shadow_create,
	     .flags = SHK_ASYNC_INHERIT | SHK_ASYNC_OWNER | SHK_ASYNC_CAUSAL | SHK_ASYNC_UNION |
		      SHK_DELEGABLE,
	     .fill = fill_nothing),
	CALL(SHK_SHADOW_OPEN, shk_shadow_open, .fill = fill_open),
	CALL(SHK_SHADOW_NEXT, shk_shadow_info, .answers = true, .fill = fill_next),
	CALL(SHK_PROCESS_DETACH, shk_process, .answers = true,
	     .reserved = offsetof(struct shk_process, busy), .fill = fill_nothing,
	     .result = -ENOENT),
	CALL(SHK_PROCESS_INFO, shk_process_info, .answers = true,
	     .reserved = offsetof(struct shk_process_info, reserved), .fill = fill_nothing,
	     .result = -ENOENT),
	CALL(SHK_SHADOW_INFO, shk_shadow_info, .on_handle = true, .answers = true,
	     .fill = fill_nothing),
	CALL(SHK_PROCESS_DETACH, shk_process, .on_handle = true, .answers = true,
	     .reserved = offsetof(struct shk_process, busy), .fill = fill_nothing,
	     .result = -ENOENT),
	CALL(SHK_PROCESS_ATTACH, shk_process, .on_handle = true, .answers = true,
	     .reserved = offsetof(struct shk_process, busy), .fill = fill_dead, .result = -ESRCH),
	CALL(SHK_PROCESS_NEXT, shk_process_next, .on_handle = true, .answers = true,
	     .reserved = offsetof(struct shk_process_next, reserved), .fill = fill_nothing,
	     .result = -ENOENT),
	CALL(SHK_LEAVE, shk_enter, .on_handle = true, .answers = true,
	     .reserved = offsetof(struct shk_enter, busy), .fill = fill_nothing, .result = -ENOENT),
	CALL(SHK_CGROUP_DETACH, shk_cgroup, .answers = true,
	     .reserved = offsetof(struct shk_cgroup, busy), .fill = fill_no_fd, .result = -EBADF),
	CALL(SHK_CGROUP_DETACH, shk_cgroup, .on_handle = true, .answers = true,
	     .reserved = offsetof(struct shk_cgroup, busy), .fill = fill_no_fd, .result = -EBADF),
	CALL(SHK_CGROUP_ATTACH, shk_cgroup, .on_handle = true, .answers = true,
	     .reserved = offsetof(struct shk_cgroup, busy), .fill = fill_no_fd, .result = -EBADF),
	CALL(SHK_CGROUP_SPLIT, shk_cgroup_split, .on_handle = true, .answers = true,
	     .reserved = offsetof(struct shk_cgroup_split, busy), .fill = fill_split,
	     .result = -EBADFD),
	CALL(SHK_CGROUP_NEXT, shk_cgroup_next, .on_handle = true, .answers = true,
	     .reserved = offsetof(struct shk_cgroup_next, reserved), .fill = fill_nothing,
	     .result = -ENOENT),
	CALL(SHK_OWN, shk_own_arg, .on_handle = true,
	     .reserved = offsetof(struct shk_own_arg, reserved), .fill = fill_own,
	     .result = -EMEDIUMTYPE),
	CALL(SHK_DISOWN, shk_own_arg, .on_handle = true,
	     .reserved = offsetof(struct shk_own_arg, reserved), .fill = fill_own,
	     .result = -ENOENT),
	CALL(SHK_OWN_NEXT, shk_own_info, .on_handle = true, .answers = true,
	     .reserved = offsetof(struct shk_own_info, reserved), .fill = fill_nothing,
	     .result = -ENOENT),
	CALL(SHK_PROBE_ADD, shk_probe_add, .on_handle = true, .answers = true,
	     .flags = SHK_PROBE_RETURN | SHK_PROBE_FORCE_INT3,
	     .reserved = offsetof(struct shk_probe_add, reserved), .fill = fill_add),
	CALL(SHK_PROBE_REMOVE, shk_probe_remove, .on_handle = true, .fill = fill_remove,
	     .result = -ENOENT),
	CALL(SHK_PROBE_NEXT, shk_probe_info, .on_handle = true, .answers = true,
	     .fill = fill_nothing, .result = -ENOENT),
	/* Its other flags are for other kinds of patches: uapi_patch_places has those. */
	CALL(SHK_PATCH_ADD, shk_patch_add, .on_handle = true, .answers = true,
	     .flags = SHK_PATCH_IN_PLACE, .reserved = offsetof(struct shk_patch_add, busy),
	     .fill = fill_patch),
	CALL(SHK_PATCH_REMOVE, shk_patch_remove, .on_handle = true, .answers = true,
	     .flags = SHK_PATCH_UNSAFE_NOW, .reserved = offsetof(struct shk_patch_remove, busy),
	     .fill = fill_patch_remove, .result = -ENOENT),
	CALL(SHK_PATCH_PROMOTE, shk_patch_promote, .on_handle = true, .fill = fill_patch_remove,
	     .result = -ENOENT),
	CALL(SHK_PATCH_NEXT, shk_patch_info, .on_handle = true, .answers = true,
	     .reserved = offsetof(struct shk_patch_info, reserved), .fill = fill_nothing,
	     .result = -ENOENT),
	CALL(SHK_RAW_ADD, shk_raw_add, .on_handle = true, .answers = true,
	     .flags = SHK_RAW_IDENTITY, .fill = fill_raw),
	CALL(SHK_RAW_REMOVE, shk_raw_remove, .on_handle = true, .fill = fill_remove_raw,
	     .result = -ENOENT),
	CALL(SHK_RAW_NEXT, shk_raw_info, .on_handle = true, .answers = true, .fill = fill_nothing,
	     .result = -ENOENT),
	CALL(SHK_EDIT_NEXT, shk_edit_info, .on_handle = true, .answers = true,
	     .reserved = offsetof(struct shk_edit_info, reserved), .fill = fill_nothing,
	     .result = -ENOENT),
	CALL(SHK_TEXT_READ, shk_text_info, .on_handle = true, .answers = true,
	     .reserved = offsetof(struct shk_text_info, reserved), .fill = fill_text),
	/* Behind SHK_EDIT_NEXT, which has something to tell after them. */
	CALL(SHK_SYSCALLS_CREATE, shk_syscalls, .on_handle = true, .answers = true,
	     .reserved = offsetof(struct shk_syscalls, reserved), .fill = fill_syscalls),
	CALL(SHK_ENTER, shk_enter, .on_handle = true, .answers = true, .flags = SHK_THREAD,
	     .reserved = offsetof(struct shk_enter, busy), .fill = fill_nothing),
	/* Last, for it ends the shadow. */
	CALL(SHK_SHADOW_DESTROY, shk_shadow_destroy, .on_handle = true, .fill = fill_nothing),
};

/* Every argument begins so. */
struct head {
	uint32_t size;
	uint32_t flags;
};

/* A good argument in a buffer of @room zeros. */
static inline void *good_arg(const struct one_call *c, void *buf, size_t room)
{
	memset(buf, 0, room);
	((struct head *)buf)->size = c->size;
	c->fill(buf);
	return buf;
}

static inline int fd_of(const struct one_call *c, int dev, int handle)
{
	return c->on_handle ? handle : dev;
}

/* Make a call that may succeed, and undo what it did. */
static inline long call_and_undo(const struct one_call *c, int fd, void *arg)
{
	long ret = call(fd, c->nr, arg);

	if (ret >= 0 && (c->nr == SHK_SHADOW_CREATE || c->nr == SHK_SHADOW_OPEN ||
			 c->nr == SHK_SYSCALLS_CREATE))
		close((int)ret);
	if (ret >= 0 && c->nr == SHK_ENTER)
		leave(fd);
	if (ret >= 0 && c->nr == SHK_PROBE_ADD)
		probe_remove(fd, ((struct shk_probe_add *)arg)->id);
	if (ret >= 0 && c->nr == SHK_PATCH_ADD)
		patch_remove(fd, ((struct shk_patch_add *)arg)->id);
	if (ret >= 0 && c->nr == SHK_RAW_ADD)
		raw_remove(fd, ((struct shk_raw_add *)arg)->id);
	return ret;
}

/* What a shadow's first such call allocates for good is no leak of the second one. */
static inline bool allocates_once(const struct one_call *c)
{
	return c->nr == SHK_PROBE_ADD || c->nr == SHK_ENTER || c->nr == SHK_SYSCALLS_CREATE;
}

static inline void expect_call(const struct one_call *c, const char *what, long got, long want)
{
	if (got == want || (!want && got >= 0))
		return;
	printf("%s, %s: %s, expected %s\n", c->name, what, outcome(got), outcome(want));
	failures++;
}

#endif /* SHADOWK_TEST_CALLS_H */
