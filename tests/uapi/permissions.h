/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which callers may make which calls: the table that docs/permissions.md prints, and that the
 * tests try cell by cell.
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

/* Each has a descriptor of the device that root opened, and a handle. */
enum caller { ROOT, ONLY_ADMIN, ONLY_MODULE, USER_NAMESPACE, ANYBODY, NR_CALLERS };

static const char *const caller_names[NR_CALLERS] = {
	"root",
	"root, CAP_SYS_ADMIN only",
	"root, CAP_SYS_MODULE only",
	"root of a user namespace",
	"other users",
};

/* The rights of the handle: 0 is an owner's handle. */
static const uint32_t handle_rights[] = { 0, SHK_RIGHT_ATTACH, SHK_RIGHT_READ };
static const char *const handle_names[] = {
	"an owner's handle",
	"a handle with `SHK_RIGHT_ATTACH`",
	"a handle with `SHK_RIGHT_READ`",
};

#define NR_HANDLES ARRAY_SIZE(handle_rights)

/* By the device or an owner's handle. */
enum answer {
	NO,
	YES,
	HIDDEN, /* no: the caller does not see addresses */
};

#define NOTHING	 0 /* no right permits it */
#define ATTACHER SHK_RIGHT_ATTACH
#define READER	 SHK_RIGHT_READ
#define HOLDER	 (SHK_RIGHT_ATTACH | SHK_RIGHT_READ) /* needs no right */
#define DEVICE	 UINT32_MAX			     /* not on a handle */

/* A shadow with two probes and a raw edit, on which a caller tries its rights. */
struct ground {
	int dev, owner, handle;
	uint32_t rights; /* of @handle; 0: it is @owner */
	char name[SHK_NAME_LEN];
	uint64_t spare; /* id of one of the probes */
	uint64_t raw;	/* id of the raw edit */
	int other;	/* pidfd of another process of the caller's user */
};

static inline long done_or(long ret, long fine)
{
	return ret == fine ? 0 : ret;
}

/* As many elements as there are is success. */
static inline long listed(int fd, unsigned long nr)
{
	uint64_t cursor = 0, element;
	long ret = list_some(fd, nr, &element, sizeof(element), 1, &cursor);

	return ret < 0 ? ret : 0;
}

static inline long try_open(const struct ground *g)
{
	int fd = open(SHK_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : errno == EACCES ? ERROR(EPERM, SHK_REASON_CAPABILITY) : -errno;
}

static inline long try_info(const struct ground *g)
{
	return call(g->dev, SHK_INFO, &(struct shk_info){ .size = sizeof(struct shk_info) });
}

static inline long try_properties(const struct ground *g)
{
	return listed(g->dev, SHK_PROPERTY_LIST);
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

static inline long try_shadows(const struct ground *g)
{
	return listed(g->dev, SHK_SHADOW_LIST);
}

static inline long try_shadow(const struct ground *g)
{
	return listed(g->handle, SHK_SHADOW_LIST);
}

static inline long try_derive(const struct ground *g)
{
	return closed(handle_derive(g->handle, SHK_RIGHT_READ, NULL));
}

static inline long try_revoke(const struct ground *g)
{
	return done_or(handle_revoke(g->handle, 123456), ERROR(ENOENT, SHK_REASON_ID_UNKNOWN));
}

/* The caller's own process by a pidfd. */
static inline long by_pidfd(long (*ask)(int fd, int pidfd), int fd)
{
	int pidfd = pidfd_of(getpid());
	long ret = ask(fd, pidfd);

	close(pidfd);
	return ret;
}

static inline long try_info_self(const struct ground *g)
{
	const long outside = ERROR(ENOENT, SHK_REASON_NOT_INSIDE);

	return done_or(whereabouts(g->dev, SELF), outside)
		       ?: done_or(by_pidfd(whereabouts, g->dev), outside);
}

static inline long try_info_other(const struct ground *g)
{
	return done_or(whereabouts(g->dev, g->other), ERROR(ENOENT, SHK_REASON_NOT_INSIDE));
}

static inline long try_attach_self(const struct ground *g)
{
	return attach(g->handle, SELF) ?: by_pidfd(attach, g->handle);
}

static inline long try_enter(const struct ground *g)
{
	return enter(g->handle);
}

/* A caller that could not enter is in no stretch, and is told that. */
static inline long try_leave(const struct ground *g)
{
	return done_or(leave(g->handle), ERROR(ENOENT, SHK_REASON_NO_STRETCH));
}

static inline long try_syscalls(const struct ground *g)
{
	struct shk_syscalls arg = { .size = sizeof(arg), .calls = { 1 } };

	return closed(call(g->handle, SHK_SYSCALLS_CREATE, &arg));
}

/* The descriptor is no cgroup: a caller that may make the call is told that. */
static inline long try_cgroup_attach(const struct ground *g)
{
	struct shk_cgroup arg = { .size = sizeof(arg), .fd = -1 };

	return done_or(call(g->handle, SHK_CGROUP_ATTACH, &arg),
		       ERROR(EBADF, SHK_REASON_NOT_CGROUP));
}

static inline long try_cgroup_split(const struct ground *g)
{
	struct shk_cgroup_split arg = {
		.size = sizeof(arg),
		.fd = -1,
		.other = -1,
		.percent = 50,
	};

	return done_or(call(g->handle, SHK_CGROUP_SPLIT, &arg),
		       ERROR(EBADF, SHK_REASON_NOT_HANDLE));
}

static inline long try_cgroup_detach(const struct ground *g)
{
	struct shk_cgroup arg = { .size = sizeof(arg), .fd = -1 };

	return done_or(call(g->handle, SHK_CGROUP_DETACH, &arg),
		       ERROR(EBADF, SHK_REASON_NOT_CGROUP));
}

static inline long try_cgroup_detach_device(const struct ground *g)
{
	struct shk_cgroup arg = { .size = sizeof(arg), .fd = -1 };

	return done_or(call(g->dev, SHK_CGROUP_DETACH, &arg), ERROR(EBADF, SHK_REASON_NOT_CGROUP));
}

static inline long try_cgroups(const struct ground *g)
{
	return listed(g->handle, SHK_CGROUP_LIST);
}

/* The shadow is not SHK_ASYNC_OWNER: a caller that may make the call is told that. */
static inline long try_own(const struct ground *g)
{
	struct shk_own_arg arg = { .size = sizeof(arg), .kind = SHK_OWN_IRQ };

	return done_or(call(g->handle, SHK_OWN, &arg), ERROR(EOPNOTSUPP, SHK_REASON_POLICY));
}

static inline long try_own_napi(const struct ground *g)
{
	struct shk_own_arg arg = { .size = sizeof(arg), .kind = SHK_OWN_NAPI, .pattern = "lo" };

	return done_or(call(g->handle, SHK_OWN, &arg), ERROR(EOPNOTSUPP, SHK_REASON_POLICY));
}

static inline long try_disown(const struct ground *g)
{
	struct shk_own_arg arg = { .size = sizeof(arg), .kind = SHK_OWN_IRQ };

	return done_or(call(g->handle, SHK_DISOWN, &arg), ERROR(ENOENT, SHK_REASON_NOT_OWNED));
}

static inline long try_owned(const struct ground *g)
{
	return listed(g->handle, SHK_OWN_LIST);
}

static inline long try_attach_other(const struct ground *g)
{
	return attach(g->handle, g->other);
}

static inline long try_leave_self(const struct ground *g)
{
	return by_pidfd(detach, g->handle);
}

static inline long try_leave_other(const struct ground *g)
{
	return detach(g->handle, g->other);
}

static inline long try_detach_self(const struct ground *g)
{
	long ret;

	attach(g->handle, SELF);
	ret = detach(g->dev, SELF);
	detach(g->handle, SELF);
	return ret;
}

static inline long try_detach_other(const struct ground *g)
{
	attach(g->handle, g->other);
	return detach(g->dev, g->other);
}

static inline long try_processes(const struct ground *g)
{
	return listed(g->handle, SHK_PROCESS_LIST);
}

static inline long try_probes(const struct ground *g)
{
	return listed(g->handle, SHK_PROBE_LIST);
}

static inline long try_probe_add(const struct ground *g)
{
	return probe_add(g->handle, probe_at("vfs_write", 0));
}

static inline long try_probe_remove(const struct ground *g)
{
	return probe_remove(g->handle, g->spare);
}

static inline long try_patches(const struct ground *g)
{
	return listed(g->handle, SHK_PATCH_LIST);
}

static inline long try_patch_add(const struct ground *g)
{
	return patch_add(g->handle, return_of("__x64_sys_getppid", 0));
}

static inline long try_capture(const struct ground *g)
{
	struct shk_capture capture = { .size = sizeof(capture), .target = -1 };

	return done_or(call(g->handle, SHK_CAPTURE, &capture), ERROR(EBADF, SHK_REASON_NOT_HANDLE));
}

static inline long try_patch_promote(const struct ground *g)
{
	struct shk_patch_promote promote = { .size = sizeof(promote), .name = "none" };

	return done_or(call(g->handle, SHK_PATCH_PROMOTE, &promote),
		       ERROR(ENOENT, SHK_REASON_ID_UNKNOWN));
}

static inline long try_patch_remove(const struct ground *g)
{
	struct shk_patch_remove remove = { .size = sizeof(remove), .name = "none" };

	return done_or(call(g->handle, SHK_PATCH_REMOVE, &remove),
		       ERROR(ENOENT, SHK_REASON_ID_UNKNOWN));
}

static inline long try_raws(const struct ground *g)
{
	return listed(g->handle, SHK_RAW_LIST);
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

static inline long try_edits(const struct ground *g)
{
	return listed(g->handle, SHK_EDIT_LIST);
}

static inline long try_text_read(const struct ground *g)
{
	struct shk_text_read arg = { .size = sizeof(arg), .symbol = "vfs_read" };

	return call(g->handle, SHK_TEXT_READ, &arg);
}

static inline long try_destroy(const struct ground *g)
{
	return shadow_destroy(g->handle);
}

/* clang-format off */
/* In the order in which they are tried: the last ones remove what the others need. */
static const struct right {
	const char *name;
	long (*attempt)(const struct ground *g);
	enum answer answer[NR_CALLERS]; /* by the device or an owner's handle */
	uint32_t derived;		/* rights: one of them permits it to all callers */
	bool adds_text;			/* refused under lockdown */
} permissions[] = {
	/* root, admin, module, user namespace, others */
	{ "open `/dev/shadowk`", try_open, { YES, YES, YES, NO, NO }, DEVICE, false },
	{ "`SHK_INFO`", try_info, { YES, YES, YES, YES, YES }, DEVICE, false },
	{ "`SHK_PROPERTY_LIST`", try_properties, { YES, YES, YES, YES, YES }, DEVICE, false },
	{ "`SHK_SHADOW_CREATE`", try_create, { YES, NO, YES, NO, NO }, DEVICE, true },
	{ "`SHK_SHADOW_OPEN`", try_shadow_open, { YES, YES, NO, NO, NO }, DEVICE, false },
	{ "`SHK_SHADOW_LIST` on the device", try_shadows, { YES, YES, NO, NO, NO }, DEVICE, false },
	{ "`SHK_SHADOW_LIST` on a handle", try_shadow, { YES, YES, YES, YES, YES }, HOLDER, false },
	{ "`SHK_HANDLE_DERIVE`", try_derive, { YES, YES, NO, NO, NO }, NOTHING, false },
	{ "`SHK_HANDLE_REVOKE`", try_revoke, { YES, YES, NO, NO, NO }, NOTHING, false },
	{ "`SHK_PROCESS_INFO`, the caller's process", try_info_self, { YES, YES, YES, YES, YES }, DEVICE, false },
	{ "`SHK_PROCESS_INFO`, another process", try_info_other, { YES, YES, NO, NO, NO }, DEVICE, false },
	{ "`SHK_ENTER`", try_enter, { YES, YES, NO, NO, NO }, ATTACHER, false },
	{ "`SHK_LEAVE`", try_leave, { YES, YES, YES, YES, YES }, HOLDER, false },
	{ "`SHK_PROCESS_ATTACH`, the caller's process", try_attach_self, { YES, YES, NO, NO, NO }, ATTACHER, false },
	{ "`SHK_PROCESS_DETACH` on a handle, the caller's process", try_leave_self, { YES, YES, NO, NO, NO }, ATTACHER, false },
	{ "`SHK_PROCESS_ATTACH`, another process", try_attach_other, { YES, YES, NO, NO, NO }, NOTHING, false },
	{ "`SHK_PROCESS_DETACH` on a handle, another process", try_leave_other, { YES, YES, NO, NO, NO }, NOTHING, false },
	{ "`SHK_PROCESS_DETACH` on the device, the caller's process", try_detach_self, { YES, YES, NO, NO, NO }, DEVICE, false },
	{ "`SHK_PROCESS_DETACH` on the device, another process", try_detach_other, { YES, YES, NO, NO, NO }, DEVICE, false },
	{ "`SHK_PROCESS_LIST`", try_processes, { YES, YES, NO, NO, NO }, NOTHING, false },
	{ "`SHK_SYSCALLS_CREATE`", try_syscalls, { YES, NO, YES, NO, NO }, NOTHING, true },
	{ "`SHK_CGROUP_ATTACH`", try_cgroup_attach, { YES, YES, NO, NO, NO }, NOTHING, false },
	{ "`SHK_CGROUP_SPLIT`", try_cgroup_split, { YES, YES, NO, NO, NO }, NOTHING, false },
	{ "`SHK_CGROUP_DETACH` on a handle", try_cgroup_detach, { YES, YES, NO, NO, NO }, NOTHING, false },
	{ "`SHK_CGROUP_DETACH` on the device", try_cgroup_detach_device, { YES, YES, NO, NO, NO }, DEVICE, false },
	{ "`SHK_CGROUP_LIST`", try_cgroups, { YES, YES, NO, NO, NO }, NOTHING, false },
	{ "`SHK_OWN`", try_own, { YES, YES, NO, NO, NO }, NOTHING, false },
	{ "`SHK_OWN`, NAPI", try_own_napi, { YES, NO, NO, NO, NO }, NOTHING, false },
	{ "`SHK_DISOWN`", try_disown, { YES, YES, NO, NO, NO }, NOTHING, false },
	{ "`SHK_OWN_LIST`", try_owned, { YES, YES, NO, NO, NO }, NOTHING, false },
	{ "`SHK_PROBE_LIST`", try_probes, { YES, YES, YES, NO, NO }, READER, false },
	{ "`SHK_PROBE_ADD`", try_probe_add, { YES, NO, YES, NO, NO }, NOTHING, true },
	{ "`SHK_PROBE_REMOVE`", try_probe_remove, { YES, NO, YES, NO, NO }, NOTHING, false },
	{ "`SHK_PATCH_LIST`", try_patches, { YES, YES, YES, NO, NO }, READER, false },
	{ "`SHK_PATCH_ADD`", try_patch_add, { YES, NO, YES, NO, NO }, NOTHING, true },
	{ "`SHK_PATCH_PROMOTE`", try_patch_promote, { YES, NO, YES, NO, NO }, NOTHING, true },
	{ "`SHK_PATCH_REMOVE`", try_patch_remove, { YES, NO, YES, NO, NO }, NOTHING, false },
	{ "`SHK_CAPTURE`", try_capture, { YES, NO, YES, NO, NO }, NOTHING, true },
	{ "`SHK_RAW_LIST`", try_raws, { YES, YES, YES, NO, NO }, READER, false },
	{ "`SHK_RAW_ADD`", try_raw_add, { YES, NO, YES, NO, NO }, NOTHING, true },
	{ "`SHK_RAW_REMOVE`", try_raw_remove, { YES, NO, YES, NO, NO }, NOTHING, false },
	{ "`SHK_EDIT_LIST`", try_edits, { YES, YES, YES, NO, NO }, READER, false },
	{ "`SHK_TEXT_READ`", try_text_read, { YES, HIDDEN, HIDDEN, NO, NO }, NOTHING, false },
	{ "`SHK_SHADOW_DESTROY`", try_destroy, { YES, NO, YES, NO, NO }, NOTHING, false },
};
/* clang-format on */

/* As docs/permissions.md has it, see scripts/permissions. */
static inline int table_print(void)
{
	static const char *const answers[] = { [NO] = "no", [YES] = "yes", [HIDDEN] = "no" };

	printf("| |");
	for (int c = 0; c < NR_CALLERS; c++)
		printf(" %s |", caller_names[c]);
	for (size_t h = 1; h < NR_HANDLES; h++)
		printf(" %s |", handle_names[h]);
	printf(" under lockdown |\n| --- |");
	for (size_t column = 0; column < NR_CALLERS + NR_HANDLES; column++)
		printf(" --- |");
	puts("");
	for (size_t i = 0; i < ARRAY_SIZE(permissions); i++) {
		printf("| %s |", permissions[i].name);
		for (int c = 0; c < NR_CALLERS; c++)
			printf(" %s |", answers[permissions[i].answer[c]]);
		for (size_t h = 1; h < NR_HANDLES; h++)
			printf(" %s |", permissions[i].derived == DEVICE	    ? ""
					: permissions[i].derived & handle_rights[h] ? "yes"
										    : "no");
		printf(" %s |\n", permissions[i].adds_text ? "no" : "unchanged");
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
	/* setuid() has made its files in /proc root's. */
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

/* @rights: of the caller's handle, 0 for an owner's. */
static inline struct ground ground_make(int dev, enum caller caller, uint32_t rights)
{
	struct ground g = { .dev = dev, .rights = rights };
	struct shk_probe_add add = probe_at("vfs_read", 0);

	snprintf(g.name, sizeof(g.name), "uapi-%d-%u", caller, rights);
	g.owner = (int)shadow_create(dev, g.name);
	need(g.owner >= 0);
	need(!probe_add(g.owner, add));
	strcpy(add.name, "spare");
	need(!call(g.owner, SHK_PROBE_ADD, &add));
	g.spare = add.id;
	need(!raw_add(g.owner, &g.raw));
	g.handle = rights ? (int)handle_derive(g.owner, rights, NULL) : g.owner;
	need(g.handle >= 0);
	return g;
}

static inline long answer_of(const struct right *right, const struct ground *g, enum caller caller,
			     bool lockdown)
{
	if (g->rights)
		return right->derived & g->rights ? 0 : ERROR(EACCES, SHK_REASON_RIGHTS);
	if (right->answer[caller] == NO)
		return ERROR(EPERM, SHK_REASON_CAPABILITY);
	if (right->answer[caller] == HIDDEN)
		return ERROR(EPERM, SHK_REASON_ADDRESSES_HIDDEN);
	return lockdown && right->adds_text ? ERROR(EPERM, SHK_REASON_LOCKDOWN) : 0;
}

static inline const char *handle_name(uint32_t has)
{
	size_t h = 0;

	while (handle_rights[h] != has)
		h++;
	return handle_names[h];
}

static inline void expect_right(const struct right *right, const struct ground *g,
				enum caller caller, bool lockdown)
{
	long want, got;

	/* A derived handle changes nothing about the device. */
	if (g->rights && right->derived == DEVICE)
		return;
	want = answer_of(right, g, caller, lockdown);
	got = right->attempt(g);
	if (got == want)
		return;
	printf("%s, by %s, with %s%s: %s, expected %s\n", right->name, caller_names[caller],
	       handle_name(g->rights), lockdown ? ", under lockdown" : "", outcome(got),
	       outcome(want));
	failures++;
}

static inline int try_all_as(enum caller caller, struct ground *g, bool lockdown)
{
	pid_t other;

	failures = 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	become(caller);
	other = sleeper();
	g->other = pidfd_of(other);
	for (size_t i = 0; i < ARRAY_SIZE(permissions); i++)
		expect_right(&permissions[i], g, caller, lockdown);
	sleeper_end(other);
	return finish();
}

typedef struct ground grounds_t[NR_CALLERS][NR_HANDLES];

static inline grounds_t *grounds_make(int dev)
{
	static grounds_t grounds;

	for (int caller = 0; caller < NR_CALLERS; caller++)
		for (size_t h = 0; h < NR_HANDLES; h++)
			grounds[caller][h] = ground_make(dev, caller, handle_rights[h]);
	return &grounds;
}

static inline void try_all(int dev, enum caller caller, struct ground *g, bool lockdown)
{
	char *before = state(dev, g->owner);
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	need(pid >= 0);
	if (!pid)
		exit(try_all_as(caller, g, lockdown));
	need(waitpid(pid, &status, 0) == pid);
	expect(status, 0);
	/* These callers may change nothing, except by SHK_RIGHT_ATTACH. */
	if (caller >= USER_NAMESPACE && g->rights != SHK_RIGHT_ATTACH)
		expect_state(dev, g->owner, before);
	free(before);
	shadow_destroy(g->owner);
	close(g->owner);
	if (g->rights)
		close(g->handle);
}

static inline void try_all_callers(int dev, grounds_t *grounds, bool lockdown)
{
	for (int caller = 0; caller < NR_CALLERS; caller++)
		for (size_t h = 0; h < NR_HANDLES; h++)
			try_all(dev, caller, &(*grounds)[caller][h], lockdown);
}

#endif /* SHADOWK_TEST_PERMISSIONS_H */
