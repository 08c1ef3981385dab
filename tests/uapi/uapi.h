/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of /dev/shadowk. They make the ioctls without libshadowk, which would refuse
 * most of their input.
 */
#ifndef SHADOWK_TEST_UAPI_H
#define SHADOWK_TEST_UAPI_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/shadowk.h>

#include "reasons.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NO_PID	      4194304 /* PID_MAX_LIMIT: never given out */
#define SELF	      INT_MIN /* as a pidfd: SHK_PROCESS_SELF */

/*
 * call() returns the errno and the reason of an error in one negative number, so that one
 * comparison asserts both. Without a reason the number is -errno.
 */
#define ERROR(err, reason) (-((long)(reason) << 16 | (err)))
#define ERRNO(error)	   ((int)(-(error)&0xffff))
#define REASON(error)	   ((unsigned int)(-(error) >> 16))

static int failures;

static inline const char *outcome(long value)
{
	static char text[4][64];
	static int turn;
	char *buf = text[turn++ % 4];
	const char *name = value < 0 ? strerrorname_np(ERRNO(value)) : NULL;

	if (!name)
		snprintf(buf, sizeof(text[0]), "%ld", value);
	else if (REASON(value))
		snprintf(buf, sizeof(text[0]), "%s %s", name, reason_name(REASON(value)));
	else
		snprintf(buf, sizeof(text[0]), "%s", name);
	return buf;
}

/* All checks of a test run, so that one failure does not hide the next. */
#define expect(got, want) expect_at(__FILE__, __LINE__, #got, got, want)
#define expect_ok(got)	  expect_ok_at(__FILE__, __LINE__, #got, got)
#define expect_true(what) expect_at(__FILE__, __LINE__, #what, !!(what), 1)
/* Where the kernel or the machine decides which of two refusals comes first. */
#define expect_either(got, one, other)                                    \
	({                                                                \
		long got_ = (got);                                        \
		expect_at(__FILE__, __LINE__, #got, got_,                 \
			  got_ == (other) ? (long)(other) : (long)(one)); \
	})

static inline void __attribute__((unused))
expect_at(const char *file, int line, const char *what, long got, long want)
{
	if (got == want)
		return;
	printf("%s:%d: %s: %s, expected %s\n", file, line, what, outcome(got), outcome(want));
	failures++;
}

static inline long __attribute__((unused))
expect_ok_at(const char *file, int line, const char *what, long got)
{
	if (got < 0) {
		printf("%s:%d: %s: %s\n", file, line, what, outcome(got));
		failures++;
	}
	return got;
}

#define need(what)                                                                                \
	do {                                                                                      \
		if (!(what)) {                                                                    \
			printf("%s:%d: cannot go on without %s: %s\n", __FILE__, __LINE__, #what, \
			       strerror(errno));                                                  \
			exit(1);                                                                  \
		}                                                                                 \
	} while (0)

/* ---- calls ---- */

/* Every argument begins with these members. */
struct head {
	uint32_t size;
	uint32_t flags;
	uint32_t reason;
	int32_t busy;
};

/* call() writes it to @reason and @busy. The kernel ignores it, and overwrites it. */
#define GARBAGE 0x5eadbeef

/* Returns -errno. For arguments that may be unreadable, unwritable, or shorter than struct head. */
static inline long call_raw(int fd, unsigned long nr, void *arg)
{
	int ret = ioctl(fd, nr, arg);

	return ret < 0 ? -errno : ret;
}

/* Checks what holds for @reason and @busy of all calls. Returns @ret, or the ERROR(). */
static inline long head_check(unsigned long nr, const struct head *head, long ret)
{
	const char *wrong = NULL;

	/* The struct has no room for both. */
	if (head->size < sizeof(*head))
		return ret;
	if (head->reason == GARBAGE) {
		/* No such call, or no descriptor: nothing was read or written. */
		if (ret == -ENOTTY || ret == -EBADF)
			return ret;
		wrong = "@reason is not written";
	} else if (ret >= 0) {
		if (head->reason || head->busy)
			wrong = "@reason or @busy is set after success";
	} else {
		ret = ERROR(-ret, head->reason);
		if (head->reason && !reason_has_errno(head->reason, ERRNO(ret)))
			wrong = "@reason does not have this errno";
		else if (!head->busy != (head->reason != SHK_REASON_TASK_BUSY))
			wrong = "@busy is set without SHK_REASON_TASK_BUSY, or not set with it";
	}
	if (wrong) {
		printf("call %#lx: %s: %s, reason %u, busy %d\n", nr, wrong, outcome(ret),
		       head->reason, head->busy);
		failures++;
	}
	return ret;
}

/* Returns what the call does, or the ERROR(). @arg is at least a struct head. */
static inline long call(int fd, unsigned long nr, void *arg)
{
	struct head *head = arg;

	head->reason = GARBAGE;
	head->busy = GARBAGE;
	return head_check(nr, head, call_raw(fd, nr, arg));
}

static inline int device_open(void)
{
	int fd = open(SHK_DEVICE, O_RDWR | O_CLOEXEC);

	need(fd >= 0);
	return fd;
}

static inline struct shk_info module_info(int dev)
{
	struct shk_info info = { .size = sizeof(info) };

	need(!call(dev, SHK_INFO, &info));
	return info;
}

/* Copies as much as fits: a name that fills its array has no NUL, which tests want, too. */
static inline void name_put(char *to, size_t room, const char *name)
{
	for (size_t i = 0; i < room && name[i]; i++)
		to[i] = name[i];
}

static inline long shadow_create(int dev, const char *name)
{
	struct shk_shadow_create arg = { .size = sizeof(arg) };

	name_put(arg.name, sizeof(arg.name), name);
	return call(dev, SHK_SHADOW_CREATE, &arg);
}

static inline long shadow_open(int dev, const char *name)
{
	struct shk_shadow_open arg = { .size = sizeof(arg) };

	name_put(arg.name, sizeof(arg.name), name);
	return call(dev, SHK_SHADOW_OPEN, &arg);
}

static inline long shadow_open_id(int dev, uint64_t id)
{
	struct shk_shadow_open arg = { .size = sizeof(arg), .id = id };

	return call(dev, SHK_SHADOW_OPEN, &arg);
}

static inline long shadow_create_flags(int dev, uint32_t flags)
{
	struct shk_shadow_create arg = { .size = sizeof(arg), .flags = flags };

	return call(dev, SHK_SHADOW_CREATE, &arg);
}

static inline long shadow_destroy(int handle)
{
	return call(handle, SHK_SHADOW_DESTROY,
		    &(struct shk_shadow_destroy){ .size = sizeof(struct shk_shadow_destroy) });
}

/* A descriptor of the process @pid, which need not be alive. */
static inline int pidfd_of(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	need(fd >= 0);
	return fd;
}

static inline struct shk_process process_arg(int pidfd)
{
	return (struct shk_process){
		.size = sizeof(struct shk_process),
		.flags = pidfd == SELF ? SHK_PROCESS_SELF : 0,
		.pidfd = pidfd == SELF ? 0 : pidfd,
	};
}

static inline long attach(int handle, int pidfd)
{
	struct shk_process arg = process_arg(pidfd);

	return call(handle, SHK_PROCESS_ATTACH, &arg);
}

/* @fd: the device or a handle. */
static inline long detach(int fd, int pidfd)
{
	struct shk_process arg = process_arg(pidfd);

	return call(fd, SHK_PROCESS_DETACH, &arg);
}

static inline long process_info(int dev, int pidfd, struct shk_process_info *info)
{
	*info = (struct shk_process_info){
		.size = sizeof(*info),
		.flags = pidfd == SELF ? SHK_PROCESS_SELF : 0,
		.pidfd = pidfd == SELF ? 0 : pidfd,
	};
	return call(dev, SHK_PROCESS_INFO, info);
}

static inline long whereabouts(int dev, int pidfd)
{
	struct shk_process_info info;

	return process_info(dev, pidfd, &info);
}

static inline long enter(int handle)
{
	return call(handle, SHK_ENTER, &(struct shk_enter){ .size = sizeof(struct shk_enter) });
}

static inline long enter_alone(int handle)
{
	return call(handle, SHK_ENTER,
		    &(struct shk_enter){ .size = sizeof(struct shk_enter), .flags = SHK_THREAD });
}

static inline long leave(int handle)
{
	return call(handle, SHK_LEAVE, &(struct shk_enter){ .size = sizeof(struct shk_enter) });
}

/* ---- handles ---- */

static inline long handle_derive(int handle, uint32_t rights, uint64_t *id)
{
	struct shk_handle_derive arg = { .size = sizeof(arg), .rights = rights };
	long fd = call(handle, SHK_HANDLE_DERIVE, &arg);

	if (id)
		*id = arg.id;
	return fd;
}

/* @id: of one derived handle, or 0 for all of the shadow. */
static inline long handle_revoke(int handle, uint64_t id)
{
	struct shk_handle_revoke arg = { .size = sizeof(arg), .id = id };

	return call(handle, SHK_HANDLE_REVOKE, &arg);
}

/* ---- lists ---- */

/*
 * One call. Returns how many of the @room elements it wrote, or the ERROR(). @cursor: in and out as
 * struct shk_list has it.
 */
static inline long list_some(int fd, unsigned long nr, void *elements, size_t element_size,
			     size_t room, uint64_t *cursor)
{
	struct shk_list list = {
		.size = sizeof(list),
		.element_size = (uint32_t)element_size,
		.nr = (uint32_t)room,
		.cursor = *cursor,
		.elements = (uintptr_t)elements,
	};
	long ret = call(fd, nr, &list);

	if (ret < 0)
		return ret;
	expect(ret, 0);
	expect_true(list.nr <= room);
	*cursor = list.cursor;
	return list.nr;
}

/* The list's first element. Returns 1, 0 if the list is empty, or the ERROR(). */
static inline long list_first(int fd, unsigned long nr, void *element, size_t element_size)
{
	uint64_t cursor = 0;

	return list_some(fd, nr, element, element_size, 1, &cursor);
}

/* All elements, to be freed; NULL if there are none. */
static inline void *list_all(int fd, unsigned long nr, size_t element_size, size_t *count)
{
	char *elements = NULL;
	uint64_t cursor = 0;
	size_t n = 0;

	do {
		long more;

		elements = realloc(elements, (n + 32) * element_size);
		need(elements);
		more = list_some(fd, nr, elements + n * element_size, element_size, 32, &cursor);
		if (expect_ok(more) < 0)
			break;
		n += (size_t)more;
	} while (cursor);
	*count = n;
	if (!n) {
		free(elements);
		return NULL;
	}
	return elements;
}

static inline size_t list_count(int fd, unsigned long nr, size_t element_size)
{
	size_t n;

	free(list_all(fd, nr, element_size, &n));
	return n;
}

/* @handle: any kind of handle, but a revoked one. */
static inline struct shk_shadow_info shadow_info(int handle)
{
	struct shk_shadow_info info = {};

	expect(list_first(handle, SHK_SHADOW_LIST, &info, sizeof(info)), 1);
	return info;
}

/* ---- edits ---- */

/* A wish for a counting probe, to be varied. */
static inline struct shk_probe_add probe_at(const char *symbol, uint64_t offset)
{
	struct shk_probe_add arg = {
		.size = sizeof(arg),
		.kind = SHK_PROBE_COUNT,
		.offset = offset,
	};

	name_put(arg.symbol, sizeof(arg.symbol), symbol);
	return arg;
}

static inline long probe_add(int handle, struct shk_probe_add arg)
{
	return call(handle, SHK_PROBE_ADD, &arg);
}

static inline long probe_remove(int handle, uint64_t id)
{
	struct shk_probe_remove arg = { .size = sizeof(arg), .id = id };

	return call(handle, SHK_PROBE_REMOVE, &arg);
}

/* A wish for a patch of one function that leaves its caller's rax as it is, to be varied. */
static inline struct shk_patch_add nop_of(const char *symbol)
{
	struct shk_patch_add arg = { .size = sizeof(arg), .kind = SHK_PATCH_NOP };

	name_put(arg.function.symbol, sizeof(arg.function.symbol), symbol);
	return arg;
}

static inline struct shk_patch_add return_of(const char *symbol, uint64_t value)
{
	struct shk_patch_add arg = nop_of(symbol);

	arg.kind = SHK_PATCH_RETURN;
	arg.function.value = value;
	return arg;
}

static inline struct shk_patch_add skip_of(const char *symbol, const char *callee)
{
	struct shk_patch_add arg = { .size = sizeof(arg), .kind = SHK_PATCH_SKIP_CALL };

	name_put(arg.call.symbol, sizeof(arg.call.symbol), symbol);
	name_put(arg.call.callee, sizeof(arg.call.callee), callee);
	return arg;
}

static inline struct shk_patch_add module_of(uint32_t kind, const char *module)
{
	struct shk_patch_add arg = { .size = sizeof(arg), .kind = kind };

	name_put(arg.module.name, sizeof(arg.module.name), module);
	return arg;
}

static inline long patch_add(int handle, struct shk_patch_add arg)
{
	return call(handle, SHK_PATCH_ADD, &arg);
}

/* False on a kernel whose compiled bodies or stacks do not permit patches in place. */
static inline bool in_place_is_possible(int dev)
{
	int handle = (int)shadow_create(dev, "");
	struct shk_patch_add arg = return_of("__x64_sys_getuid", 7);
	bool possible;

	arg.flags = SHK_PATCH_IN_PLACE;
	possible = !patch_add(handle, arg);
	close(handle);
	return possible;
}

static inline long patch_remove(int handle, uint64_t id)
{
	struct shk_patch_remove arg = { .size = sizeof(arg), .id = id };

	return call(handle, SHK_PATCH_REMOVE, &arg);
}

static inline long raw_remove(int handle, uint64_t id)
{
	struct shk_raw_remove arg = { .size = sizeof(arg), .id = id };

	return call(handle, SHK_RAW_REMOVE, &arg);
}

/* ---- the state ---- */

static inline void state_shadows(FILE *out, int dev)
{
	size_t n;
	struct shk_shadow_info *s = list_all(dev, SHK_SHADOW_LIST, sizeof(*s), &n);

	for (size_t i = 0; i < n; i++)
		fprintf(out,
			"shadow %llu '%.64s': %u inside, %u probes, %u pages, %u ranges, "
			"%u derived, %llu bytes\n",
			(unsigned long long)s[i].id, s[i].name, s[i].nr_grafts, s[i].nr_probes,
			s[i].private_pages, s[i].diverged_ranges, s[i].nr_handles,
			(unsigned long long)s[i].memory);
	free(s);
}

static inline void state_probes(FILE *out, int handle)
{
	size_t n;
	struct shk_probe_info *p = list_all(handle, SHK_PROBE_LIST, sizeof(*p), &n);

	for (size_t i = 0; i < n; i++)
		fprintf(out, "probe %llu '%s' %s+%llu kind %u flags %u\n",
			(unsigned long long)p[i].id, p[i].name, p[i].symbol,
			(unsigned long long)p[i].offset, p[i].kind, p[i].flags);
	free(p);
}

static inline void state_patches(FILE *out, int handle)
{
	size_t n;
	struct shk_patch_info *p = list_all(handle, SHK_PATCH_LIST, sizeof(*p), &n);

	for (size_t i = 0; i < n; i++)
		fprintf(out, "patch %llu '%s' %u/%u %s+%llu kind %u flags %u value %llu\n",
			(unsigned long long)p[i].id, p[i].name, p[i].index, p[i].nr_functions,
			p[i].symbol, (unsigned long long)p[i].offset, p[i].kind, p[i].flags,
			(unsigned long long)p[i].value);
	free(p);
}

static inline void state_raws(FILE *out, int handle)
{
	size_t n;
	struct shk_raw_info *r = list_all(handle, SHK_RAW_LIST, sizeof(*r), &n);

	for (size_t i = 0; i < n; i++)
		fprintf(out, "raw %llu %s+%llu, %llu bytes, flags %u\n",
			(unsigned long long)r[i].id, r[i].symbol, (unsigned long long)r[i].offset,
			(unsigned long long)r[i].len, r[i].flags);
	free(r);
}

static inline unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/*
 * Text about all shadows and, unless @handle is negative, the edits of its shadow. A call that
 * fails must not change it.
 */
static inline char *state(int dev, int handle)
{
	struct shk_info info = module_info(dev);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fprintf(out, "%u shadows, %u grafts, %llu bytes, %u descriptors\n", info.nr_shadows,
		info.nr_grafts, (unsigned long long)info.memory, open_fds());
	state_shadows(out, dev);
	if (handle >= 0) {
		state_probes(out, handle);
		state_patches(out, handle);
		state_raws(out, handle);
	}
	fclose(out);
	return text;
}

#define expect_state(dev, handle, before) expect_state_at(__FILE__, __LINE__, dev, handle, before)

static inline void __attribute__((unused))
expect_state_at(const char *file, int line, int dev, int handle, const char *before)
{
	char *now = state(dev, handle);

	if (strcmp(now, before)) {
		printf("%s:%d: state was\n%sand is\n%s", file, line, before, now);
		failures++;
	}
	free(now);
}

/* The tests' modules. Returns -errno. */
static inline long module_load(const char *name, const char *parameters)
{
	struct utsname uts;
	char path[256];
	int fd;
	long ret;

	need(!uname(&uts));
	snprintf(path, sizeof(path), "/lib/modules/%s/extra/%s.ko", uts.release, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd >= 0);
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return ret;
}

/* Returns -errno. A module may be in use a little longer. */
static inline long module_unload(const char *name)
{
	long ret = 0;

	for (int i = 0; i < 100; i++) {
		ret = syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
		if (ret != -EAGAIN)
			break;
		usleep(50000);
	}
	return ret;
}

static inline bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

static inline int finish(void)
{
	if (failures)
		printf("%d failures\n", failures);
	return failures ? 1 : 0;
}

/* A child that waits to be killed; ends with its parent. */
static inline pid_t sleeper(void)
{
	pid_t pid = fork();

	need(pid >= 0);
	if (!pid) {
		for (;;)
			pause();
	}
	return pid;
}

static inline void sleeper_end(pid_t pid)
{
	kill(pid, 9);
	waitpid(pid, NULL, 0);
}

/* The address of the first symbol @wanted of /proc/kallsyms, which exists. */
static inline uint64_t symbol_address(const char *wanted)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[700], name[512], type;
	uint64_t addr, found = 0;

	need(file);
	while (!found && fgets(line, sizeof(line), file))
		if (sscanf(line, "%" SCNx64 " %c %511s", &addr, &type, name) == 3 &&
		    !strcmp(name, wanted))
			found = addr;
	fclose(file);
	need(found);
	return found;
}

#endif /* SHADOWK_TEST_UAPI_H */
