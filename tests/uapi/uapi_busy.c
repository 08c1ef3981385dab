// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * A thread that sleeps in a body which would change is named by @busy: its id in the caller's pid
 * namespace, or -1 if that does not show it.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "uapi.h"

#define TASK_BUSY ERROR(EBUSY, SHK_REASON_TASK_BUSY)
#define PAUSE	  "__x64_sys_pause"

static int dev, shadow, other;
static volatile pid_t *tid; /* of the thread that sleeps in pause() */

static void *sleep_in_pause(void *arg)
{
	*tid = (pid_t)syscall(SYS_gettid);
	syscall(SYS_pause);
	return NULL;
}

/* A process of two threads, the second of which sleeps in pause(). */
static pid_t sleeping_process(void)
{
	pthread_t thread;
	pid_t pid = fork();

	need(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		need(!pthread_create(&thread, NULL, sleep_in_pause, NULL));
		pthread_join(thread, NULL);
		_exit(1);
	}
	while (!*tid)
		usleep(1000);
	/* Until it sleeps. */
	usleep(200000);
	return pid;
}

static struct shk_patch_add in_place(void)
{
	struct shk_patch_add arg = return_of(PAUSE, (uint64_t)-EPERM);

	arg.flags = SHK_PATCH_IN_PLACE;
	return arg;
}

static int32_t busy_of(int fd, unsigned long nr, void *arg)
{
	expect(call(fd, nr, arg), TASK_BUSY);
	return ((struct head *)arg)->busy;
}

/* In a pid namespace of its own. */
static int not_shown(void *unused)
{
	struct shk_patch_add arg = in_place();

	failures = 0;
	expect(busy_of(shadow, SHK_PATCH_ADD, &arg), -1);
	fflush(stdout);
	return failures != 0;
}

static void in_namespace(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int status;
	pid_t pid;

	fflush(stdout);
	pid = clone(not_shown, stack + sizeof(stack), CLONE_NEWPID | SIGCHLD, NULL);
	need(pid >= 0 && waitpid(pid, &status, 0) == pid);
	expect(status, 0);
}

int main(void)
{
	struct shk_patch_add add = in_place(), outside = in_place();
	struct shk_patch_remove remove = { .size = sizeof(remove) };
	struct shk_process process = { .size = sizeof(process) };
	pid_t pid;

	dev = device_open();
	if (!in_place_is_possible(dev)) {
		puts("no patch can be in place on this kernel");
		return 77;
	}
	tid = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(tid != MAP_FAILED);
	shadow = (int)shadow_create(dev, "uapi");
	other = (int)shadow_create(dev, "other");
	need(shadow >= 0 && other >= 0);
	pid = sleeping_process();
	process.pidfd = pidfd_of(pid);

	/* Adding below a thread that sleeps in the base's body. */
	expect(attach(shadow, process.pidfd), 0);
	expect(busy_of(shadow, SHK_PATCH_ADD, &add), *tid);
	in_namespace();
	/* Attaching a process to the shadow that has it. */
	expect(detach(dev, process.pidfd), 0);
	expect(call(other, SHK_PATCH_ADD, &outside), 0);
	expect(busy_of(other, SHK_PROCESS_ATTACH, &process), *tid);
	expect(whereabouts(dev, process.pidfd), ERROR(ENOENT, SHK_REASON_NOT_INSIDE));
	/* Without the patch the process comes and goes. */
	expect(patch_remove(other, outside.id), 0);
	expect(attach(other, process.pidfd), 0);
	expect(detach(dev, process.pidfd), 0);

	sleeper_end(pid);
	expect(call(shadow, SHK_PATCH_ADD, &add), 0);
	remove.id = add.id;
	expect(call(shadow, SHK_PATCH_REMOVE, &remove), 0);
	expect(shadow_destroy(shadow), 0);
	expect(shadow_destroy(other), 0);
	return finish();
}
