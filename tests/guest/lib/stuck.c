// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stuck.h"

static struct {
	atomic_int thread; /* id of the actor's other thread */
	atomic_bool go;
	char program[100];
} * held;

static int root_fd;
static pid_t guard;
static volatile char *page;

void stuck_init(void)
{
	held = shared_memory(sizeof(*held));
	root_fd = open("/root", O_RDONLY | O_CLOEXEC);
}

bool some_thread_has_state(pid_t pid, const char *state)
{
	char command[100];

	snprintf(command, sizeof(command), "grep -q '^State:.%s' /proc/%d/task/*/status", state,
		 pid);
	return !system(command);
}

bool root_freeze(unsigned int seconds)
{
	pid_t test = getpid();

	guard = fork();
	need(guard >= 0);
	if (!guard) {
		for (unsigned int i = 0; i < seconds && getppid() == test; i++)
			sleep(1);
		ioctl(root_fd, FITHAW, 0);
		_exit(0);
	}
	if (!ioctl(root_fd, FIFREEZE, 0))
		return true;
	kill(guard, SIGKILL);
	waitpid(guard, NULL, 0);
	return false;
}

void root_thaw(void)
{
	need(!ioctl(root_fd, FITHAW, 0));
	kill(guard, SIGKILL);
	waitpid(guard, NULL, 0);
}

long job_map_frozen(long where)
{
	int fd = open(FROZEN_FILE, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, 4096))
		return -errno;
	page = mmap((void *)where, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | (where ? MAP_FIXED_NOREPLACE : 0), fd, 0);
	close(fd);
	return page == MAP_FAILED ? -errno : page[0];
}

static void *write_page(void *at)
{
	*(volatile char *)at = 1;
	return NULL;
}

long write_in_thread(volatile char *at, bool wait)
{
	pthread_t thread;
	int ret = pthread_create(&thread, NULL, write_page, (void *)at);

	if (!ret && wait)
		pthread_join(thread, NULL);
	return -ret;
}

long job_write_frozen(long wait)
{
	return write_in_thread(page, wait);
}

char *map_unserved(int *fd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register wish = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	wish.range.start = (uintptr_t)at;
	wish.range.len = 4096;
	*fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (at == MAP_FAILED || *fd < 0 || ioctl(*fd, UFFDIO_API, &api) ||
	    ioctl(*fd, UFFDIO_REGISTER, &wish))
		return NULL;
	return at;
}

static void *be_held(void *unused)
{
	held->thread = (pid_t)syscall(SYS_gettid);
	for (;;)
		pause();
	return NULL;
}

static long job_exec_with_thread(long unused)
{
	char *argv[] = { held->program, NULL };
	pthread_t thread;

	need(!pthread_create(&thread, NULL, be_held, NULL));
	while (!held->go)
		usleep(1000);
	execv(held->program, argv);
	return -errno;
}

void exec_hold(struct actor *actor, const char *program)
{
	int status;

	held->thread = 0;
	held->go = false;
	snprintf(held->program, sizeof(held->program), "%s", program);
	actor_ask(actor, job_exec_with_thread, 0);
	need(eventually(held->thread));
	need(!ptrace(PTRACE_SEIZE, held->thread, 0, PTRACE_O_TRACEEXIT));
	held->go = true;
	need(waitpid(held->thread, &status, __WALL) == held->thread && WIFSTOPPED(status) &&
	     status >> 16 == PTRACE_EVENT_EXIT);
}

void exec_release(void)
{
	need(!ptrace(PTRACE_DETACH, held->thread, 0, 0));
}
