// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Processes by pidfd: which descriptors are none, which processes cannot be inside, and that the
 * others can be attached, moved and detached.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "uapi.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

static int dev, handle;

static void refused(int pidfd, long error)
{
	char *before = state(dev, handle);

	expect(attach(handle, pidfd), error);
	expect(detach(handle, pidfd), error);
	expect(detach(dev, pidfd), error);
	expect(whereabouts(dev, pidfd), error);
	expect_state(dev, handle, before);
	free(before);
}

static void ended(void)
{
	const long exited = ERROR(ESRCH, SHK_REASON_PROCESS_EXITED);
	pid_t pid = fork();
	int pidfd;

	need(pid >= 0);
	if (!pid)
		_exit(0);
	waitid(P_PID, pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	pidfd = pidfd_of(pid);
	refused(pidfd, exited); /* a zombie */
	waitpid(pid, NULL, 0);
	refused(pidfd, exited);
	close(pidfd);
}

static void kernel_thread(void)
{
	int pidfd = pidfd_of(2); /* kthreadd */

	refused(pidfd, ERROR(EOPNOTSUPP, SHK_REASON_KERNEL_THREAD));
	close(pidfd);
}

static void no_pidfds(void)
{
	const int others[] = {
		-1,
		INT_MAX,
		12345,
		0,
		1,
		dev,
		handle,
		open("/dev/null", O_RDONLY | O_CLOEXEC),
		/* No pidfds, though pidfd_send_signal() takes them for such. */
		open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		open("/proc/1", O_PATH | O_DIRECTORY | O_CLOEXEC),
		eventfd(0, EFD_CLOEXEC),
		memfd_create("uapi", MFD_CLOEXEC),
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		refused(others[i], ERROR(EBADF, SHK_REASON_NOT_PIDFD));
	for (size_t i = 7; i < ARRAY_SIZE(others); i++)
		close(others[i]);
}

/* SHK_PROCESS_SELF stands instead of a descriptor, not beside one. */
static void self_and_pidfd(void)
{
	const int pidfds[] = { -1, 1, 12345, INT_MAX, pidfd_of(getpid()) };
	char *before = state(dev, handle);

	for (size_t i = 0; i < ARRAY_SIZE(pidfds); i++) {
		struct shk_process arg = {
			.size = sizeof(arg),
			.flags = SHK_PROCESS_SELF,
			.pidfd = pidfds[i],
		};
		struct shk_process_info info = {
			.size = sizeof(info),
			.flags = SHK_PROCESS_SELF,
			.pidfd = pidfds[i],
		};

		expect(call(handle, SHK_PROCESS_ATTACH, &arg), -EINVAL);
		expect(call(handle, SHK_PROCESS_DETACH, &arg), -EINVAL);
		expect(call(dev, SHK_PROCESS_DETACH, &arg), -EINVAL);
		expect(call(dev, SHK_PROCESS_INFO, &info), -EINVAL);
	}
	expect_state(dev, handle, before);
	free(before);
	close(pidfds[ARRAY_SIZE(pidfds) - 1]);
}

/* @pidfd: or SELF */
static void comes_and_goes(int pidfd)
{
	const long not_inside = ERROR(ENOENT, SHK_REASON_NOT_INSIDE);
	const long in_use = ERROR(EBUSY, SHK_REASON_SHADOW_IN_USE);
	struct shk_process_info info;
	int other = (int)shadow_create(dev, "other");

	need(other >= 0);
	expect(detach(dev, pidfd), not_inside);
	expect(detach(handle, pidfd), not_inside);
	expect(whereabouts(dev, pidfd), not_inside);
	expect(attach(handle, pidfd), 0);
	expect(attach(handle, pidfd), 0);
	expect(process_info(dev, pidfd, &info), 0);
	expect_true(!strcmp(info.name, "uapi"));
	expect((long)info.shadow, (long)shadow_info(handle).id);
	expect(shadow_destroy(handle), in_use);
	expect(detach(other, pidfd), not_inside);
	expect(attach(other, pidfd), 0);
	expect(detach(handle, pidfd), not_inside);
	expect(process_info(dev, pidfd, &info), 0);
	expect_true(!strcmp(info.name, "other"));
	expect((long)info.shadow, (long)shadow_info(other).id);
	expect(shadow_destroy(other), in_use);
	expect(detach(dev, pidfd), 0);
	expect(detach(dev, pidfd), not_inside);
	expect(attach(other, pidfd), 0);
	expect(detach(other, pidfd), 0);
	expect(whereabouts(dev, pidfd), not_inside);
	expect(shadow_destroy(other), 0);
	expect(attach(other, pidfd), ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
	expect(detach(other, pidfd), not_inside);
	expect(whereabouts(dev, pidfd), not_inside);
	close(other);
}

struct shared {
	volatile int tid;
	volatile long attached;
};

/* A thread other than the first attaches its process. */
static void *thread(void *arg)
{
	struct shared *shared = arg;

	shared->attached = attach(handle, SELF);
	shared->tid = (int)syscall(SYS_gettid);
	pause();
	return NULL;
}

static void by_thread(void)
{
	struct shk_process_entry entry;
	struct shared shared = {};
	int self = pidfd_of(getpid()), tidfd;
	pthread_t t;

	need(!pthread_create(&t, NULL, thread, &shared));
	while (!shared.tid)
		usleep(1000);
	expect(shared.attached, 0);
	expect(whereabouts(dev, self), 0);
	expect(whereabouts(dev, SELF), 0);
	expect((long)list_count(handle, SHK_PROCESS_LIST, sizeof(entry)), 1);
	expect(list_first(handle, SHK_PROCESS_LIST, &entry, sizeof(entry)), 1);
	expect(entry.pid, getpid());
	expect_true(!strcmp(entry.comm, "uapi_processes"));
	/* A pidfd of one thread, since Linux 6.9. */
	tidfd = (int)syscall(SYS_pidfd_open, shared.tid, PIDFD_THREAD);
	if (tidfd >= 0) {
		expect(whereabouts(dev, tidfd), 0);
		close(tidfd);
	}
	expect(detach(dev, self), 0);
	pthread_cancel(t);
	pthread_join(t, NULL);
	close(self);
}

/* A process that the caller's pid namespace does not show. */
static int in_pid_namespace(void *arg)
{
	struct shk_process_entry entry;

	failures = 0;
	expect(list_first(handle, SHK_PROCESS_LIST, &entry, sizeof(entry)), 1);
	expect(entry.pid, 0);
	/* Its pidfd works nevertheless. */
	expect(detach(handle, *(int *)arg), 0);
	expect((long)list_count(handle, SHK_PROCESS_LIST, sizeof(entry)), 0);
	fflush(stdout);
	return failures != 0;
}

static void other_pid_namespace(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t inside = sleeper(), pid;
	int pidfd = pidfd_of(inside), status;

	expect(attach(handle, pidfd), 0);
	fflush(stdout);
	pid = clone(in_pid_namespace, stack + sizeof(stack), CLONE_NEWPID | SIGCHLD, &pidfd);
	need(pid >= 0 && waitpid(pid, &status, 0) == pid);
	expect(status, 0);
	sleeper_end(inside);
	close(pidfd);
}

int main(void)
{
	pid_t child;
	char *before;
	int pidfd;

	dev = device_open();
	handle = (int)shadow_create(dev, "uapi");
	need(handle >= 0);
	/* The first graft builds the shadow's tables, which stay. */
	expect(attach(handle, SELF), 0);
	expect(detach(dev, SELF), 0);
	before = state(dev, handle);
	ended();
	kernel_thread();
	no_pidfds();
	self_and_pidfd();
	pidfd = pidfd_of(1);
	comes_and_goes(pidfd);
	close(pidfd);
	comes_and_goes(SELF);
	child = sleeper();
	pidfd = pidfd_of(child);
	comes_and_goes(pidfd);
	/* A process that ends inside leaves nothing behind. */
	expect(attach(handle, pidfd), 0);
	sleeper_end(child);
	close(pidfd);
	by_thread();
	other_pid_namespace();
	usleep(200000); /* the last reference to an mm may be dropped a little later */
	expect_state(dev, handle, before);
	expect(shadow_destroy(handle), 0);
	return finish();
}
