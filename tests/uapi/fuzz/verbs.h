/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps that sequences consist of. A step has four numbers from 0 to 255. Its function turns
 * them into arguments, mostly valid ones. A step that needs a shadow or child which is not there
 * makes a call that is refused, or none.
 */
#ifndef SHADOWK_TEST_FUZZ_VERBS_H
#define SHADOWK_TEST_FUZZ_VERBS_H

#include "../spoil.h"
#include "world.h"

#define NUMBERS	  4
#define WALK	  64 /* calls of a list, at most */
#define ODD_CALLS 8

/* ---- choices ---- */

/* Functions to probe, which children or all processes execute all the time. */
static const char *const places[] = {
	"__x64_sys_getppid",
	"__x64_sys_getuid",
	"__x64_sys_getpgid",
	"int_sqrt",
	"vfs_read",
	"vfs_write",
	"kernel_clone",
	"do_exit",
	"begin_new_exec",
	"__fput",
	"handle_mm_fault",
	"do_nanosleep",
	"hrtimer_start_range_ns",
	"unix_stream_sendmsg",
	"kmem_cache_alloc",
	"_raw_spin_lock_irqsave",
	"try_to_wake_up",
	"process_one_work",
	"mmput",
	"memcpy",
	"shk_victim:shk_victim_text",
	"shk_victim:shk_victim_edge",
	"shk_victim:shk_victim_spans",
	"x64_sys_call",
	"do_syscall_64", /* refused */
	"no_such_function",
};

/* Functions to patch: no caller depends on what they do or return. */
static const char *const harmless[] = {
	"__x64_sys_getppid", "__x64_sys_getuid", "__x64_sys_getpgid",
	"__x64_sys_getgid",  "int_sqrt",	 "__x64_sys_munlockall",
};

#define CHOOSE(array, n) ((array)[(n) % ARRAY_SIZE(array)])

static inline int handle_of(const struct world *w, uint8_t n)
{
	/* The next slot that has a shadow. */
	for (int i = 0; i < SHADOWS; i++)
		if (w->shadows[(n + i) % SHADOWS] >= 0)
			return w->shadows[(n + i) % SHADOWS];
	return -1;
}

/* Mostly an id that exists: ids begin at 1, and a sequence adds few edits. */
static inline uint64_t small_id(uint8_t n)
{
	return n < 100 ? 1 : n < 170 ? 2 : n % 8 + 1;
}

/* The handle of a SHK_ASYNC_OWNER shadow if there is one, else any. */
static inline int owner_of(struct world *w, uint8_t n)
{
	for (int i = 0; i < SHADOWS; i++) {
		struct shk_shadow_info info = { .size = sizeof(info) };

		if (w->shadows[i] >= 0 && !ask(w, w->shadows[i], SHK_SHADOW_INFO, &info) &&
		    info.flags & SHK_ASYNC_OWNER)
			return w->shadows[i];
	}
	return handle_of(w, n);
}

static inline int *slot_free(struct world *w)
{
	for (int i = 0; i < SHADOWS; i++)
		if (w->shadows[i] < 0)
			return &w->shadows[i];
	return NULL;
}

static inline pid_t process_of(const struct world *w, uint8_t n)
{
	const struct worker *other = &w->workers[n / 16 % w->nr_workers];

	switch (n % 8) {
	case 0:
		return 0;
	case 1:
		return n > 128 ? NO_PID : n > 64 ? -1 : 2;
	case 2:
		return other->pid;
	case 3:
		return other->children[n / 64 % CHILDREN] ?: NO_PID;
	default:
		return w->children[n % CHILDREN].pid ?: 0;
	}
}

static inline int group_of(const struct world *w, uint8_t n)
{
	return n == 255 ? w->dev : w->groups[n % GROUPS];
}

/* ---- shadows ---- */

static inline void do_create(struct world *w, const uint8_t *n)
{
	static const uint32_t policies[] = {
		0,
		SHK_ASYNC_INHERIT,
		SHK_ASYNC_OWNER,
		SHK_ASYNC_CAUSAL,
		SHK_ASYNC_UNION,
		SHK_DELEGABLE,
		SHK_DELEGABLE | SHK_ASYNC_INHERIT,
		0,
	};
	struct shk_shadow_create arg = { .size = sizeof(arg), .flags = CHOOSE(policies, n[0]) };
	int *slot = slot_free(w);

	if (!slot)
		return;
	if (n[1] % 8 == 6)
		name_own(arg.name, w, n[2] % SHADOWS);
	else if (n[1] % 8 == 7)
		name_common(arg.name, n[2]);
	*slot = (int)ask(w, w->dev, SHK_SHADOW_CREATE, &arg);
}

static inline void do_syscalls(struct world *w, const uint8_t *n)
{
	static const int calls[] = {
		SYS_getppid, SYS_getuid, SYS_pread64, SYS_clone,
		SYS_vfork,   SYS_read,	 SYS_execve,  600,
	};
	struct shk_syscalls arg = { .size = sizeof(arg) };
	int *slot = slot_free(w);

	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++)
		if (n[1] & 1 << i && calls[i] < 512)
			arg.calls[calls[i] / 64] |= 1ULL << calls[i] % 64;
	if (slot)
		*slot = (int)ask(w, handle_of(w, n[0]), SHK_SYSCALLS_CREATE, &arg);
}

static inline void do_open(struct world *w, const uint8_t *n)
{
	char name[SHK_NAME_LEN];
	int *slot = slot_free(w);

	if (!slot)
		return;
	if (n[0] % 2)
		name_own(name, w, n[1] % SHADOWS);
	else
		name_common(name, n[1]);
	*slot = (int)ask_open(w, name);
}

static inline void do_close(struct world *w, const uint8_t *n)
{
	int slot = n[0] % SHADOWS;

	if (w->shadows[slot] >= 0)
		close(w->shadows[slot]);
	w->shadows[slot] = -1;
}

static inline void do_destroy(struct world *w, const uint8_t *n)
{
	ask_destroy(w, handle_of(w, n[0]));
}

/* ---- edits ---- */

static inline void do_probe(struct world *w, const uint8_t *n)
{
	struct shk_probe_add arg = probe_at(CHOOSE(places, n[1]), n[3] < 160 ? 0 : n[3] - 159);

	arg.kind = n[2] % 4 ?: SHK_PROBE_COUNT;
	arg.flags = n[2] / 4 % 8 == 7 ? 3 : n[2] / 4 % 8 > 4 ? n[2] / 4 % 2 + 1 : 0;
	if (arg.kind == SHK_PROBE_LATENCY)
		arg.flags &= ~SHK_PROBE_RETURN;
	if (n[2] > 224)
		snprintf(arg.name, sizeof(arg.name), "p%d", n[2] % 4);
	ask(w, handle_of(w, n[0]), SHK_PROBE_ADD, &arg);
}

static inline void do_unprobe(struct world *w, const uint8_t *n)
{
	struct shk_probe_remove arg = { .size = sizeof(arg) };

	if (n[1] > 224)
		snprintf(arg.name, sizeof(arg.name), "p%d", n[1] % 4);
	else
		arg.id = small_id(n[1]);
	ask(w, handle_of(w, n[0]), SHK_PROBE_REMOVE, &arg);
}

static inline void do_patch(struct world *w, const uint8_t *n)
{
	static const char *const modules[] = { "shk_patches", "shk_patch_victim", "shk_inplace",
					       "shk_victim" };
	struct shk_patch_add arg = { .size = sizeof(arg), .kind = n[1] % 8 + 1 };

	if (n[2] % 4 == 3)
		arg.flags = SHK_PATCH_IN_PLACE;
	switch (arg.kind) {
	case SHK_PATCH_RETURN:
		arg.value = n[3];
		strcpy(arg.symbol, CHOOSE(harmless, n[1] / 8));
		break;
	case SHK_PATCH_NOP:
		strcpy(arg.symbol, CHOOSE(harmless, n[1] / 8));
		break;
	case SHK_PATCH_SKIP_CALL:
		strcpy(arg.symbol, CHOOSE(harmless, n[1] / 64));
		strcpy(arg.object, "__task_pid_nr_ns");
		arg.flags = n[2] % 2 ? SHK_PATCH_VALUE : 0;
		arg.value = n[2] % 2 ? n[3] : 0;
		arg.offset = n[2] > 192 ? n[3] : 0;
		break;
	case SHK_PATCH_MODULE:
		strcpy(arg.object, CHOOSE(modules, n[1] / 8));
		break;
	case SHK_PATCH_LIVEPATCH:
		strcpy(arg.object, "shk_livepatch");
		arg.flags = n[2] % 4 ? SHK_PATCH_UNSAFE_NOW : 0;
		break;
	default:
		arg.flags = 0;
	}
	if (n[2] > 224)
		snprintf(arg.name, sizeof(arg.name), "p%d", n[2] % 4);
	ask(w, handle_of(w, n[0]), SHK_PATCH_ADD, &arg);
}

static inline void do_unpatch(struct world *w, const uint8_t *n)
{
	struct shk_patch_remove arg = { .size = sizeof(arg) };

	if (n[1] > 224)
		snprintf(arg.name, sizeof(arg.name), "p%d", n[1] % 4);
	else
		arg.id = small_id(n[1]);
	if (n[2] > 192)
		arg.flags = SHK_PATCH_UNSAFE_NOW;
	ask(w, handle_of(w, n[0]), SHK_PATCH_REMOVE, &arg);
}

/* Never promotes a livepatch, which would patch the kernel for all processes. */
static inline void do_promote(struct world *w, const uint8_t *n)
{
	struct shk_patch_info info = { .size = sizeof(info), .id = n[1] % 4 };
	struct shk_patch_promote arg = { .size = sizeof(arg) };
	int handle = handle_of(w, n[0]);

	if (ask(w, handle, SHK_PATCH_NEXT, &info) || info.kind == SHK_PATCH_LIVEPATCH)
		return;
	arg.id = info.id;
	ask(w, handle, SHK_PATCH_PROMOTE, &arg);
}

/* Private pages, or an instruction replaced by itself. */
static inline void do_raw(struct world *w, const uint8_t *n)
{
	struct shk_raw_add arg = { .size = sizeof(arg) };
	struct shk_text_info text = { .size = sizeof(text) };
	int handle = handle_of(w, n[0]);
	const char *place = CHOOSE(places, n[1] % 20);

	strcpy(arg.symbol, place);
	switch (n[2] % 8) {
	case 0:
	case 1:
	case 2:
		arg.flags = SHK_RAW_IDENTITY;
		break;
	case 3:
		arg.flags = SHK_RAW_IDENTITY;
		arg.offset = n[3] % 16;
		arg.len = n[3];
		break;
	case 4:
		arg.flags = SHK_RAW_IDENTITY;
		/* Rarely all text, which is megabytes. */
		if (n[2] > 240)
			arg.symbol[0] = 0;
		break;
	default:
		strcpy(text.symbol, place);
		text.offset = arg.offset = n[3] % 32;
		if (ask(w, handle, SHK_TEXT_READ, &text))
			return;
		arg.len = n[3] / 32 + 1;
		memcpy(arg.bytes, text.base, arg.len);
	}
	ask(w, handle, SHK_RAW_ADD, &arg);
}

static inline void do_unraw(struct world *w, const uint8_t *n)
{
	struct shk_raw_remove arg = { .size = sizeof(arg), .id = small_id(n[1]) };

	ask(w, handle_of(w, n[0]), SHK_RAW_REMOVE, &arg);
}

/* ---- who is inside ---- */

static inline void do_attach(struct world *w, const uint8_t *n)
{
	ask_process(w, handle_of(w, n[0]), SHK_PROCESS_ATTACH, process_of(w, n[1]));
}

static inline void do_detach(struct world *w, const uint8_t *n)
{
	ask_process(w, n[2] % 2 ? w->dev : handle_of(w, n[0]), SHK_PROCESS_DETACH,
		    process_of(w, n[1]));
}

static inline void do_enter(struct world *w, const uint8_t *n)
{
	ask_stretch(w, handle_of(w, n[0]), SHK_ENTER, n[1] % 2 ? SHK_THREAD : 0);
}

static inline void do_leave(struct world *w, const uint8_t *n)
{
	ask_stretch(w, handle_of(w, n[0]), SHK_LEAVE, 0);
}

static inline struct shk_own_arg own_arg(const uint8_t *n)
{
	static const char *const patterns[] = { "victim/*", "victim/0", "ksoftirqd/?", "kworker/*",
						"no_such_*" };
	struct shk_own_arg arg = { .size = sizeof(arg), .kind = n[1] % 2 + 1 };

	if (arg.kind == SHK_OWN_IRQ)
		arg.irq = n[2] % 32;
	else
		strcpy(arg.pattern, CHOOSE(patterns, n[2]));
	return arg;
}

static inline void do_own(struct world *w, const uint8_t *n)
{
	struct shk_own_arg arg = own_arg(n);

	ask(w, owner_of(w, n[0]), SHK_OWN, &arg);
}

/* Mostly of something that the shadow owns. */
static inline void do_disown(struct world *w, const uint8_t *n)
{
	struct shk_own_info info = { .size = sizeof(info) };
	struct shk_own_arg arg = own_arg(n);
	int handle = owner_of(w, n[0]);

	if (n[3] % 4 && !ask(w, handle, SHK_OWN_NEXT, &info)) {
		arg.kind = info.kind;
		arg.irq = info.irq;
		memcpy(arg.pattern, info.pattern, sizeof(arg.pattern));
	}
	ask(w, handle, SHK_DISOWN, &arg);
}

static inline void do_group(struct world *w, const uint8_t *n)
{
	ask_group(w, handle_of(w, n[0]), SHK_CGROUP_ATTACH, group_of(w, n[1]));
}

static inline void do_split(struct world *w, const uint8_t *n)
{
	struct shk_cgroup_split arg = {
		.size = sizeof(arg),
		.fd = group_of(w, n[2]),
		.other = handle_of(w, n[1]),
		.percent = n[3] % 101,
	};

	ask(w, handle_of(w, n[0]), SHK_CGROUP_SPLIT, &arg);
}

static inline void do_ungroup(struct world *w, const uint8_t *n)
{
	ask_group(w, n[2] % 2 ? w->dev : handle_of(w, n[0]), SHK_CGROUP_DETACH, group_of(w, n[1]));
}

/* Moves a child into a cgroup, or to the root. */
static inline void do_move(struct world *w, const uint8_t *n)
{
	group_move(w, n[1] % 3 - 1, w->children[n[0] % CHILDREN].pid);
}

/* ---- lists ---- */

static inline void walk_shadows(struct world *w, int handle)
{
	struct shk_shadow_info info = { .size = sizeof(info) };

	for (int i = 0; i < WALK && !ask(w, w->dev, SHK_SHADOW_NEXT, &info); i++) {
		info.id++;
		info.flags = 0;
	}
}

static inline void walk_processes(struct world *w, int handle)
{
	struct shk_process_next next = { .size = sizeof(next) };

	for (int i = 0; i < WALK && !ask(w, handle, SHK_PROCESS_NEXT, &next); i++) {
		struct shk_process_info info = { .size = sizeof(info), .pid = next.pid };

		ask(w, w->dev, SHK_PROCESS_INFO, &info);
	}
}

static inline void walk_probes(struct world *w, int handle)
{
	struct shk_probe_info info = { .size = sizeof(info) };

	for (int i = 0; i < WALK && !ask(w, handle, SHK_PROBE_NEXT, &info); i++) {
		info.id++;
		info.flags = 0;
	}
}

static inline void walk_patches(struct world *w, int handle)
{
	struct shk_patch_info info = { .size = sizeof(info) };

	for (int i = 0; i < WALK && !ask(w, handle, SHK_PATCH_NEXT, &info); i++) {
		info.index++;
		info.flags = 0;
	}
}

static inline void walk_raws(struct world *w, int handle)
{
	struct shk_raw_info info = { .size = sizeof(info) };

	for (int i = 0; i < WALK && !ask(w, handle, SHK_RAW_NEXT, &info); i++) {
		info.id++;
		info.flags = 0;
	}
}

static inline void walk_edits(struct world *w, int handle)
{
	struct shk_edit_info info = { .size = sizeof(info) };

	for (int i = 0; i < WALK && !ask(w, handle, SHK_EDIT_NEXT, &info); i++) {
		w->strays |= info.flags & SHK_EDIT_STRAY;
		info.flags = 0;
	}
}

static inline void walk_owned(struct world *w, int handle)
{
	struct shk_own_info info = { .size = sizeof(info) };

	for (int i = 0; i < WALK && !ask(w, handle, SHK_OWN_NEXT, &info); i++)
		;
}

static inline void walk_groups(struct world *w, int handle)
{
	struct shk_cgroup_next next = { .size = sizeof(next) };

	for (int i = 0; i < WALK && !ask(w, handle, SHK_CGROUP_NEXT, &next); i++)
		;
}

static inline void walk_properties(struct world *w, int handle)
{
	struct shk_property property = { .size = sizeof(property) };
	struct shk_info info = { .size = sizeof(info) };

	ask(w, w->dev, SHK_INFO, &info);
	while (!ask(w, w->dev, SHK_PROPERTY_NEXT, &property))
		;
}

static inline void walk_text(struct world *w, int handle)
{
	struct shk_text_info info = { .size = sizeof(info) };

	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		strcpy(info.symbol, places[i]);
		info.addr = info.offset = 0;
		ask(w, handle, SHK_TEXT_READ, &info);
	}
}

static inline void do_list(struct world *w, const uint8_t *n)
{
	static void (*const walks[])(struct world * w, int handle) = {
		walk_shadows, walk_processes, walk_probes, walk_patches,    walk_raws,
		walk_edits,   walk_owned,     walk_groups, walk_properties, walk_text,
	};

	CHOOSE(walks, n[1])(w, handle_of(w, n[0]));
}

/* ---- children and the worker itself ---- */

static inline void do_spawn(struct world *w, const uint8_t *n)
{
	child_start(w, n[0] % CHILDREN, n[1] % 2 ? w->groups[n[1] / 2 % GROUPS] : -1);
}

static inline void do_order(struct world *w, const uint8_t *n)
{
	child_order(&w->children[n[0] % CHILDREN],
		    (struct order){ n[1] % DO_LAST, n[2], n[3] % SHADOWS });
}

static inline void do_await(struct world *w, const uint8_t *n)
{
	child_await(&w->children[n[0] % CHILDREN], n[1] % 64);
}

static inline void do_signal(struct world *w, const uint8_t *n)
{
	static const int signals[] = { SIGUSR1, SIGUSR1, SIGKILL, SIGSTOP, SIGCONT };
	pid_t pid = w->children[n[0] % CHILDREN].pid;

	if (pid)
		kill(pid, CHOOSE(signals, n[1]));
}

static inline void do_work(struct world *w, const uint8_t *n)
{
	CHOOSE(works, n[0])(n[1] % 16);
}

/* ---- disturbances ---- */

/* Calls with arguments that are almost good. */
static inline void do_odd(struct world *w, const uint8_t *n)
{
	struct dice dice = { n[1] << 16 | n[2] << 8 | n[3] | 1 << 24 };
	unsigned char arg[4096];

	for (int i = 0; i < 8; i++)
		dice_next(&dice);
	for (int i = 0; i < ODD_CALLS; i++) {
		/* The last call ends the shadow. */
		const struct one_call *c = &calls[roll(&dice, ARRAY_SIZE(calls) - 1)];
		struct shk_patch_add *patch = (void *)arg;

		spoil(&dice, c, arg, sizeof(arg));
		if (c->nr == SHK_PATCH_ADD && !strcmp(patch->symbol, "vfs_read"))
			strcpy(patch->symbol, harmless[0]);
		w->self->passed +=
			call_and_undo(c, c->on_handle ? handle_of(w, n[0]) : w->dev, arg) >= 0;
		w->self->calls++;
	}
}

/* A signal interrupts a later call. */
static inline void do_alarm(struct world *w, const uint8_t *n)
{
	struct itimerval timer = { .it_value.tv_usec = 200 * (n[0] + 1) };

	setitimer(ITIMER_REAL, &timer, NULL);
}

static inline void do_fail(struct world *w, const uint8_t *n)
{
	if (w->fail_fd >= 0)
		w->fail = n[0] % 128 + 1;
}

/* The kernel patches its text. */
static inline void do_text(struct world *w, const uint8_t *n)
{
	write_text("/proc/sys/kernel/sched_schedstats", n[0] % 2 ? "1\n" : "0\n");
}

static inline void do_huge(struct world *w, const uint8_t *n)
{
	write_text("/sys/module/shadowk/parameters/huge_threshold", n[0] % 2 ? "0" : "256");
}

static inline int module_load(const char *name, const char *parameters)
{
	struct utsname uts;
	char path[256];
	int fd, ret;

	need(!uname(&uts));
	snprintf(path, sizeof(path), "/lib/modules/%s/extra/%s.ko", uts.release, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd >= 0);
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return ret;
}

static inline int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

/* Loads and unloads a module: one that does nothing, or one with a kprobe. */
static inline void do_module(struct world *w, const uint8_t *n)
{
	const char *name = n[0] % 2 ? "shk_twin_a" : "shk_kprobe";
	char at[64] = "";

	if (n[0] % 2 == 0)
		snprintf(at, sizeof(at), "at=%s", CHOOSE(places, n[1] % 16));
	module_load(name, at);
	do_probe(w, n);
	/* Else the next such step of any worker unloads it. */
	if (n[2] % 4)
		module_unload(name);
}

static const struct verb {
	const char *name;
	void (*make)(struct world *w, const uint8_t *n);
	unsigned int weight; /* relative frequency in random sequences */
} verbs[] = {
	{ "create", do_create, 14 },  { "syscalls", do_syscalls, 4 }, { "open", do_open, 3 },
	{ "close", do_close, 3 },     { "destroy", do_destroy, 3 },   { "probe", do_probe, 20 },
	{ "unprobe", do_unprobe, 8 }, { "patch", do_patch, 14 },      { "unpatch", do_unpatch, 7 },
	{ "promote", do_promote, 1 }, { "raw", do_raw, 5 },	      { "unraw", do_unraw, 3 },
	{ "attach", do_attach, 12 },  { "detach", do_detach, 6 },     { "enter", do_enter, 7 },
	{ "leave", do_leave, 6 },     { "own", do_own, 4 },	      { "disown", do_disown, 2 },
	{ "group", do_group, 4 },     { "split", do_split, 4 },	      { "ungroup", do_ungroup, 3 },
	{ "move", do_move, 4 },	      { "list", do_list, 8 },	      { "spawn", do_spawn, 12 },
	{ "order", do_order, 22 },    { "await", do_await, 5 },	      { "signal", do_signal, 3 },
	{ "work", do_work, 10 },      { "odd", do_odd, 5 },	      { "alarm", do_alarm, 2 },
	{ "fail", do_fail, 5 },	      { "text", do_text, 1 },	      { "huge", do_huge, 1 },
	{ "module", do_module, 1 },
};

#endif /* SHADOWK_TEST_FUZZ_VERBS_H */
