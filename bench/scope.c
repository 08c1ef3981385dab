// SPDX-License-Identifier: GPL-2.0
/*
 * Measures the costs of being inside for a time, and of attaching a cgroup.
 *
 *   scope MEMBERS...
 *
 * Prints a JSON list for each step: the step, the number of private pages or processes, and its
 * lowest processor time in ns. These are instructions in a guest that counts them.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shadowk.h>

#include "measure.h"

#define TIMES	15
#define CALLS	20
#define GETPPID "__x64_sys_getppid"
#define CGROUPS "/sys/fs/cgroup"
#define MEMBERS CGROUPS "/members"

/* An ioctl that does not exist. */
#define EMPTY _IO(0xB5, 0xff)

static struct shadowk *dev;
static struct shadowk_shadow *shadow;

static uint64_t begin(void)
{
	quiet();
	return spent_so_far();
}

static void do_nothing(void)
{
	ioctl(shadowk_shadow_fd(shadow), EMPTY, 0);
	ioctl(shadowk_shadow_fd(shadow), EMPTY, 0);
}

static void do_enter_and_leave(void)
{
	check(shadowk_enter(shadow), "enter");
	check(shadowk_leave(shadow), "leave");
}

static void do_thread(void)
{
	check(shadowk_enter_flags(shadow, SHADOWK_THREAD), "enter");
	check(shadowk_leave(shadow), "leave");
}

static void do_getppid(void)
{
	syscall(SYS_getppid);
}

static void do_getpid(void)
{
	syscall(SYS_getpid);
}

static void measure(const char *what, unsigned int of, void (*step)(void))
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < TIMES; i++) {
		uint64_t start, spent;

		step();
		start = begin();
		for (int n = 0; n < CALLS; n++)
			step();
		spent = (spent_so_far() - start) / CALLS;
		if (spent < least)
			least = spent;
	}
	printf("[\"%s\", %u, %ju]\n", what, of, (uintmax_t)least);
}

static unsigned int private_pages(void)
{
	struct shadowk_shadow_info info;

	check(shadowk_shadow_info(shadow, &info, sizeof(info)), "info");
	return info.private_pages;
}

static void make_shadow(bool all)
{
	struct shadowk_raw_spec raw = { .size = sizeof(raw), .flags = SHADOWK_RAW_IDENTITY };
	struct shadowk_probe_spec spec = { .size = sizeof(spec), .kind = SHADOWK_PROBE_COUNT };

	check(shadowk_shadow_create(dev, NULL, &shadow), "create");
	if (all) {
		check(shadowk_raw_add(shadow, &raw), "make all pages private");
		return;
	}
	check(shadowk_probe_parse(GETPPID, &spec), "parse");
	check(shadowk_probe_add(shadow, &spec), "probe");
}

static void stretches(bool all)
{
	make_shadow(all);
	/* The first graft makes tables. */
	do_enter_and_leave();
	measure("two ioctls that do nothing", private_pages(), do_nothing);
	measure("enter and leave", private_pages(), do_enter_and_leave);
	measure("enter and leave, a thread alone", private_pages(), do_thread);
	shadowk_shadow_close(shadow);
}

static void system_calls(void)
{
	static const unsigned int numbers[] = { SYS_getppid };
	struct shadowk_shadow *during;

	make_shadow(false);
	measure("getppid, outside", 0, do_getppid);
	check(shadowk_syscalls_create(shadow, numbers, 1, &during, NULL), "choose");
	check(shadowk_process_attach(during, 0), "attach");
	measure("getppid, chosen", 0, do_getppid);
	measure("getpid, not chosen", 0, do_getpid);
	check(shadowk_process_detach(dev, 0), "detach");
	shadowk_shadow_close(during);
	shadowk_shadow_close(shadow);
}

static void write_pid(const char *path, pid_t pid)
{
	FILE *file = fopen(path, "we");

	if (!file || fprintf(file, "%d", (int)pid) < 0 || fclose(file))
		err(1, "%s", path);
}

static pid_t member(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

static void members(unsigned int nr)
{
	uint64_t start, spent, attach = UINT64_MAX, detach = UINT64_MAX;
	pid_t *pids = calloc(nr, sizeof(*pids));

	if (!pids)
		err(1, "memory");
	if (mkdir(MEMBERS, 0755))
		err(1, MEMBERS);
	make_shadow(false);
	for (unsigned int i = 0; i < nr; i++) {
		pids[i] = member();
		write_pid(MEMBERS "/cgroup.procs", pids[i]);
	}
	for (int i = 0; i < 3; i++) {
		start = begin();
		check(shadowk_cgroup_attach(shadow, MEMBERS), "attach");
		spent = spent_so_far() - start;
		attach = spent < attach ? spent : attach;
		start = begin();
		check(shadowk_cgroup_detach(dev, MEMBERS), "detach");
		spent = spent_so_far() - start;
		detach = spent < detach ? spent : detach;
	}
	printf("[\"attach a cgroup\", %u, %ju]\n", nr, (uintmax_t)attach);
	printf("[\"detach it\", %u, %ju]\n", nr, (uintmax_t)detach);
	for (unsigned int i = 0; i < nr; i++)
		kill(pids[i], SIGKILL);
	for (unsigned int i = 0; i < nr; i++)
		waitpid(pids[i], NULL, 0);
	while (rmdir(MEMBERS))
		usleep(1000);
	shadowk_shadow_close(shadow);
	free(pids);
}

int main(int argc, char **argv)
{
	check(shadowk_open(&dev), "open");
	if (access(CGROUPS "/cgroup.procs", F_OK) && mount("cgroup2", CGROUPS, "cgroup2", 0, NULL))
		err(1, CGROUPS);
	stretches(false);
	stretches(true);
	system_calls();
	for (int i = 1; i < argc; i++)
		members((unsigned int)strtoul(argv[i], NULL, 10));
	shadowk_close(dev);
	return 0;
}
