/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may call what: the table that docs/permissions.md prints and the tests
 * walk, cell by cell.
 */
#ifndef SHADOWK_TEST_PERMISSIONS_H
#define SHADOWK_TEST_PERMISSIONS_H

#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "uapi.h"

#define NOBODY 65534

/* All have a handle and a descriptor of the device that root opened. */
enum caller { ROOT, ONLY_ADMIN, ONLY_MODULE, USER_NAMESPACE, ANYBODY, NR_CALLERS };

static const char *const caller_names[NR_CALLERS] = {
	"root",
	"root, CAP_SYS_ADMIN only",
	"root, CAP_SYS_MODULE only",
	"root of a user namespace",
	"other users",
};

enum answer {
	NO,
	YES,
	DELEGABLE, /* if the shadow is SHK_DELEGABLE */
};

/* What a caller tries its rights on: a shadow of its own, with two probes and a raw edit. */
struct ground {
	int dev, handle;
	bool delegable;
	char name[SHK_NAME_LEN];
	uint64_t spare; /* one of the probes */
	uint64_t raw;
	pid_t other; /* a process of the caller's user */
};

static inline long done_or(long ret, long fine)
{
	return ret == fine ? 0 : ret;
}

static inline long try_open(const struct ground *g)
{
	int fd = open(SHK_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : errno == EACCES ? -EPERM : -errno;
}

static inline long try_info(const struct ground *g)
{
	struct shk_info info = { .size = sizeof(info) };

	return call(g->dev, SHK_INFO, &info);
}

static inline long try_property(const struct ground *g)
{
	struct shk_property property = { .size = sizeof(property) };

	return call(g->dev, SHK_PROPERTY_NEXT, &property);
}

static inline long closed(long fd)
{
	if (fd >= 0)
		close((int)fd);
	return fd < 0 ? fd : 0;
}

static inline long try_create(const struct ground *g)
{
	return closed(shadow_create(g->dev, ""));
}

static inline long try_shadow_open(const struct ground *g)
{
	return closed(shadow_open(g->dev, g->name));
}

static inline long try_shadow_next(const struct ground *g)
{
	struct shk_shadow_info info = { .size = sizeof(info), .id = 1 };

	return call(g->dev, SHK_SHADOW_NEXT, &info);
}

static inline long try_shadow_info(const struct ground *g)
{
	struct shk_shadow_info info = { .size = sizeof(info) };

	return call(g->handle, SHK_SHADOW_INFO, &info);
}

static inline long try_info_self(const struct ground *g)
{
	return done_or(whereabouts(g->dev, 0), -ENOENT)
		       ?: done_or(whereabouts(g->dev, getpid()), -ENOENT);
}

static inline long try_info_other(const struct ground *g)
{
	return done_or(whereabouts(g->dev, g->other), -ENOENT);
}

static inline long try_attach_self(const struct ground *g)
{
	return attach(g->handle, 0) ?: attach(g->handle, getpid());
}

static inline long try_enter(const struct ground *g)
{
	return enter(g->handle);
}

/* Whoever could not enter is not told that it may not leave: it is in no stretch. */
static inline long try_leave(const struct ground *g)
{
	return done_or(leave(g->handle), -ENOENT);
}

static inline long try_syscalls(const struct ground *g)
{
	struct shk_syscalls arg = { .size = sizeof(arg), .calls = { 1 } };

	return closed(call(g->handle, SHK_SYSCALLS_CREATE, &arg));
}

/* It is no cgroup: who may do it is told so. */
static inline long try_cgroup_attach(const struct ground *g)
{
	struct shk_cgroup arg = { .size = sizeof(arg), .fd = -1 };

	return done_or(call(g->handle, SHK_CGROUP_ATTACH, &arg), -EBADF);
}

static inline long try_cgroup_split(const struct ground *g)
{
	struct shk_cgroup_split arg = {
		.size = sizeof(arg),
		.fd = -1,
		.other = -1,
		.percent = 50,
	};

	return done_or(call(g->handle, SHK_CGROUP_SPLIT, &arg), -EBADFD);
}

static inline long try_cgroup_detach(const struct ground *g)
{
	struct shk_cgroup arg = { .size = sizeof(arg), .fd = -1 };

	return done_or(call(g->handle, SHK_CGROUP_DETACH, &arg), -EBADF);
}

static inline long try_cgroup_next(const struct ground *g)
{
	struct shk_cgroup_next arg = { .size = sizeof(arg) };

	return done_or(call(g->handle, SHK_CGROUP_NEXT, &arg), -ENOENT);
}

/* The shadow is none that may own anything: who may do it is told so. */
static inline long try_own(const struct ground *g)
{
	struct shk_own_arg arg = { .size = sizeof(arg), .kind = SHK_OWN_IRQ };

	return done_or(call(g->handle, SHK_OWN, &arg), -EMEDIUMTYPE);
}

static inline long try_disown(const struct ground *g)
{
	struct shk_own_arg arg = { .size = sizeof(arg), .kind = SHK_OWN_IRQ };

	return done_or(call(g->handle, SHK_DISOWN, &arg), -ENOENT);
}

static inline long try_own_next(const struct ground *g)
{
	struct shk_own_info arg = { .size = sizeof(arg) };

	return done_or(call(g->handle, SHK_OWN_NEXT, &arg), -ENOENT);
}

static inline long try_attach_other(const struct ground *g)
{
	return attach(g->handle, g->other);
}

/* Whoever could not attach is told that it may not, not that there is nothing to do. */
static inline long try_leave_self(const struct ground *g)
{
	return detach(g->handle, getpid());
}

static inline long try_leave_other(const struct ground *g)
{
	return detach(g->handle, g->other);
}

static inline long try_detach_self(const struct ground *g)
{
	long ret;

	attach(g->handle, 0);
	ret = detach(g->dev, 0);
	detach(g->handle, 0);
	return ret;
}

static inline long try_detach_other(const struct ground *g)
{
	attach(g->handle, g->other);
	return detach(g->dev, g->other);
}

static inline long try_process_next(const struct ground *g)
{
	struct shk_process_next next = { .size = sizeof(next) };

	return done_or(call(g->handle, SHK_PROCESS_NEXT, &next), -ENOENT);
}

static inline long try_probe_next(const struct ground *g)
{
	struct shk_probe_info info = { .size = sizeof(info), .id = 1 };

	return call(g->handle, SHK_PROBE_NEXT, &info);
}

static inline long try_probe_add(const struct ground *g)
{
	return probe_add(g->handle, probe_at("vfs_write", 0));
}

static inline long try_probe_remove(const struct ground *g)
{
	return probe_remove(g->handle, g->spare);
}

static inline long try_patch_next(const struct ground *g)
{
	struct shk_patch_info info = { .size = sizeof(info), .id = 1 };

	return done_or(call(g->handle, SHK_PATCH_NEXT, &info), -ENOENT);
}

static inline long try_patch_add(const struct ground *g)
{
	struct shk_patch_add add = { .size = sizeof(add),
				     .kind = SHK_PATCH_RETURN,
				     .symbol = "__x64_sys_getppid" };

	return call(g->handle, SHK_PATCH_ADD, &add);
}

static inline long try_patch_promote(const struct ground *g)
{
	struct shk_patch_promote promote = { .size = sizeof(promote), .name = "none" };

	return done_or(call(g->handle, SHK_PATCH_PROMOTE, &promote), -ENOENT);
}

static inline long try_patch_remove(const struct ground *g)
{
	struct shk_patch_remove remove = { .size = sizeof(remove), .name = "none" };

	return done_or(call(g->handle, SHK_PATCH_REMOVE, &remove), -ENOENT);
}

static inline long try_raw_next(const struct ground *g)
{
	struct shk_raw_info info = { .size = sizeof(info), .id = 1 };

	return call(g->handle, SHK_RAW_NEXT, &info);
}

static inline long raw_add(int handle, uint64_t *id)
{
	struct shk_raw_add add = { .size = sizeof(add),
				   .flags = SHK_RAW_IDENTITY,
				   .symbol = "vfs_write" };
	long ret = call(handle, SHK_RAW_ADD, &add);

	*id = add.id;
	return ret;
}

static inline long try_raw_add(const struct ground *g)
{
	uint64_t id;

	return raw_add(g->handle, &id);
}

static inline long try_raw_remove(const struct ground *g)
{
	return raw_remove(g->handle, g->raw);
}

static inline long try_edit_next(const struct ground *g)
{
	struct shk_edit_info info = { .size = sizeof(info) };

	return call(g->handle, SHK_EDIT_NEXT, &info);
}

static inline long try_text_read(const struct ground *g)
{
	struct shk_text_info info = { .size = sizeof(info), .symbol = "vfs_read" };

	return call(g->handle, SHK_TEXT_READ, &info);
}

static inline long try_destroy(const struct ground *g)
{
	return shadow_destroy(g->handle);
}

/* In this order: the last ones use the ground up. */
static const struct right {
	const char *name;
	long (*attempt)(const struct ground *g);
	enum answer answer[NR_CALLERS];
	bool makes_text; /* refused under lockdown */
} rights[] = {
	/*                                                         root admin module userns anybody */
	{ "open `/dev/shadowk`", try_open, { YES, YES, YES, NO, NO }, false },
	{ "`SHK_INFO`", try_info, { YES, YES, YES, YES, YES }, false },
	{ "`SHK_PROPERTY_NEXT`", try_property, { YES, YES, YES, YES, YES }, false },
	{ "`SHK_SHADOW_CREATE`", try_create, { YES, NO, YES, NO, NO }, true },
	{ "`SHK_SHADOW_OPEN`", try_shadow_open, { YES, YES, NO, NO, NO }, false },
	{ "`SHK_SHADOW_NEXT`", try_shadow_next, { YES, YES, NO, NO, NO }, false },
	{ "`SHK_SHADOW_INFO`", try_shadow_info, { YES, YES, YES, YES, YES }, false },
	{ "`SHK_PROCESS_INFO`, the caller's process",
	  try_info_self,
	  { YES, YES, YES, YES, YES },
	  false },
	{ "`SHK_PROCESS_INFO`, another process", try_info_other, { YES, YES, NO, NO, NO }, false },
	{ "`SHK_ENTER`", try_enter, { YES, YES, DELEGABLE, DELEGABLE, DELEGABLE }, false },
	{ "`SHK_LEAVE`", try_leave, { YES, YES, YES, YES, YES }, false },
	{ "`SHK_PROCESS_ATTACH`, the caller's process",
	  try_attach_self,
	  { YES, YES, DELEGABLE, DELEGABLE, DELEGABLE },
	  false },
	{ "`SHK_PROCESS_DETACH` on the handle, the caller's process",
	  try_leave_self,
	  { YES, YES, DELEGABLE, DELEGABLE, DELEGABLE },
	  false },
	{ "`SHK_PROCESS_ATTACH`, another process",
	  try_attach_other,
	  { YES, YES, NO, NO, NO },
	  false },
	{ "`SHK_PROCESS_DETACH` on the handle, another process",
	  try_leave_other,
	  { YES, YES, NO, NO, NO },
	  false },
	{ "`SHK_PROCESS_DETACH` on the device, the caller's process",
	  try_detach_self,
	  { YES, YES, NO, NO, NO },
	  false },
	{ "`SHK_PROCESS_DETACH` on the device, another process",
	  try_detach_other,
	  { YES, YES, NO, NO, NO },
	  false },
	{ "`SHK_PROCESS_NEXT`", try_process_next, { YES, YES, NO, NO, NO }, false },
	{ "`SHK_SYSCALLS_CREATE`", try_syscalls, { YES, NO, YES, NO, NO }, true },
	{ "`SHK_CGROUP_ATTACH`", try_cgroup_attach, { YES, YES, NO, NO, NO }, false },
	{ "`SHK_CGROUP_SPLIT`", try_cgroup_split, { YES, YES, NO, NO, NO }, false },
	{ "`SHK_CGROUP_DETACH`", try_cgroup_detach, { YES, YES, NO, NO, NO }, false },
	{ "`SHK_CGROUP_NEXT`", try_cgroup_next, { YES, YES, NO, NO, NO }, false },
	{ "`SHK_OWN`", try_own, { YES, YES, NO, NO, NO }, false },
	{ "`SHK_DISOWN`", try_disown, { YES, YES, NO, NO, NO }, false },
	{ "`SHK_OWN_NEXT`", try_own_next, { YES, YES, NO, NO, NO }, false },
	{ "`SHK_PROBE_NEXT`", try_probe_next, { YES, YES, YES, DELEGABLE, DELEGABLE }, false },
	{ "`SHK_PROBE_ADD`", try_probe_add, { YES, NO, YES, NO, NO }, true },
	{ "`SHK_PROBE_REMOVE`", try_probe_remove, { YES, NO, YES, NO, NO }, false },
	{ "`SHK_PATCH_NEXT`", try_patch_next, { YES, YES, YES, DELEGABLE, DELEGABLE }, false },
	{ "`SHK_PATCH_ADD`", try_patch_add, { YES, NO, YES, NO, NO }, true },
	{ "`SHK_PATCH_PROMOTE`", try_patch_promote, { YES, NO, YES, NO, NO }, true },
	{ "`SHK_PATCH_REMOVE`", try_patch_remove, { YES, NO, YES, NO, NO }, false },
	{ "`SHK_RAW_NEXT`", try_raw_next, { YES, YES, YES, DELEGABLE, DELEGABLE }, false },
	{ "`SHK_RAW_ADD`", try_raw_add, { YES, NO, YES, NO, NO }, true },
	{ "`SHK_RAW_REMOVE`", try_raw_remove, { YES, NO, YES, NO, NO }, false },
	{ "`SHK_EDIT_NEXT`", try_edit_next, { YES, YES, YES, DELEGABLE, DELEGABLE }, false },
	{ "`SHK_TEXT_READ`", try_text_read, { YES, NO, NO, NO, NO }, false },
	{ "`SHK_SHADOW_DESTROY`", try_destroy, { YES, NO, YES, NO, NO }, false },
};

/* As docs/permissions.md has it, see scripts/permissions. */
static inline int table_print(void)
{
	static const char *const answers[] = {
		[NO] = "no", [YES] = "yes", [DELEGABLE] = "delegable"
	};

	printf("| |");
	for (int c = 0; c < NR_CALLERS; c++)
		printf(" %s |", caller_names[c]);
	printf(" under lockdown |\n| --- |");
	for (int c = 0; c <= NR_CALLERS; c++)
		printf(" --- |");
	puts("");
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		printf("| %s |", rights[i].name);
		for (int c = 0; c < NR_CALLERS; c++)
			printf(" %s |", answers[rights[i].answer[c]]);
		printf(" %s |\n", rights[i].makes_text ? "no" : "unchanged");
	}
	return 0;
}

static inline void capabilities_keep(uint32_t keep)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = keep, .permitted = keep } };

	need(!syscall(SYS_capset, &head, data));
}

static inline void write_once(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	need(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static inline void become_nobody(void)
{
	need(!setgroups(0, NULL) && !setgid(NOBODY) && !setuid(NOBODY));
	/* Its own /proc is its own again. */
	need(!prctl(PR_SET_DUMPABLE, 1));
}

static inline void become(enum caller caller)
{
	switch (caller) {
	case ONLY_ADMIN:
		capabilities_keep(1U << CAP_SYS_ADMIN);
		break;
	case ONLY_MODULE:
		capabilities_keep(1U << CAP_SYS_MODULE);
		break;
	case USER_NAMESPACE:
		become_nobody();
		need(!unshare(CLONE_NEWUSER));
		write_once("/proc/self/uid_map", "0 65534 1");
		need(!getuid());
		break;
	case ANYBODY:
		become_nobody();
		break;
	default:
		break;
	}
}

static inline struct ground ground_make(int dev, enum caller caller, bool delegable)
{
	struct ground g = { .dev = dev, .delegable = delegable };
	struct shk_shadow_create create = { .size = sizeof(create),
					    .flags = delegable ? SHK_DELEGABLE : 0 };
	struct shk_probe_add add = probe_at("vfs_read", 0);

	snprintf(create.name, sizeof(create.name), "uapi-%d%s", caller, delegable ? "-d" : "");
	strcpy(g.name, create.name);
	g.handle = (int)call(dev, SHK_SHADOW_CREATE, &create);
	need(g.handle >= 0);
	need(!probe_add(g.handle, add));
	strcpy(add.name, "spare");
	need(!call(g.handle, SHK_PROBE_ADD, &add));
	g.spare = add.id;
	need(!raw_add(g.handle, &g.raw));
	return g;
}

static inline void expect_right(const struct right *right, const struct ground *g,
				enum caller caller, bool lockdown)
{
	enum answer answer = right->answer[caller];
	bool yes = answer == YES || (answer == DELEGABLE && g->delegable);
	long want = yes && !(lockdown && right->makes_text) ? 0 : -EPERM;
	long got = right->attempt(g);

	if (got == want)
		return;
	printf("%s, by %s, %sdelegable%s: %s, expected %s\n", right->name, caller_names[caller],
	       g->delegable ? "" : "not ", lockdown ? ", under lockdown" : "", outcome(got),
	       outcome(want));
	failures++;
}

static inline int walk_as(enum caller caller, struct ground *g, bool lockdown)
{
	failures = 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	become(caller);
	g->other = sleeper();
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++)
		expect_right(&rights[i], g, caller, lockdown);
	sleeper_end(g->other);
	return finish();
}

static inline struct ground (*grounds_make(int dev))[2]
{
	static struct ground grounds[NR_CALLERS][2];

	for (int caller = 0; caller < NR_CALLERS; caller++)
		for (int delegable = 0; delegable < 2; delegable++)
			grounds[caller][delegable] = ground_make(dev, caller, delegable);
	return grounds;
}

static inline void walk(int dev, enum caller caller, struct ground *g, bool lockdown)
{
	char *before = state(dev, g->handle);
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	need(pid >= 0);
	if (!pid)
		exit(walk_as(caller, g, lockdown));
	need(waitpid(pid, &status, 0) == pid);
	expect(status, 0);
	/* What is all refused leaves no trace. */
	if (caller >= USER_NAMESPACE && !g->delegable)
		expect_state(dev, g->handle, before);
	free(before);
	shadow_destroy(g->handle);
	close(g->handle);
}

static inline void walk_all(int dev, struct ground (*grounds)[2], bool lockdown)
{
	for (int caller = 0; caller < NR_CALLERS; caller++)
		for (int delegable = 0; delegable < 2; delegable++)
			walk(dev, caller, &grounds[caller][delegable], lockdown);
}

#endif /* SHADOWK_TEST_PERMISSIONS_H */
