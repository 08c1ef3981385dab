// SPDX-License-Identifier: GPL-2.0-only
/* Looks at processes before they are attached. */
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli.h"
#include "target_parts.h"

pid_t process_of(pid_t thread)
{
	FILE *file __cleanup(file_close) = NULL;
	char path[32], line[128];
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
	file = fopen(path, "re");
	while (file && !pid && fgets(line, sizeof(line), file))
		if (sscanf(line, "Tgid: %d", &pid) != 1)
			pid = 0;
	return pid;
}

int process_check(struct shadowk *dev, int pidfd, pid_t pid)
{
	struct shadowk_process_info info = { .size = sizeof(info) };
	struct shadowk_subject subject = { .size = sizeof(subject), .pid = pid };
	int err = shadowk_process_info_pidfd(dev, pidfd, &info);
	char id[24];

	if (err == -ENOENT)
		return STATUS_DONE;
	if (err)
		return refuse(SHADOWK_OP_PROCESS_ATTACH, err, &subject);
	snprintf(id, sizeof(id), "#%llu", (unsigned long long)info.shadow);
	report("pid %d is in shadow '%s'; add probes to that one with 'shadowctl probe add', or detach "
	       "the process first",
	       (int)pid, info.name[0] ? info.name : id);
	return STATUS_REFUSED;
}

/* Checks the process unless it has just ended, or is a kernel thread, which stays outside. */
static int member_check(struct shadowk *dev, pid_t pid)
{
	struct shadowk_process_info info = { .size = sizeof(info) };
	int fd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1, status = STATUS_DONE;

	if (fd < 0)
		return STATUS_DONE;
	if (!shadowk_process_info_pidfd(dev, fd, &info))
		status = process_check(dev, fd, pid);
	close(fd);
	return status;
}

/* Checks the processes of one cgroup, without those below. */
static int members_check(struct shadowk *dev, const char *folder)
{
	FILE *file __cleanup(file_close) = NULL;
	char *path __cleanup(text_free) = NULL;
	int status = STATUS_DONE, pid;

	if (asprintf(&path, "%s/cgroup.procs", folder) < 0)
		return STATUS_DONE;
	file = fopen(path, "re");
	while (file && !status && fscanf(file, "%d", &pid) == 1)
		status = member_check(dev, pid);
	return status;
}

int cgroup_check(struct shadowk *dev, char *path)
{
	char *roots[] = { path, NULL }, *procs __cleanup(text_free) = NULL;
	int status = STATUS_DONE;
	FTSENT *entry;
	FTS *fts;

	/* The kernel refuses a folder that is no cgroup. */
	if (asprintf(&procs, "%s/cgroup.procs", path) < 0 || access(procs, F_OK))
		return STATUS_DONE;
	fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	while (fts && !status && (entry = fts_read(fts)))
		if (entry->fts_info == FTS_D)
			status = members_check(dev, entry->fts_path);
	if (fts)
		fts_close(fts);
	return status;
}
