/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps that sequences consist of. A step has four numbers from 0 to 255. Its function turns
 * them into arguments, mostly valid ones. A step that needs a shadow or child which is not there
 * makes a call that is refused, or none.
 */
#ifndef SHADOWK_TEST_FUZZ_VERBS_H
#define SHADOWK_TEST_FUZZ_VERBS_H

#include <sys/file.h>

#include "../spoil.h"
#include "world.h"

#define NUMBERS	  4
#define WALK	  64 /* calls that read a list, at most */
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
	if (n >= 240 && w->derived[n % DERIVED] >= 0)
		return w->derived[n % DERIVED];
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
		struct shk_shadow_info info;

		if (w->shadows[i] >= 0 &&
		    ask_first(w, w->shadows[i], SHK_SHADOW_LIST, &info, sizeof(info)) == 1 &&
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
		0,
		SHK_ASYNC_INHERIT,
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
	struct shk_shadow_open arg = { .size = sizeof(arg) };
	struct shk_shadow_info info = {};
	int *slot = slot_free(w);

	if (!slot)
		return;
	if (n[2] >= 192) {
		/* By id, which a handle tells. */
		ask_first(w, handle_of(w, n[1]), SHK_SHADOW_LIST, &info, sizeof(info));
		arg.id = info.id ?: n[1];
	} else if (n[0] % 2) {
		name_own(arg.name, w, n[1] % SHADOWS);
	} else {
		name_common(arg.name, n[1]);
	}
	*slot = (int)ask(w, w->dev, SHK_SHADOW_OPEN, &arg);
}

static inline void close_slot(int *slot)
{
	if (*slot >= 0)
		close(*slot);
	*slot = -1;
}

static inline void do_close(struct world *w, const uint8_t *n)
{
	if (n[1] < 192)
		close_slot(&w->shadows[n[0] % SHADOWS]);
	else
		close_slot(&w->derived[n[0] % DERIVED]);
}

static inline void do_derive(struct world *w, const uint8_t *n)
{
	struct shk_handle_derive arg = { .size = sizeof(arg), .rights = n[1] % 4 };
	int *slot = &w->derived[n[2] % DERIVED];

	close_slot(slot);
	*slot = (int)ask(w, handle_of(w, n[0]), SHK_HANDLE_DERIVE, &arg);
}

/* Revokes one handle, or all of the shadow. */
static inline void do_revoke(struct world *w, const uint8_t *n)
{
	struct shk_handle_revoke arg = { .size = sizeof(arg),
					 .id = n[2] < 128 ? small_id(n[1]) : 0 };

	ask(w, handle_of(w, n[0]), SHK_HANDLE_REVOKE, &arg);
}

static inline void do_destroy(struct world *w, const uint8_t *n)
{
	ask_destroy(w, handle_of(w, n[0]));
}

/* ---- edits ---- */

/* A probe of any kind and flags, some with a condition, or with few calls in progress. */
static inline struct shk_probe_add probe_of(const uint8_t *n)
{
	struct shk_probe_add arg = probe_at(CHOOSE(places, n[1]), n[3] < 160 ? 0 : n[3] - 159);

	arg.kind = n[2] % 5 ?: SHK_PROBE_COUNT;
	arg.flags = n[2] / 4 % 8 == 7 ? 3 : n[2] / 4 % 8 > 4 ? n[2] / 4 % 2 + 1 : 0;
	if (arg.kind == SHK_PROBE_LATENCY)
		arg.flags &= ~SHK_PROBE_RETURN;
	arg.calls = n[3] % 4 ? 0 : n[3] % 7;
	if (n[3] % 4 == 1) {
		arg.nr_conditions = 1;
		arg.conditions[0] = (struct shk_condition){ .of = n[3] / 4 % 9,
							    .op = n[2] % 8,
							    .bytes = (__u8)(1 << n[1] % 4),
							    .is_signed = n[3] % 2,
							    .value = n[2] };
	}
	if (n[2] > 224)
		snprintf(arg.name, sizeof(arg.name), "p%d", n[2] % 4);
	return arg;
}

static inline void do_probe(struct world *w, const uint8_t *n)
{
	struct shk_probe_add arg = probe_of(n);

	ask(w, handle_of(w, n[0]), SHK_PROBE_ADD, &arg);
}

/* Many probes at all places, from one on; all or none, or without those that are refused. */
static inline void do_probes(struct world *w, const uint8_t *n)
{
	static struct shk_probe_add elements[2 * ARRAY_SIZE(places)];
	struct shk_probes_add arg = {
		.size = sizeof(arg),
		.flags = n[3] % 8 ? SHK_PROBES_SKIP : 0,
		.element_size = sizeof(elements[0]),
		.nr = 1 + n[1] % ARRAY_SIZE(elements),
		.elements = (uintptr_t)elements,
	};

	for (size_t i = 0; i < ARRAY_SIZE(elements); i++) {
		uint8_t numbers[NUMBERS] = { n[0], (uint8_t)(n[1] + i), n[2],
					     (uint8_t)(n[3] + i * 37) };

		elements[i] = probe_of(numbers);
	}
	ask(w, handle_of(w, n[0]), SHK_PROBES_ADD, &arg);
}

static inline void do_unprobes(struct world *w, const uint8_t *n)
{
	uint64_t ids[32];
	struct shk_probes_remove arg = { .size = sizeof(arg) };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		ids[i] = small_id(n[1]) + i * (n[2] % 4);
	if (n[3] % 4) {
		arg.nr = 1 + n[3] % ARRAY_SIZE(ids);
		arg.ids = (uintptr_t)ids;
	}
	ask(w, handle_of(w, n[0]), SHK_PROBES_REMOVE, &arg);
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
		arg.function.value = n[3];
		strcpy(arg.function.symbol, CHOOSE(harmless, n[1] / 8));
		break;
	case SHK_PATCH_NOP:
		strcpy(arg.function.symbol, CHOOSE(harmless, n[1] / 8));
		break;
	case SHK_PATCH_SKIP_CALL:
		strcpy(arg.call.symbol, CHOOSE(harmless, n[1] / 64));
		strcpy(arg.call.callee, "__task_pid_nr_ns");
		arg.flags = n[2] % 2 ? SHK_PATCH_VALUE : 0;
		arg.call.value = n[2] % 2 ? n[3] : 0;
		arg.call.offset = n[2] > 192 ? n[3] : 0;
		break;
	case SHK_PATCH_MODULE:
		strcpy(arg.module.name, CHOOSE(modules, n[1] / 8));
		break;
	case SHK_PATCH_LIVEPATCH:
		strcpy(arg.module.name, "shk_livepatch");
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
	struct shk_patch_promote arg = { .size = sizeof(arg) };
	struct shk_patch_info infos[8];
	int handle = handle_of(w, n[0]);
	uint64_t cursor = 0;
	long nr = ask_list(w, handle, SHK_PATCH_LIST, infos, sizeof(*infos), ARRAY_SIZE(infos),
			   &cursor);

	for (long i = 0; i < nr; i++)
		if (infos[i].id >= n[1] % 4 && infos[i].kind != SHK_PATCH_LIVEPATCH) {
			arg.id = infos[i].id;
			ask(w, handle, SHK_PATCH_PROMOTE, &arg);
			break;
		}
}

/* Private pages, or an instruction replaced by itself. */
static inline void do_raw(struct world *w, const uint8_t *n)
{
	struct shk_raw_add arg = { .size = sizeof(arg) };
	struct shk_text_read text = { .size = sizeof(text) };
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

/* ---- processes, owned things and cgroups ---- */

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
	struct shk_own_info info;
	struct shk_own_arg arg = own_arg(n);
	int handle = owner_of(w, n[0]);

	if (n[3] % 4 && ask_first(w, handle, SHK_OWN_LIST, &info, sizeof(info)) == 1) {
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

static const struct one_list {
	unsigned long nr;
	bool on_device;
	size_t size;
} lists[] = {
	{ SHK_SHADOW_LIST, true, sizeof(struct shk_shadow_info) },
	{ SHK_PROCESS_LIST, false, sizeof(struct shk_process_entry) },
	{ SHK_PROBE_LIST, false, sizeof(struct shk_probe_info) },
	{ SHK_PATCH_LIST, false, sizeof(struct shk_patch_info) },
	{ SHK_RAW_LIST, false, sizeof(struct shk_raw_info) },
	{ SHK_EDIT_LIST, false, sizeof(struct shk_edit_info) },
	{ SHK_OWN_LIST, false, sizeof(struct shk_own_info) },
	{ SHK_CGROUP_LIST, false, sizeof(struct shk_cgroup_entry) },
	{ SHK_PROPERTY_LIST, true, sizeof(struct shk_property) },
};

static inline size_t element_size(const struct one_list *list, uint8_t n)
{
	const size_t sizes[] = { 8, 9, list->size - 1, list->size + 1, 4096, 7, 4097, 0 };

	return n < 160 ? list->size : CHOOSE(sizes, n);
}

static inline uint64_t cursor_of(uint8_t n)
{
	static const uint64_t cursors[] = { 1, 2, 3, 1 << 20, 1ULL << 32, INT64_MAX, UINT64_MAX };

	return n < 192 ? 0 : CHOOSE(cursors, n);
}

static inline void list_element(struct world *w, const struct one_list *list, const char *element)
{
	struct shk_process_entry process;
	struct shk_edit_info edit;

	if (list->nr == SHK_EDIT_LIST) {
		memcpy(&edit, element, 8);
		w->strays |= edit.flags & SHK_EDIT_STRAY;
	} else if (list->nr == SHK_PROCESS_LIST) {
		memcpy(&process, element, 8);
		if (process.pid > 0) {
			int pidfd = (int)syscall(SYS_pidfd_open, process.pid, 0);
			struct shk_process_info info = { .size = sizeof(info), .pidfd = pidfd };

			ask(w, w->dev, SHK_PROCESS_INFO, &info);
			if (pidfd >= 0)
				close(pidfd);
		}
	}
}

static inline void read_list(struct world *w, int handle, const struct one_list *list,
			     const uint8_t *n)
{
	static const size_t rooms[] = { 1, 5, 15 };
	size_t size = element_size(list, n[2]), room = CHOOSE(rooms, n[2]);
	uint64_t cursor = cursor_of(n[3]);
	char *elements = elements_room();

	for (int i = 0; i < WALK; i++) {
		long nr = ask_list(w, list->on_device ? w->dev : handle, list->nr, elements, size,
				   room, &cursor);

		for (long e = 0; e < nr; e++)
			list_element(w, list, elements + (size_t)e * size);
		if (nr < 0 || !cursor)
			break;
	}
}

static inline void read_text(struct world *w, int handle)
{
	struct shk_text_read arg = { .size = sizeof(arg) };

	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		strcpy(arg.symbol, places[i]);
		arg.addr = arg.offset = 0;
		ask(w, handle, SHK_TEXT_READ, &arg);
	}
}

static inline void do_list(struct world *w, const uint8_t *n)
{
	unsigned int which = n[1] % (ARRAY_SIZE(lists) + 1);
	struct shk_info info = { .size = sizeof(info) };

	if (which == ARRAY_SIZE(lists)) {
		read_text(w, handle_of(w, n[0]));
		return;
	}
	if (lists[which].nr == SHK_PROPERTY_LIST)
		ask(w, w->dev, SHK_INFO, &info);
	read_list(w, handle_of(w, n[0]), &lists[which], n);
}

/* ---- children and the worker itself ---- */

static inline void do_spawn(struct world *w, const uint8_t *n)
{
	child_start(w, n[0] % CHILDREN, n[1] % 2 ? w->groups[n[1] / 2 % GROUPS] : -1);
}

static inline void do_order(struct world *w, const uint8_t *n)
{
	child_order(&w->children[n[0] % CHILDREN], (struct order){ n[1] % DO_LAST, n[2], n[3] });
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
		if (c->nr == SHK_PATCH_ADD && !strcmp(patch->function.symbol, "vfs_read"))
			strcpy(patch->function.symbol, harmless[0]);
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

/*
 * The kernel patches its text. One worker at a time: the kernel itself warns if a static key is
 * switched off while another CPU switches it on.
 */
static inline void do_text(struct world *w, const uint8_t *n)
{
	int lock = open("/tmp/fuzz-text", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (lock < 0 || flock(lock, LOCK_EX))
		return;
	write_file("/proc/sys/kernel/sched_schedstats", n[0] % 2 ? "1\n" : "0\n");
	close(lock);
}

static inline void do_huge(struct world *w, const uint8_t *n)
{
	write_file("/sys/module/shadowk/parameters/huge_threshold", n[0] % 2 ? "0" : "256");
}

static inline long module_unload_once(const char *name)
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
		module_unload_once(name);
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
	{ "probes", do_probes, 5 },   { "unprobes", do_unprobes, 4 }, { "module", do_module, 1 },
	{ "derive", do_derive, 5 },   { "revoke", do_revoke, 2 },
};

#endif /* SHADOWK_TEST_FUZZ_VERBS_H */
