/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker's shadows, children and cgroups. The steps of a sequence make shadows and children, and
 * world_clear() ends all of them after it. The folders of the cgroups stay until the worker ends.
 */
#ifndef SHADOWK_TEST_FUZZ_WORLD_H
#define SHADOWK_TEST_FUZZ_WORLD_H

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>

#include <linux/sched.h>

#include "../../victim/victim.h"
#include "../calls.h"
#include "kcov.h"

#define SHADOWS	    4
#define DERIVED	    2 /* handles with fewer rights */
#define CHILDREN    3
#define GROUPS	    2 /* the second one is below the first */
#define WORKERS_MAX 8
#define COMMON	    2 /* shadows that all workers know by name */
#define TEXT_LEN    2048
#define CGROUPS	    "/sys/fs/cgroup"
#define TINY	    "/tmp/fuzz-tiny"
#define DELEGATE    1000 /* a user without any right */

/* The part of a worker that all processes of the test see. */
struct worker {
	atomic_int pid;
	atomic_int children[CHILDREN];
	atomic_ulong calls, passed, sequences;
	atomic_uint wrong;  /* calls whose @reason or @busy was wrong, also of children */
	atomic_ulong began; /* milliseconds: its step */
	atomic_int step;
	char text[TEXT_LEN]; /* its sequence */
};

struct child {
	pid_t pid; /* 0: none */
	int orders;
	unsigned int asked;
	atomic_uint *done;
	struct kcov kcov;
};

struct world {
	int number, dev;
	struct worker *self, *workers;
	int nr_workers;
	int shadows[SHADOWS]; /* owner's handles, or -1 */
	int derived[DERIVED]; /* derived handles, or -1 */
	struct child children[CHILDREN];
	int groups[GROUPS];
	struct kcov kcov;
	struct reached reached; /* by this sequence */
	int fail_fd;		/* -1: no allocation can be let fail */
	unsigned int fail;	/* which allocation of the next call is to */
	bool strays;
	pid_t busy; /* thread that was in the way of the last ask_process(); 0: none was */
};

static inline unsigned long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long)now.tv_sec * 1000 + (unsigned long)now.tv_nsec / 1000000;
}

/* Factor for timeouts on the debug kernel. */
static inline unsigned int slowness(void)
{
	return access("/sys/kernel/debug/kmemleak", F_OK) ? 1 : 8;
}

#define eventually(what)                                                   \
	({                                                                 \
		unsigned long until_ = milliseconds() + 5000 * slowness(); \
		bool is_;                                                  \
                                                                           \
		while (!(is_ = (what)) && milliseconds() < until_)         \
			usleep(2000);                                      \
		is_;                                                       \
	})

static inline void pin(int number)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)(number % sysconf(_SC_NPROCESSORS_ONLN)), &set);
	need(!sched_setaffinity(0, sizeof(set), &set));
}

/* ---- calls ---- */

/* All calls go through here, except those of the step "odd". */
static inline long ask(struct world *w, int fd, unsigned long nr, void *arg)
{
	long ret;

	if (w->fail) {
		char text[16];
		int len = snprintf(text, sizeof(text), "%u", w->fail);

		need(pwrite(w->fail_fd, text, (size_t)len, 0) == len);
	}
	ret = call(fd, nr, arg);
	if (w->fail)
		need(pwrite(w->fail_fd, "0", 1, 0) == 1);
	w->fail = 0;
	w->self->calls++;
	w->self->passed += ret >= 0;
	w->self->wrong |= failures != 0;
	return ret;
}

/* How many elements a call of a list returned, or the ERROR(). */
static inline long ask_list(struct world *w, int fd, unsigned long nr, void *elements,
			    size_t element_size, size_t room, uint64_t *cursor)
{
	struct shk_list list = {
		.size = sizeof(list),
		.element_size = (uint32_t)element_size,
		.nr = (uint32_t)room,
		.cursor = *cursor,
		.elements = (uintptr_t)elements,
	};
	long ret = ask(w, fd, nr, &list);

	*cursor = list.cursor;
	return ret < 0 ? ret : (long)list.nr;
}

static inline long ask_first(struct world *w, int fd, unsigned long nr, void *element,
			     size_t element_size)
{
	uint64_t cursor = 0;

	return ask_list(w, fd, nr, element, element_size, 1, &cursor);
}

/* @pid: 0 for the caller's own process, NO_PID for one that has exited, -1 for no pidfd. */
static inline long ask_process(struct world *w, int fd, unsigned long nr, pid_t pid)
{
	int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	struct shk_process arg = process_arg(!pid ? SELF : pid == NO_PID ? pidfd_exited() : pidfd);
	long ret = ask(w, fd, nr, &arg);

	w->busy = arg.busy;
	if (pidfd >= 0)
		close(pidfd);
	return ret;
}

/* Prints the kernel stack of the thread that was in the way of the last ask_process(). */
static inline void busy_print(const struct world *w)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stack", w->busy);
	file = w->busy > 0 ? fopen(path, "re") : NULL;
	if (!file)
		return;
	printf("thread %d, of process %d, is in\n", w->busy, getpid());
	while (fgets(line, sizeof(line), file))
		fputs(line, stdout);
	fclose(file);
}

static inline long ask_stretch(struct world *w, int fd, unsigned long nr, uint32_t flags)
{
	struct shk_enter arg = { .size = sizeof(arg), .flags = flags };

	return ask(w, fd, nr, &arg);
}

static inline long ask_group(struct world *w, int fd, unsigned long nr, int group)
{
	struct shk_cgroup arg = { .size = sizeof(arg), .fd = group };

	return ask(w, fd, nr, &arg);
}

static inline long ask_open(struct world *w, const char *name)
{
	struct shk_shadow_open arg = { .size = sizeof(arg) };

	name_put(arg.name, sizeof(arg.name), name);
	return ask(w, w->dev, SHK_SHADOW_OPEN, &arg);
}

static inline long ask_destroy(struct world *w, int handle)
{
	return ask(w, handle, SHK_SHADOW_DESTROY,
		   &(struct shk_shadow_destroy){ .size = sizeof(struct shk_shadow_destroy) });
}

/* ---- work that executes probed and patched functions ---- */

static inline void *call_some(void *arg)
{
	for (unsigned int i = 0; i < (uintptr_t)arg; i++)
		syscall(SYS_getppid);
	return NULL;
}

static inline void work_calls(unsigned int n)
{
	static const long calls[] = { SYS_getppid, SYS_getuid,	   SYS_getpgid,
				      SYS_getgid,  SYS_munlockall, SYS_sched_yield };

	for (unsigned int i = 0; i < 4 * n; i++)
		syscall(calls[i % ARRAY_SIZE(calls)], 0);
}

static inline void work_reads(unsigned int n)
{
	char text[256];
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

	while (n--)
		if (pread(fd, text, sizeof(text), 0) < 0)
			break;
	close(fd);
}

static inline void work_forks(unsigned int n)
{
	for (n %= 4; n + 1; n--) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static inline void work_executes(unsigned int n)
{
	pid_t pid = n % 2 ? vfork() : fork();

	if (!pid) {
		execl(TINY, "tiny", NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

static inline void work_threads(unsigned int n)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, call_some, (void *)(uintptr_t)n))
		return;
	call_some((void *)(uintptr_t)n);
	pthread_join(thread, NULL);
}

static inline void work_sockets(unsigned int n)
{
	int ends[2];
	char byte = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return;
	while (n--)
		if (write(ends[0], &byte, 1) != 1 || read(ends[1], &byte, 1) != 1)
			break;
	close(ends[0]);
	close(ends[1]);
}

/* Only contexts that several callers can use at a time. */
static inline void work_contexts(unsigned int n)
{
	static const unsigned int contexts[] = {
		VICTIM_SELF, VICTIM_OWN,     VICTIM_KTHREAD,  VICTIM_WORK,     VICTIM_HARDIRQ,
		VICTIM_BH,   VICTIM_SOFTIRQ, VICTIM_BH_OFF,   VICTIM_IRQ_OFF,  VICTIM_USE_MM,
		VICTIM_EDGE, VICTIM_SPANS,   VICTIM_UNUSE_MM, VICTIM_IRQ_WORK, VICTIM_TIMER,
	};
	int fd = open(VICTIM_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	ioctl(fd, contexts[n % ARRAY_SIZE(contexts)], 3UL);
	close(fd);
}

static inline void work_sleeps(unsigned int n)
{
	usleep(100 * n);
}

static void (*const works[])(unsigned int n) = {
	work_calls,   work_reads,   work_forks,	   work_executes,
	work_threads, work_sockets, work_contexts, work_sleeps,
};

/* ---- children ---- */

struct order {
	uint8_t what, n, slot;
};

enum {
	DO_WORK, /* and from there on, works[] */
	DO_ENTER = 16,
	DO_ENTER_THREAD,
	DO_LEAVE,
	DO_LEAVE_ALL,
	DO_ATTACH, /* itself */
	DO_DETACH,
	DO_PAUSE,   /* until a signal */
	DO_EXECUTE, /* and so end */
	DO_EXIT,
	DO_GIVE_UP, /* all its rights */
	DO_LOOK,    /* where it is */
	DO_THREAD_ENTERS,
	DO_LAST,
};

struct entrant {
	struct world *w;
	int handle;
};

/* A thread enters alone. It leaves or, with an even handle, exits without. */
static inline void *thread_enters(void *arg)
{
	struct entrant *entrant = arg;

	ask_stretch(entrant->w, entrant->handle, SHK_ENTER, SHK_THREAD);
	call_some((void *)5);
	if (entrant->handle % 2)
		ask_stretch(entrant->w, entrant->handle, SHK_LEAVE, 0);
	return NULL;
}

/* @slot: from 224 on of a derived handle, if there is one; otherwise of an owner's. */
static inline int handle_at(const struct world *w, uint8_t slot)
{
	if (slot >= 224 && w->derived[slot % DERIVED] >= 0)
		return w->derived[slot % DERIVED];
	return w->shadows[slot % SHADOWS];
}

static inline void obey(struct world *w, const struct order *order)
{
	struct shk_process_info info = { .size = sizeof(info), .flags = SHK_PROCESS_SELF };
	int handle = handle_at(w, order->slot);
	struct entrant entrant = { w, handle };
	pthread_t thread;

	switch (order->what) {
	case DO_ENTER:
		ask_stretch(w, handle, SHK_ENTER, 0);
		break;
	case DO_ENTER_THREAD:
		ask_stretch(w, handle, SHK_ENTER, SHK_THREAD);
		break;
	case DO_LEAVE:
		ask_stretch(w, handle, SHK_LEAVE, 0);
		break;
	case DO_LEAVE_ALL:
		for (int i = 0; i < SHADOWS; i++)
			ask_stretch(w, w->shadows[i], SHK_LEAVE, 0);
		break;
	case DO_ATTACH:
		ask_process(w, handle, SHK_PROCESS_ATTACH, 0);
		break;
	case DO_DETACH:
		ask_process(w, order->n % 2 ? handle : w->dev, SHK_PROCESS_DETACH, 0);
		break;
	case DO_PAUSE:
		pause();
		break;
	case DO_EXECUTE:
		execl(TINY, "tiny", NULL);
		break;
	case DO_EXIT:
		_exit(0);
	case DO_GIVE_UP:
		if (setgid(DELEGATE) || setuid(DELEGATE))
			break;
		prctl(PR_SET_DUMPABLE, 1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		break;
	case DO_LOOK:
		ask(w, w->dev, SHK_PROCESS_INFO, &info);
		break;
	case DO_THREAD_ENTERS:
		if (!pthread_create(&thread, NULL, thread_enters, &entrant))
			pthread_join(thread, NULL);
		break;
	default:
		works[order->what % ARRAY_SIZE(works)](order->n % 16);
	}
}

static inline void on_signal(int number)
{
}

static inline _Noreturn void child_run(struct world *w, struct child *child, int orders)
{
	struct order order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w->fail = 0;
	kcov_start(&child->kcov);
	while (read(orders, &order, sizeof(order)) == sizeof(order)) {
		obey(w, &order);
		(*child->done)++;
	}
	_exit(0);
}

/* @group: a descriptor of the cgroup to create the child in, or -1. */
static inline void child_start(struct world *w, int number, int group)
{
	struct child *child = &w->children[number];
	struct clone_args args = { .exit_signal = SIGCHLD };
	int ends[2];

	if (child->pid)
		return;
	if (group >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (unsigned int)group;
	}
	need(!pipe2(ends, O_CLOEXEC));
	child->asked = *child->done = 0;
	fflush(stdout);
	child->pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (!child->pid) {
		close(ends[1]);
		pin(w->number + number);
		child_run(w, child, ends[0]);
	}
	close(ends[0]);
	child->orders = ends[1];
	if (child->pid < 0) {
		close(child->orders);
		child->pid = 0;
	}
	w->self->children[number] = child->pid;
}

static inline void child_order(struct child *child, struct order order)
{
	/* The write fails if the child has exited: world_make() ignores SIGPIPE. */
	if (child->pid && child->asked < 1000 &&
	    write(child->orders, &order, sizeof(order)) == sizeof(order))
		child->asked++;
}

static inline void child_await(struct child *child, unsigned long most)
{
	unsigned long until = milliseconds() + most;

	while (child->pid && *child->done < child->asked && milliseconds() < until)
		usleep(500);
}

static inline void child_end(struct world *w, int number)
{
	struct child *child = &w->children[number];

	if (!child->pid)
		return;
	kill(child->pid, SIGKILL);
	need(waitpid(child->pid, NULL, 0) == child->pid);
	close(child->orders);
	kcov_take(&child->kcov, &w->reached);
	child->pid = 0;
	w->self->children[number] = 0;
}

/* ---- beginning and end ---- */

static inline void name_own(char *name, const struct world *w, int slot)
{
	snprintf(name, SHK_NAME_LEN, "fuzz-%d-%d", w->number, slot);
}

static inline void name_common(char *name, int number)
{
	snprintf(name, SHK_NAME_LEN, "fuzz-common-%d", number % COMMON);
}

static inline void group_path(char *path, size_t room, const struct world *w, int group)
{
	snprintf(path, room, CGROUPS "/fuzz-%d%s", w->number, group ? "/inner" : "");
}

static inline bool group_move(struct world *w, int group, pid_t pid)
{
	char path[128], text[16];

	if (group >= 0)
		group_path(path, sizeof(path), w, group);
	else
		strcpy(path, CGROUPS);
	strcat(path, "/cgroup.procs");
	snprintf(text, sizeof(text), "%d", pid);
	return write_file(path, text);
}

static inline void world_make(struct world *w)
{
	char path[128];

	need(!sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_signal }, NULL));
	need(!sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_signal }, NULL));
	signal(SIGPIPE, SIG_IGN);
	w->dev = device_open();
	for (int i = 0; i < SHADOWS; i++)
		w->shadows[i] = -1;
	for (int i = 0; i < DERIVED; i++)
		w->derived[i] = -1;
	w->kcov = kcov_open();
	kcov_start(&w->kcov);
	for (int i = 0; i < CHILDREN; i++) {
		w->children[i].kcov = kcov_open();
		w->children[i].done =
			mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		need(w->children[i].done != MAP_FAILED);
	}
	for (int i = 0; i < GROUPS; i++) {
		group_path(path, sizeof(path), w, i);
		need(!mkdir(path, 0755));
		w->groups[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		need(w->groups[i] >= 0);
	}
	w->fail_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
}

/* Detaches all processes that are in the shadow. */
static inline void empty(struct world *w, int handle)
{
	struct shk_process_entry entries[16];
	uint64_t cursor = 0;

	do {
		long n = ask_list(w, handle, SHK_PROCESS_LIST, entries, sizeof(*entries),
				  ARRAY_SIZE(entries), &cursor);

		if (n < 0)
			break;
		for (long i = 0; i < n; i++)
			if (entries[i].pid > 0)
				ask_process(w, handle, SHK_PROCESS_DETACH, entries[i].pid);
	} while (cursor);
}

static inline long empty_and_destroy(struct world *w, int handle)
{
	empty(w, handle);
	return ask_destroy(w, handle);
}

/*
 * Destroying a shadow with probes waits for an RCU-tasks grace period, which takes up to half a
 * second. Mostly, close shadows without a name instead.
 */
static inline bool shadow_end(struct world *w, int handle)
{
	struct shk_shadow_info info = {};
	bool ended = true, common;
	long ret = 0;

	need(ask_first(w, handle, SHK_SHADOW_LIST, &info, sizeof(info)) == 1);
	/* Other workers may use a common one. */
	common = !strncmp(info.name, "fuzz-common", strlen("fuzz-common"));
	if (*info.name || w->self->sequences % 8 == 0)
		ended = eventually((ret = empty_and_destroy(w, handle)) == 0 ||
				   ret == ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED) || common);
	if (!ended)
		printf("a shadow cannot be destroyed: %s\n", outcome(ret));
	close(handle);
	return ended;
}

/* Ends all that the sequence has made. Prints what cannot be ended, and returns false then. */
static inline bool world_clear(struct world *w)
{
	char name[SHK_NAME_LEN];
	bool clear = true;
	long ret = 0;

	w->fail = 0;
	setitimer(ITIMER_REAL, &(struct itimerval){}, NULL);
	for (int i = 0; i < CHILDREN; i++)
		child_end(w, i);
	group_move(w, -1, 0);
	for (int i = 0; i < GROUPS; i++) {
		if (eventually((ret = ask_group(w, w->dev, SHK_CGROUP_DETACH, w->groups[i])) == 0 ||
			       ret == ERROR(ENOENT, SHK_REASON_CGROUP_UNATTACHED)))
			continue;
		printf("a cgroup cannot be detached: %s\n", outcome(ret));
		clear = false;
	}
	for (int i = 0; i < SHADOWS; i++)
		while (w->shadows[i] >= 0 && !ask_stretch(w, w->shadows[i], SHK_LEAVE, 0))
			;
	for (int i = 0; i < DERIVED; i++)
		if (w->derived[i] >= 0) {
			close(w->derived[i]);
			w->derived[i] = -1;
		}
	/* Other workers may attach this one at any time. */
	if (!eventually((ret = ask_process(w, w->dev, SHK_PROCESS_DETACH, 0)) == 0 ||
			ret == ERROR(ENOENT, SHK_REASON_NOT_INSIDE))) {
		printf("the worker cannot be detached: %s\n", outcome(ret));
		busy_print(w);
		clear = false;
	}
	/*
	 * A process in a shadow of SHK_SYSCALLS_CREATE counts as inside its target, too: empty all
	 * shadows before destroying any.
	 */
	for (int i = 0; i < SHADOWS; i++)
		if (w->shadows[i] >= 0)
			empty(w, w->shadows[i]);
	for (int i = 0; i < SHADOWS; i++)
		if (w->shadows[i] >= 0) {
			clear &= shadow_end(w, w->shadows[i]);
			w->shadows[i] = -1;
		}
	for (int i = 0; i < SHADOWS; i++) {
		long handle;

		name_own(name, w, i);
		handle = ask_open(w, name);
		if (handle >= 0)
			clear &= shadow_end(w, (int)handle);
	}
	if (w->strays)
		printf("a shadow has bytes that no edit accounts for\n");
	kcov_take(&w->kcov, &w->reached);
	return clear && !w->strays;
}

static inline void world_end(struct world *w)
{
	char path[128];

	for (int i = GROUPS - 1; i >= 0; i--) {
		group_path(path, sizeof(path), w, i);
		expect_true(eventually(!rmdir(path)));
		close(w->groups[i]);
	}
	close(w->dev);
}

#endif /* SHADOWK_TEST_FUZZ_WORLD_H */
