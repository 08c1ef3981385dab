/* SPDX-License-Identifier: GPL-2.0-only */
/* All calls, for the tests of what holds for every one of them. */
#ifndef SHADOWK_TEST_CALLS_H
#define SHADOWK_TEST_CALLS_H

#include <stddef.h>
#include <sys/mman.h>

#include "uapi.h"

struct part {
	size_t offset, len;
};

struct one_call {
	const char *name;
	unsigned long nr;
	bool on_handle;
	uint32_t size;
	uint32_t flags;	     /* that are known */
	size_t reserved;     /* offset of that member; 0: there is none */
	size_t element;	     /* of a list: size of its elements */
	struct part outs[3]; /* members that are out only, besides @reason and @busy */
	void (*fill)(void *arg);
	long result; /* of a filled, good argument: an ERROR(), or 0 for any success */
};

/*
 * Where lists write their elements. Behind it is a page that faults: no list, however spoiled its
 * argument is, writes to other memory of the test.
 */
#define ELEMENTS_LEN 65536

static inline void *elements_room(void)
{
	static char *room;

	if (!room) {
		char *map = mmap(NULL, ELEMENTS_LEN + 2 * 4096, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		need(map != MAP_FAILED);
		need(!mprotect(map + ELEMENTS_LEN, 2 * 4096, PROT_NONE));
		room = map;
	}
	return room;
}

/* A descriptor of a process that has exited and was waited for. */
static inline int pidfd_exited(void)
{
	static int fd = -1;

	if (fd < 0) {
		pid_t pid = fork();

		need(pid >= 0);
		if (!pid)
			_exit(0);
		fd = pidfd_of(pid);
		need(waitpid(pid, NULL, 0) == pid);
	}
	return fd;
}

/* So that no descriptor or memory appears later, between two looks at the state. */
static void __attribute__((constructor)) calls_prepare(void)
{
	elements_room();
	pidfd_exited();
}

static inline void fill_nothing(void *arg)
{
}

/* Room for one element: the size of an element depends on the list. */
static inline void fill_list(void *arg)
{
	struct shk_list *list = arg;

	list->element_size = 8;
	list->nr = 1;
	list->elements = (uintptr_t)elements_room();
}

static inline void fill_open(void *arg)
{
	strcpy(((struct shk_shadow_open *)arg)->name, "uapi");
}

static inline void fill_derive(void *arg)
{
	((struct shk_handle_derive *)arg)->rights = SHK_RIGHT_READ;
}

static inline void fill_revoke(void *arg)
{
	((struct shk_handle_revoke *)arg)->id = 123456;
}

static inline void fill_exited(void *arg)
{
	((struct shk_process *)arg)->pidfd = pidfd_exited();
}

static inline void fill_self(void *arg)
{
	((struct shk_process *)arg)->flags = SHK_PROCESS_SELF;
}

static inline void fill_add(void *arg)
{
	struct shk_probe_add *add = arg;

	add->kind = SHK_PROBE_COUNT;
	strcpy(add->symbol, "vfs_read");
}

/* The element of an array of probes: one for each call, since calls write to it. */
static inline struct shk_probe_add *probe_element(void)
{
	struct shk_probe_add *element = elements_room();

	memset(element, 0, sizeof(*element));
	element->size = sizeof(*element);
	fill_add(element);
	return element;
}

static inline void fill_add_many(void *arg)
{
	struct shk_probes_add *add = arg;

	add->element_size = sizeof(struct shk_probe_add);
	add->nr = 1;
	add->elements = (uintptr_t)probe_element();
}

static inline void fill_remove_many(void *arg)
{
	struct shk_probes_remove *remove = arg;
	__u64 *id = elements_room();

	*id = 123456;
	remove->nr = 1;
	remove->ids = (uintptr_t)id;
}

static inline void fill_remove(void *arg)
{
	((struct shk_probe_remove *)arg)->id = 123456;
}

static inline void fill_patch(void *arg)
{
	struct shk_patch_add *add = arg;

	add->kind = SHK_PATCH_NOP;
	strcpy(add->function.symbol, "vfs_read");
}

static inline void fill_text(void *arg)
{
	strcpy(((struct shk_text_read *)arg)->symbol, "vfs_read");
}

static inline void fill_no_fd(void *arg)
{
	((struct shk_cgroup *)arg)->fd = -1;
}

/* The shadow is not SHK_ASYNC_OWNER, so it owns nothing. */
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

static inline void fill_capture(void *arg)
{
	((struct shk_capture *)arg)->target = -1;
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

/* clang-format off */
#define CALL(nr, type, ...) { #nr, nr, .size = sizeof(struct type), __VA_ARGS__ }
#define LIST(nr, type, ...) \
	{ #nr, nr, .size = sizeof(struct shk_list), .element = sizeof(struct type), \
	  .fill = fill_list, __VA_ARGS__ }
#define OUT(type, member) { offsetof(struct type, member), sizeof(((struct type *)0)->member) }
#define RESERVED(type) .reserved = offsetof(struct type, reserved)

static const struct one_call calls[] = {
	/* On the device. */
	CALL(SHK_INFO, shk_info, .fill = fill_nothing,
	     .outs = { { offsetof(struct shk_info, features),
			 sizeof(struct shk_info) - offsetof(struct shk_info, features) } }),
	LIST(SHK_PROPERTY_LIST, shk_property),
	CALL(SHK_SHADOW_CREATE, shk_shadow_create, .fill = fill_nothing,
	     .flags = SHK_ASYNC_INHERIT | SHK_ASYNC_OWNER | SHK_ASYNC_CAUSAL | SHK_ASYNC_UNION),
	CALL(SHK_SHADOW_OPEN, shk_shadow_open, .fill = fill_open),
	LIST(SHK_SHADOW_LIST, shk_shadow_info),
	CALL(SHK_PROCESS_DETACH, shk_process, RESERVED(shk_process), .flags = SHK_PROCESS_SELF,
	     .fill = fill_self, .result = ERROR(ENOENT, SHK_REASON_NOT_INSIDE)),
	CALL(SHK_PROCESS_INFO, shk_process_info, RESERVED(shk_process_info),
	     .flags = SHK_PROCESS_SELF, .fill = fill_self,
	     .outs = { OUT(shk_process_info, shadow), OUT(shk_process_info, name) },
	     .result = ERROR(ENOENT, SHK_REASON_NOT_INSIDE)),
	CALL(SHK_CGROUP_DETACH, shk_cgroup, RESERVED(shk_cgroup), .fill = fill_no_fd,
	     .result = ERROR(EBADF, SHK_REASON_NOT_CGROUP)),

	/* On a handle. */
	LIST(SHK_SHADOW_LIST, shk_shadow_info, .on_handle = true),
	CALL(SHK_HANDLE_DERIVE, shk_handle_derive, RESERVED(shk_handle_derive), .on_handle = true,
	     .fill = fill_derive, .outs = { OUT(shk_handle_derive, id) }),
	CALL(SHK_HANDLE_REVOKE, shk_handle_revoke, .on_handle = true, .fill = fill_revoke,
	     .result = ERROR(ENOENT, SHK_REASON_ID_UNKNOWN)),
	CALL(SHK_PROCESS_DETACH, shk_process, RESERVED(shk_process), .on_handle = true,
	     .flags = SHK_PROCESS_SELF, .fill = fill_self,
	     .result = ERROR(ENOENT, SHK_REASON_NOT_INSIDE)),
	CALL(SHK_PROCESS_ATTACH, shk_process, RESERVED(shk_process), .on_handle = true,
	     .flags = SHK_PROCESS_SELF, .fill = fill_exited,
	     .result = ERROR(ESRCH, SHK_REASON_PROCESS_EXITED)),
	LIST(SHK_PROCESS_LIST, shk_process_entry, .on_handle = true),
	CALL(SHK_LEAVE, shk_enter, .on_handle = true, .fill = fill_nothing,
	     .result = ERROR(ENOENT, SHK_REASON_NO_STRETCH)),
	CALL(SHK_CGROUP_DETACH, shk_cgroup, RESERVED(shk_cgroup), .on_handle = true,
	     .fill = fill_no_fd, .result = ERROR(EBADF, SHK_REASON_NOT_CGROUP)),
	CALL(SHK_CGROUP_ATTACH, shk_cgroup, RESERVED(shk_cgroup), .on_handle = true,
	     .fill = fill_no_fd, .result = ERROR(EBADF, SHK_REASON_NOT_CGROUP)),
	CALL(SHK_CGROUP_SPLIT, shk_cgroup_split, RESERVED(shk_cgroup_split), .on_handle = true,
	     .fill = fill_split, .result = ERROR(EBADF, SHK_REASON_NOT_HANDLE)),
	LIST(SHK_CGROUP_LIST, shk_cgroup_entry, .on_handle = true),
	CALL(SHK_OWN, shk_own_arg, .on_handle = true, .fill = fill_own,
	     .result = ERROR(EOPNOTSUPP, SHK_REASON_POLICY)),
	CALL(SHK_DISOWN, shk_own_arg, .on_handle = true, .fill = fill_own,
	     .result = ERROR(ENOENT, SHK_REASON_NOT_OWNED)),
	LIST(SHK_OWN_LIST, shk_own_info, .on_handle = true),
	CALL(SHK_PROBE_ADD, shk_probe_add, RESERVED(shk_probe_add), .on_handle = true,
	     .flags = SHK_PROBE_RETURN | SHK_PROBE_FORCE_INT3 | SHK_PROBE_BELOW |
		      SHK_PROBE_TRACEPOINT,
	     .fill = fill_add,
	     .outs = { OUT(shk_probe_add, id) }),
	CALL(SHK_PROBE_REMOVE, shk_probe_remove, .on_handle = true, .fill = fill_remove,
	     .result = ERROR(ENOENT, SHK_REASON_ID_UNKNOWN)),
	CALL(SHK_PROBES_ADD, shk_probes_add, .on_handle = true, .flags = SHK_PROBES_SKIP,
	     .fill = fill_add_many, .outs = { OUT(shk_probes_add, nr_done) }),
	CALL(SHK_PROBES_REMOVE, shk_probes_remove, RESERVED(shk_probes_remove), .on_handle = true,
	     .fill = fill_remove_many, .outs = { OUT(shk_probes_remove, nr_done) }),
	LIST(SHK_PROBE_LIST, shk_probe_info, .on_handle = true),
	/* Its other flags are for other kinds of patches: see uapi_patch_places. */
	CALL(SHK_PATCH_ADD, shk_patch_add, RESERVED(shk_patch_add), .on_handle = true,
	     .flags = SHK_PATCH_IN_PLACE, .fill = fill_patch,
	     .outs = { OUT(shk_patch_add, id), OUT(shk_patch_add, subject) }),
	CALL(SHK_PATCH_REMOVE, shk_patch_remove, .on_handle = true, .flags = SHK_PATCH_UNSAFE_NOW,
	     .fill = fill_patch_remove, .result = ERROR(ENOENT, SHK_REASON_ID_UNKNOWN)),
	CALL(SHK_PATCH_PROMOTE, shk_patch_promote, .on_handle = true, .fill = fill_patch_remove,
	     .result = ERROR(ENOENT, SHK_REASON_ID_UNKNOWN)),
	LIST(SHK_PATCH_LIST, shk_patch_info, .on_handle = true),
	CALL(SHK_CAPTURE, shk_capture, RESERVED(shk_capture), .on_handle = true,
	     .flags = SHK_CAPTURE_WORKLOAD,
	     .fill = fill_capture, .result = ERROR(EBADF, SHK_REASON_NOT_HANDLE)),
	CALL(SHK_RAW_ADD, shk_raw_add, .on_handle = true, .flags = SHK_RAW_IDENTITY,
	     .fill = fill_raw, .outs = { OUT(shk_raw_add, id) }),
	CALL(SHK_RAW_REMOVE, shk_raw_remove, .on_handle = true, .fill = fill_remove_raw,
	     .result = ERROR(ENOENT, SHK_REASON_ID_UNKNOWN)),
	LIST(SHK_RAW_LIST, shk_raw_info, .on_handle = true),
	LIST(SHK_EDIT_LIST, shk_edit_info, .on_handle = true),
	CALL(SHK_TEXT_READ, shk_text_read, RESERVED(shk_text_read), .on_handle = true,
	     .fill = fill_text,
	     .outs = { OUT(shk_text_read, symbol_len), OUT(shk_text_read, len),
		       { offsetof(struct shk_text_read, base), 2 * SHK_TEXT_LEN } }),
	CALL(SHK_SYSCALLS_CREATE, shk_syscalls, RESERVED(shk_syscalls), .on_handle = true,
	     .fill = fill_syscalls, .outs = { OUT(shk_syscalls, nr) }),
	CALL(SHK_ENTER, shk_enter, .on_handle = true, .flags = SHK_THREAD, .fill = fill_nothing),
	/* Last, since it destroys the shadow. */
	CALL(SHK_SHADOW_DESTROY, shk_shadow_destroy, .on_handle = true, .fill = fill_nothing),
};
/* clang-format on */

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

/* Undoes a call that returned @ret. */
static inline void undo(const struct one_call *c, int fd, const void *arg, long ret)
{
	if (ret < 0)
		return;
	switch (c->nr) {
	case SHK_SHADOW_CREATE:
	case SHK_SHADOW_OPEN:
	case SHK_HANDLE_DERIVE:
	case SHK_SYSCALLS_CREATE:
		close((int)ret);
		break;
	case SHK_ENTER:
		leave(fd);
		break;
	case SHK_PROBE_ADD:
		probe_remove(fd, ((const struct shk_probe_add *)arg)->id);
		break;
	case SHK_PROBES_ADD:
		probe_remove(fd, ((const struct shk_probe_add *)elements_room())->id);
		break;
	case SHK_PATCH_ADD:
		patch_remove(fd, ((const struct shk_patch_add *)arg)->id);
		break;
	case SHK_RAW_ADD:
		raw_remove(fd, ((const struct shk_raw_add *)arg)->id);
		break;
	}
}

static inline long call_and_undo(const struct one_call *c, int fd, void *arg)
{
	long ret = call(fd, c->nr, arg);

	undo(c, fd, arg, ret);
	return ret;
}

/* As call_raw(): returns -errno, for pointers of all sorts. */
static inline long call_raw_and_undo(const struct one_call *c, int fd, void *arg)
{
	long ret = call_raw(fd, c->nr, arg);

	undo(c, fd, arg, ret);
	return ret;
}

/* The first such call of a shadow allocates what lives as long as the shadow. */
static inline bool allocates_once(const struct one_call *c)
{
	return c->nr == SHK_PROBE_ADD || c->nr == SHK_PROBES_ADD || c->nr == SHK_ENTER ||
	       c->nr == SHK_SYSCALLS_CREATE;
}

static inline void expect_call(const struct one_call *c, const char *what, long got, long want)
{
	if (got == want || (!want && got >= 0))
		return;
	printf("%s, %s: %s, expected %s\n", c->name, what, outcome(got), outcome(want));
	failures++;
}

#endif /* SHADOWK_TEST_CALLS_H */
