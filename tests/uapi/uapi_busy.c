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
	/* It replaces pause(), and getuid(). */
	struct shk_patch_add arg = module_of(SHK_PATCH_MODULE, "shk_inplace");

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

static void *add_patch(void *arg)
{
	struct shk_patch_add add = in_place();

	strcpy(add.name, "p");
	*(int32_t *)arg = busy_of(shadow, SHK_PATCH_ADD, &add);
	return NULL;
}

/* While one call waits for the thread, other calls do not get the patch. */
static void patch_busy(void)
{
	struct shk_patch_remove remove = { .size = sizeof(remove), .name = "p" };
	struct shk_patch_promote promote = { .size = sizeof(promote), .name = "p" };
	const long patch_busy = ERROR(EBUSY, SHK_REASON_PATCH_BUSY);
	const long unknown = ERROR(ENOENT, SHK_REASON_ID_UNKNOWN);
	pthread_t thread;
	int32_t busy = 0;
	long ret = unknown;

	need(!pthread_create(&thread, NULL, add_patch, &busy));
	for (int i = 0; i < 200 && ret == unknown; i++) {
		usleep(5000);
		ret = call(shadow, SHK_PATCH_REMOVE, &remove);
	}
	expect(ret, patch_busy);
	expect(call(shadow, SHK_PATCH_PROMOTE, &promote), patch_busy);
	pthread_join(thread, NULL);
	expect(busy, *tid);
}

int main(void)
{
	struct shk_patch_add add = in_place(), outside = in_place();
	struct shk_patch_remove remove = { .size = sizeof(remove) };
	struct shk_process process = { .size = sizeof(process) };
	struct utsname uts;
	pid_t pid;

	dev = device_open();
	need(!uname(&uts));
	if (!in_place_is_possible(dev) || strstr(uts.release, "debug")) {
		puts("no body of a module can be in place on this kernel");
		return 77;
	}
	need(!module_load("shk_inplace", ""));
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
	patch_busy();
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
	expect(module_unload("shk_inplace"), 0);
	return finish();
}
