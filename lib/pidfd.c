// SPDX-License-Identifier: LGPL-2.1-only
/* Opens a pidfd of the process that a thread belongs to. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

static int pidfd_open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

/* Returns the pid of the process that thread @pid belongs to, or 0 if there is no such thread. */
static pid_t thread_group(pid_t pid)
{
	char line[128];
	pid_t group = 0;
	FILE *file;

	snprintf(line, sizeof(line), "/proc/%d/status", (int)pid);
	file = fopen(line, "re");
	while (file && !group && fgets(line, sizeof(line), file))
		if (!strncmp(line, "Tgid:", 5))
			group = (pid_t)strtol(line + 5, NULL, 10);
	if (file)
		fclose(file);
	return group;
}

static int thread_pidfd_open(pid_t pid)
{
	pid_t group = thread_group(pid);
	int fd = group ? pidfd_open(group) : -ESRCH;

	/* Before the process was opened, both ids may have been given to other threads. */
	if (fd >= 0 && thread_group(pid) != group) {
		close(fd);
		return -ESRCH;
	}
	return fd;
}

int shk_pidfd_open(pid_t pid)
{
	int fd = pidfd_open(pid);

	/* A thread is not the first of its process: EINVAL, and ENOENT since Linux 6.15. */
	if (fd == -EINVAL || fd == -ENOENT)
		fd = thread_pidfd_open(pid);
	return shk_return(fd, fd == -ESRCH ? SHADOWK_REASON_PROCESS_EXITED : 0);
}
