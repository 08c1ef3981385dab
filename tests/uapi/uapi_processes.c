// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* Processes that cannot be inside are refused; those that can come and go. */
#include <pthread.h>
#include <sys/syscall.h>

#include "uapi.h"

static int dev, handle;

static void refused(int pid, long err)
{
	char *before = state(dev, handle);

	expect(attach(handle, pid), err);
	expect(detach(dev, pid), err);
	expect(whereabouts(dev, pid), err);
	expect_state(dev, handle, before);
	free(before);
}

static void nobody(void)
{
	pid_t pid = fork();

	need(pid >= 0);
	if (!pid)
		_exit(0);
	waitid(P_PID, pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	refused(pid, -ESRCH); /* a zombie */
	waitpid(pid, NULL, 0);
	refused(pid, -ESRCH); /* gone */
	refused(NO_PID, -ESRCH);
	refused(INT32_MAX, -ESRCH);
	refused(2, -EOPNOTSUPP); /* kthreadd */
}

static void negative(void)
{
	static const int pids[] = { -1, -2, INT32_MIN };
	char *before = state(dev, handle);

	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		long ret = attach(handle, pids[i]);

		expect(ret == -EINVAL ? -ESRCH : ret, -ESRCH);
	}
	expect_state(dev, handle, before);
	free(before);
}

static void comes_and_goes(int pid)
{
	struct shk_process_info info = { .size = sizeof(info), .pid = pid };
	int other = (int)shadow_create(dev, "other");

	need(other >= 0);
	expect(detach(dev, pid), -ENOENT);
	expect(whereabouts(dev, pid), -ENOENT);
	expect(attach(handle, pid), 0);
	expect(attach(handle, pid), 0);
	expect(call(dev, SHK_PROCESS_INFO, &info), 0);
	expect_true(!strcmp(info.name, "uapi"));
	expect(shadow_destroy(handle), -EBUSY);
	expect(attach(other, pid), 0);
	expect(call(dev, SHK_PROCESS_INFO, &info), 0);
	expect_true(!strcmp(info.name, "other"));
	expect(shadow_destroy(other), -EBUSY);
	expect(detach(dev, pid), 0);
	expect(detach(dev, pid), -ENOENT);
	expect(whereabouts(dev, pid), -ENOENT);
	expect(shadow_destroy(other), 0);
	expect(attach(other, pid), -ESTALE);
	expect(whereabouts(dev, pid), -ENOENT);
	close(other);
}

static void *thread(void *tid)
{
	*(int *)tid = (int)syscall(SYS_gettid);
	pause();
	return NULL;
}

/* Any thread stands for its process. */
static void by_thread(void)
{
	struct shk_process_next next = { .size = sizeof(next) };
	volatile int tid = 0;
	pthread_t t;

	need(!pthread_create(&t, NULL, thread, (void *)&tid));
	while (!tid)
		usleep(1000);
	expect(attach(handle, tid), 0);
	expect(whereabouts(dev, getpid()), 0);
	expect(whereabouts(dev, 0), 0);
	expect(call(handle, SHK_PROCESS_NEXT, &next), 0);
	expect(next.pid, getpid());
	expect_true(!strcmp(next.comm, "uapi_processes"));
	expect(call(handle, SHK_PROCESS_NEXT, &next), -ENOENT);
	expect(detach(dev, tid), 0);
	pthread_cancel(t);
	pthread_join(t, NULL);
}

int main(void)
{
	pid_t child;
	char *before;

	dev = device_open();
	handle = (int)shadow_create(dev, "uapi");
	need(handle >= 0);
	/* The first graft builds the shadow's tables, which stay. */
	expect(attach(handle, 0), 0);
	expect(detach(dev, 0), 0);
	before = state(dev, handle);
	nobody();
	negative();
	comes_and_goes(1);
	child = sleeper();
	comes_and_goes(child);
	/* One that ends inside leaves nothing behind. */
	expect(attach(handle, child), 0);
	sleeper_end(child);
	by_thread();
	usleep(200000); /* the last reference to an mm may go a little later */
	expect_state(dev, handle, before);
	expect(shadow_destroy(handle), 0);
	return finish();
}
